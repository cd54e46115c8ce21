"""The Dagster home: a folder of our own below the data folder, with the project's ``dagster.yaml`` in it."""

import fcntl
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from mist_pipeline.cli.code_location.files import DAGSTER_YAML
from mist_pipeline.cli.dagster_errors import checked_home, explained
from mist_pipeline.workflows.running.dagster_database import name_driver

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
    """``dagster.yaml``; of several organisations with places for runs of all of them, a third of them for heavy ones."""
    text = DAGSTER_YAML.read_text(encoding="utf-8")
    if not settings.is_one_of_several:
        return text.encode()
    from mist_pipeline.settings import organisations

    found = _PLACES.search(text)
    assert found is not None  # noqa: S101 (the file is ours; a test reads it)
    own = int(found[2])
    places = settings.compute.max_runs or places_for(len(organisations()), own, os.cpu_count() or 1)
    text = _PLACES.sub(rf"\g<1>{places}", text)
    return _LIMITS.sub(rf"\g<0>{_HEAVY.format(limit=max(places // 3, 1))}", text).encode()


def places_for(organisations: int, own: int, cores: int) -> int:
    """Runs at the same time of several organisations: as many as each would have alone, but no more than the machine can bear.

    At least two organisations' places, so that none can hold all of them.

    >>> [places_for(number, 9, cores) for number, cores in ((1, 2), (2, 2), (50, 2), (50, 16))]
    [9, 18, 18, 64]
    """
    return min(own * organisations, max(2 * own, 4 * cores))


_PLACES = re.compile(r"^( *max_concurrent_runs: )(\d+)", re.MULTILINE)
_LIMITS = re.compile(r"^ *tag_concurrency_limits:\n", re.MULTILINE)
_HEAVY = "      - key: mist_pipeline/kind\n        value: heavy\n        limit: {limit}\n"
"""Mornings of all begin at the same hour and take minutes each: they leave places to polls and messages."""

LAUNCH_SECONDS = 300
"""How long Dagster waits for its code server, which answers when the process of a run has loaded the project. Dagster's own minute is too
short where the machine is busy: then no run could begin, neither polls nor those that tell of it."""


def environment(settings: "Settings", extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment for Dagster's own processes: this data folder and its Dagster home, as absolute paths.

    Variables of organisations that there are not, which nothing reads, are not handed on: the command that was typed has said so, and
    what it starts every few minutes need not.
    """
    stray = _stray()
    variables = {
        "DAGSTER_GRPC_TIMEOUT_SECONDS": str(LAUNCH_SECONDS),
        **{name: value for name, value in os.environ.items() if name not in stray},
        "DAGSTER_HOME": str(dagster_home(settings)),
        "MIST_PIPELINE_DATA": str(settings.installation.resolve()),
        "PYTHONWARNINGS": "ignore",
    }
    name_driver(variables)
    return {**variables, **(extra or {})}


def _stray() -> list[str]:
    from mist_pipeline.settings import SettingsError, organisations
    from mist_pipeline.settings.organisations import stray_variables

    try:
        return stray_variables(os.environ, organisations())
    except SettingsError:
        # A file without a key is beside the one that is served: whose variables there are is not known.
        return []


@contextmanager
def instance(settings: "Settings") -> Iterator["DagsterInstance"]:
    """Dagster's instance of this data folder, so that runs from the command line are seen in the UI.

    Raises:
        DagsterHomeError: Its storage or configuration cannot be used, now or later within the block.
    """
    from dagster import DagsterInstance

    name_driver(os.environ)
    home = dagster_home(settings)
    with explained(home):
        with _alone(home):
            opening = DagsterInstance.from_config(str(home))
        with opening as opened:
            yield opened


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    """Keep other commands from a home of ours for the time of the block.

    Two that make Dagster's databases at the same moment write two versions into one, which nothing can open afterwards.
    """
    if os.environ.get("DAGSTER_HOME"):
        yield  # it may be kept from writing, with its databases elsewhere
        return
    with ExitStack() as stack:
        with suppress(OSError):  # Dagster says what is wrong with the folder
            file = stack.enter_context((home / ".opening").open("w"))
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
