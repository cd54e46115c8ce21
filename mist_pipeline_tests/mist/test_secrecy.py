"""The token is never shown: not in repr, str, tracebacks, logs, files, calls or pages, whatever the cloud does with it."""

import logging
import traceback
from dataclasses import replace

import pytest

from mist_pipeline.http_client.retry import RetryPolicy
from mist_pipeline.mist.budget import fingerprint
from mist_pipeline.mist.errors import (
    MistError,
)
from mist_pipeline_tests.support.mist.scripted_cloud import (
    GOOD,
    IMPATIENT,
    TOKEN,
    WHOAMI,
    ClientMaker,
    Reply,
    ScriptedCloud,
    ask,
)

SCRIPTS = {
    "echoed in the detail": Reply(400, {"detail": f"bad header Token {TOKEN}"}),
    "echoed in a redirect": Reply(301, {}, headers={"Location": f"https://evil.example/?{TOKEN}"}),
    "server error": Reply(500, {"detail": f"{TOKEN}"}),
    "reset": Reply(behaviour="reset"),
    "stall": Reply(behaviour="stall"),
    "truncated": Reply(document={"a": 1}, behaviour="truncate"),
    "not authorised": Reply(401, {"detail": {"token": TOKEN}}),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", SCRIPTS)
def test_errors_tracebacks_and_logs_never_show_the_token(
    cloud: ScriptedCloud, make_client: ClientMaker, caplog: pytest.LogCaptureFixture, case: str
) -> None:
    caplog.set_level(logging.DEBUG)
    cloud.answers(SCRIPTS[case])
    client = make_client(limits=replace(IMPATIENT, retry=RetryPolicy(attempts=2)))
    with pytest.raises(MistError) as caught:
        ask(client)
    error: BaseException | None = caught.value
    shown = [caplog.text, repr(client), repr(vars(client)), repr(WHOAMI)]
    while error is not None:
        shown += [str(error), repr(error), repr(vars(error)), *traceback.format_exception(error)]
        shown += traceback.TracebackException.from_exception(error, capture_locals=True).format()
        error = error.__cause__ or error.__context__
    assert not [text for text in shown if TOKEN in text]


def test_the_budget_file_does_not_hold_the_token(
    cloud: ScriptedCloud, make_client: ClientMaker, tmp_path: object
) -> None:
    cloud.answers(GOOD)
    client = make_client()
    ask(client)
    client.close()
    files = list(tmp_path.iterdir())  # type: ignore[attr-defined]
    assert files
    assert not [file for file in files if TOKEN.encode() in file.read_bytes()]
    assert TOKEN not in fingerprint(cloud.url, TOKEN)
