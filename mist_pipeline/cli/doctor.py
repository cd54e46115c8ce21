"""What ``doctor`` looks at: one function a subject, each answering what it found and how to mend it."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

import duckdb

from mist_pipeline.cli.console import shown
from mist_pipeline.cli.dagster_home import dagster_home
from mist_pipeline.mist.errors import MistError, OrganisationUnclear, Unauthorized
from mist_pipeline.settings import Settings, SettingsError
from mist_pipeline.warehouse.connection import WarehouseBusyError
from mist_pipeline.warehouse.store import Warehouse

Verdict = Literal["fine", "doubtful", "wrong"]
FINE: Verdict = "fine"
DOUBTFUL: Verdict = "doubtful"
WRONG: Verdict = "wrong"

SKEW_THAT_MATTERS = timedelta(seconds=60)
DISK_THAT_MATTERS = 5 * 1024**3


@dataclass(frozen=True)
class Finding:
    """One line of the examination."""

    verdict: Verdict
    what: str
    found: str
    mend: str = ""


def examine(settings: Settings) -> Iterator[Finding]:
    """Every subject in the order in which a newcomer needs them."""
    yield configuration(settings)
    yield from cloud(settings)
    yield warehouse(settings)
    yield disk(settings)
    yield home(settings)


def configuration(settings: Settings) -> Finding:
    """The file that was read."""
    if settings.source is None:
        return Finding(
            FINE, "configuration", "defaults and environment", "`mist-pipeline init` writes a file to edit"
        )
    return Finding(FINE, "configuration", shown(settings.source))


def cloud(settings: Settings) -> Iterator[Finding]:
    """Token, organisation, clock skew and call budget; later ones are left out where an earlier one fails."""
    from mist_pipeline.workflows.cloud import Cloud

    opened = Cloud(settings)
    try:
        with opened.client(patience_seconds=0) as client:
            organisation = client.resolve_org()
            yield Finding(FINE, "token", f"accepted by {opened.api_url}")
            yield Finding(FINE, "organisation", f"{organisation.name} ({organisation.id})")
            yield _skew(client.clock_skew)
            usage = client.usage()
            left, an_hour = client.budget.remaining("batch"), client.budget.calls_per_hour("batch")
            found = (
                f"{left} of {an_hour} calls left this hour for batch runs; the cloud counted {usage.requests}"
            )
            mend = "" if left else "wait for the next hour, or add a token to MIST_API_TOKEN"
            yield Finding(FINE if left else DOUBTFUL, "call budget", found, mend)
    except SettingsError as error:
        yield Finding(WRONG, "token", "none", str(error))
    except Unauthorized as error:
        yield Finding(
            WRONG, "token", str(error), "create a new token, or set mist.cloud to the region it belongs to"
        )
    except OrganisationUnclear as error:
        yield Finding(WRONG, "organisation", str(error), "set MIST_ORG_ID to the one to watch")
    except MistError as error:
        yield Finding(WRONG, "cloud", str(error), f"is {opened.api_url} right and reachable?")


def _skew(skew: timedelta | None) -> Finding:
    if skew is None:
        return Finding(DOUBTFUL, "clock", "the cloud did not tell its time")
    if abs(skew) < SKEW_THAT_MATTERS:
        return Finding(FINE, "clock", f"{skew.total_seconds():+.0f} s against the cloud")
    return Finding(
        DOUBTFUL,
        "clock",
        f"{skew.total_seconds():+.0f} s against the cloud",
        "synchronise this machine's clock (NTP)",
    )


def warehouse(settings: Settings) -> Finding:
    """Whether the warehouse can be opened, and how fresh it is."""
    path = settings.warehouse_path
    if not path.exists():
        return Finding(FINE, "warehouse", f"{shown(path)} will be made by the first run")
    try:
        rows = Warehouse(path, wait_seconds=5).query(
            "SELECT max(day) AS newest, count(DISTINCT day) AS days FROM history.sle_daily"
        )
    except WarehouseBusyError as error:
        return Finding(DOUBTFUL, "warehouse", str(error), "ask again when that run has ended")
    except duckdb.Error as error:
        return Finding(
            WRONG, "warehouse", f"{shown(path)}: {error}", "move the file away and rebuild it from raw files"
        )
    newest, days = rows.row(0)
    late = (
        newest is not None
        and newest < (datetime.now(UTC).astimezone(settings.organisation.zone) - timedelta(days=2)).date()
    )
    found = f"{shown(path)}: {days} days, newest {newest}" if newest else f"{shown(path)}: empty"
    return Finding(
        DOUBTFUL if late else FINE,
        "warehouse",
        found,
        "`mist-pipeline backfill` fills the gap" if late else "",
    )


def disk(settings: Settings) -> Finding:
    """Free space where the data lies."""
    place = settings.data if settings.data.exists() else settings.data.absolute().parent
    free = shutil.disk_usage(place).free
    found = f"{free / 1024**3:.0f} GiB free at {shown(settings.data)}"
    if free < DISK_THAT_MATTERS:
        return Finding(DOUBTFUL, "disk", found, "free some, or set MIST_PIPELINE_DATA to another disk")
    return Finding(FINE, "disk", found)


def home(settings: Settings) -> Finding:
    """Where Dagster keeps its own storage."""
    folder = dagster_home(settings)
    if not (folder / "dagster.yaml").exists():
        return Finding(DOUBTFUL, "Dagster home", str(folder), "copy the project's dagster.yaml there")
    return Finding(FINE, "Dagster home", shown(folder))
