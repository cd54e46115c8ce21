"""Azure's own emulator of its store, where it is on this machine: it is a package of npm, too large to be installed for every run of the tests."""

import base64
import hashlib
import hmac
import http.client
import itertools
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest

_VARIABLE = "MIST_TEST_AZURITE"
COMMAND = os.environ.get(_VARIABLE) or shutil.which("azurite-blob")
"""Asked before the tests clear what the environment says."""
_MISSING = (
    "AZURE NOT TESTED: no azurite-blob on this machine. Install it (npm install azurite), and name "
    f"node_modules/.bin/azurite-blob in {_VARIABLE}"
)
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""The emulator's only account; its key is in its documentation."""
VERSION = "2021-08-06"
_WITHIN_SECONDS = 60.0

_numbers = itertools.count(1)


@contextmanager
def azurite() -> Iterator[str]:
    """Address of the account, for the time of a block; skips where there is no emulator."""
    if not COMMAND:
        pytest.skip(_MISSING)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    options = [
        "--inMemoryPersistence",
        "--skipApiVersionCheck",
        "--disableTelemetry",
        "--silent",
        "--blobPort",
        str(port),
    ]
    with subprocess.Popen([COMMAND, *options], stdout=subprocess.DEVNULL) as process:
        try:
            _wait_for(port)
            yield f"http://127.0.0.1:{port}/{ACCOUNT}"
        finally:
            process.kill()


def new_container(account: str) -> str:
    """Make an empty container in an account at an address; its name."""
    name = f"container-{next(_numbers)}"
    host, _, path = account.removeprefix("http://").partition("/")
    date = datetime.now(UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
    signed = [
        f"x-ms-date:{date}",
        f"x-ms-version:{VERSION}",
        f"/{ACCOUNT}/{path}/{name}",
        "restype:container",
    ]
    text = "\n".join(["PUT", *[""] * 11, *signed])
    digest = hmac.new(base64.b64decode(KEY), text.encode(), hashlib.sha256).digest()
    headers = {
        "x-ms-date": date,
        "x-ms-version": VERSION,
        "Authorization": f"SharedKey {ACCOUNT}:{base64.b64encode(digest).decode()}",
        "Content-Length": "0",
    }
    connection = http.client.HTTPConnection(host)
    connection.request("PUT", f"/{path}/{name}?restype=container", headers=headers)
    assert connection.getresponse().status == 201
    connection.close()
    return name


def use_azurite(monkeypatch: pytest.MonkeyPatch, account: str) -> None:
    """Set the environment as it is set for an account elsewhere."""
    for name in ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", KEY)
    monkeypatch.setenv("AZURE_STORAGE_ENDPOINT", account)


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + _WITHIN_SECONDS
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert time.monotonic() < deadline, "the emulator does not listen"
        time.sleep(0.05)
