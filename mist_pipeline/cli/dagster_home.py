"""The Dagster home: a folder of our own below the data folder, with the project's ``dagster.yaml`` in it."""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from mist_pipeline.cli.code_location.files import DAGSTER_YAML
from mist_pipeline.cli.dagster_errors import checked_home, explained

if TYPE_CHECKING:
    from dagster import DagsterInstance

    from mist_pipeline.settings import Settings


def place_of_home(settings: "Settings") -> Path:
    """Where the Dagster home is: ``DAGSTER_HOME`` if set, else ``<data>/dagster``, one for several organisations."""
    named = os.environ.get("DAGSTER_HOME")
    return Path(named).expanduser().absolute() if named else (settings.installation / "dagster").resolve()


def dagster_home(settings: "Settings") -> Path:
    """The Dagster home of this data folder, made ready.

    Raises:
        DagsterHomeError: ``DAGSTER_HOME`` names no folder.
    """
    home = place_of_home(settings)
    if os.environ.get("DAGSTER_HOME"):
        return checked_home(home)
    home.mkdir(parents=True, exist_ok=True)
    # Compared, not dated: an installed package is as old as its build.
    ours, there = _instance_file(settings), home / "dagster.yaml"
    if not there.exists() or there.read_bytes() != ours:
        fresh = home / f".dagster.yaml.{os.getpid()}"
        fresh.write_bytes(ours)
        fresh.replace(there)
    return home


def _instance_file(settings: "Settings") -> bytes:
    """``dagster.yaml``; of several organisations with as many places for runs as each would have alone."""
    text = DAGSTER_YAML.read_text(encoding="utf-8")
    if settings.is_one_of_several:
        from mist_pipeline.settings import organisations

        number = len(organisations())
        text = _PLACES.sub(lambda found: f"{found[1]}{int(found[2]) * number}", text)
    return text.encode()


_PLACES = re.compile(r"^( *max_concurrent_runs: )(\d+)", re.MULTILINE)

LAUNCH_SECONDS = 300
"""How long Dagster waits for its code server, which answers when the process of a run has loaded the project. Dagster's own minute is too
short where the machine is busy: then no run could begin, neither polls nor those that tell of it."""

PG_URL = "DAGSTER_PG_URL"
"""Variable with the address of Dagster's own database, as docs/operations.md has it in ``dagster.yaml``."""


def with_driver(address: str) -> str:
    """An address of PostgreSQL that names the driver which Dagster's storage is written for.

    SQLAlchemy takes another one for a plain ``postgresql://``, with which no event can be stored and no run begins.

    >>> with_driver("postgresql://mist@db/dagster")
    'postgresql+psycopg2://mist@db/dagster'
    """
    scheme, separator, rest = address.partition("://")
    return f"postgresql+psycopg2://{rest}" if separator and scheme in ("postgres", "postgresql") else address


def environment(settings: "Settings", extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment for Dagster's own processes: this data folder and its Dagster home, as absolute paths."""
    return {
        "DAGSTER_GRPC_TIMEOUT_SECONDS": str(LAUNCH_SECONDS),
        **os.environ,
        "DAGSTER_HOME": str(dagster_home(settings)),
        "MIST_PIPELINE_DATA": str(settings.installation.resolve()),
        "PYTHONWARNINGS": "ignore",
        **({PG_URL: with_driver(os.environ[PG_URL])} if PG_URL in os.environ else {}),
        **(extra or {}),
    }


@contextmanager
def instance(settings: "Settings") -> Iterator["DagsterInstance"]:
    """Dagster's instance of this data folder, so that runs from the command line are seen in the UI.

    Raises:
        DagsterHomeError: Its storage or configuration cannot be used, now or later within the block.
    """
    from dagster import DagsterInstance

    if PG_URL in os.environ:
        os.environ[PG_URL] = with_driver(os.environ[PG_URL])
    home = dagster_home(settings)
    with explained(home), DagsterInstance.from_config(str(home)) as opened:
        yield opened
