"""What a run needs, checked before the first one: a function a subject, each saying what it found and how to fix it.

Here: checks as values. Not here: how they are printed (``cli.setup``), checks of tables (``defs.checks``), and what goes
wrong while the pipeline runs (`self_monitoring`).
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import duckdb

from mist_pipeline.alerts.ledger.database import LedgerUnavailableError
from mist_pipeline.alerts.notify.config import matchers_of
from mist_pipeline.alerts.notify.known_values import Known, mismatch, shared_names
from mist_pipeline.collect.raw.integrity import examine
from mist_pipeline.delivery.sink import Examinable
from mist_pipeline.domain.text import clean, count, instant
from mist_pipeline.mist.errors import MistError, OrganisationUnclear, Unauthorized
from mist_pipeline.settings import Settings, SettingsError
from mist_pipeline.warehouse.connection import WarehouseBusyError
from mist_pipeline.warehouse.owner import Owner
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.workflows.cloud import Cloud
from mist_pipeline.workflows.ledger_access import failing_sinks, known_labels, open_ledger, unreached
from mist_pipeline.workflows.organisation_pin import OtherOrganisationError, refuse_other, remembered
from mist_pipeline.workflows.self_monitoring.delivery import sink_sentence

Verdict = Literal["fine", "doubtful", "wrong"]
FINE: Verdict = "fine"
DOUBTFUL: Verdict = "doubtful"
WRONG: Verdict = "wrong"

MAX_SKEW = timedelta(seconds=60)
_NAMED = 10
"""Damaged files that are named; they tend to come together."""

MIN_FREE_BYTES = 5 * 1024**3


@dataclass(frozen=True)
class Check:
    """One check.

    Attributes:
        verdict: fine, doubtful (it works, but not for long or not well), wrong (no run will succeed).
        subject: What was checked.
        found: What there is.
        fix: What to do, '' where nothing is to be done.
    """

    verdict: Verdict
    subject: str
    found: str
    fix: str = ""


Shown = Callable[[Path], str]
"""How a path is written."""


def checks(
    settings: Settings, dagster_home: Path, shown: Shown = str, *, deep: bool = False
) -> Iterator[Check]:
    """Every subject in the order in which a newcomer needs them.

    Args:
        settings: The settings.
        dagster_home: Where Dagster keeps its storage.
        shown: How paths are written, for example relative to the working directory.
        deep: Read all raw files and archives, too, which takes a while.
    """
    yield configuration(settings, shown)
    yield data_folder(settings, shown)
    yield from cloud(settings)
    yield warehouse(settings, shown)
    yield from delivery(settings)
    yield from sinks(settings)
    yield from matchers(settings)
    yield disk(settings, shown)
    if deep:
        yield raw_files(settings, shown)
    yield home(dagster_home, shown)


def configuration(settings: Settings, shown: Shown) -> Check:
    """The file that was read."""
    if settings.source is None:
        return Check(
            FINE, "configuration", "defaults and environment", "`mist-pipeline init` writes a file to edit"
        )
    return Check(FINE, "configuration", shown(settings.source))


def data_folder(settings: Settings, shown: Shown) -> Check:
    """The folder that holds everything, and whose it is."""
    place = shown(settings.data)
    if settings.data.exists():
        owner = remembered(settings)
        return Check(FINE, "data folder", f"{place}, of {owner}" if owner else f"{place}, of nobody yet")
    if settings.is_data_named:
        return Check(FINE, "data folder", f"{place} will be made by the first run")
    return Check(
        WRONG,
        "data folder",
        f"there is none at {settings.data.absolute()}",
        "`mist-pipeline init` makes it here; or name it: export MIST_PIPELINE_DATA=…",
    )


def cloud(settings: Settings) -> Iterator[Check]:
    """Token, organisation, clock skew and call budget; later ones are left out where an earlier one fails."""
    opened = Cloud(settings)
    try:
        with (
            _room_for_budget(settings) as place,
            opened.any_client(patience_seconds=0, budget_path=place) as client,
        ):
            organisation = client.resolve_org()
            yield Check(FINE, "token", f"accepted by {opened.api_url}")
            yield _organisation(settings, opened.owner(organisation))
            yield _skew(client.clock_skew)
            usage = client.usage()
            left, an_hour = client.budget.remaining("batch"), client.budget.calls_per_hour("batch")
            found = (
                f"{left} of {an_hour} calls left this hour for batch runs; the cloud counted {usage.requests}"
            )
            fix = "" if left else "wait for the next hour, or add a token to MIST_API_TOKEN"
            yield Check(FINE if left else DOUBTFUL, "call budget", found, fix)
    except SettingsError as error:
        yield Check(WRONG, "token", "none", str(error))
    except Unauthorized as error:
        yield Check(
            WRONG, "token", str(error), "create a new token, or set mist.cloud to the region it belongs to"
        )
    except OrganisationUnclear as error:
        yield Check(WRONG, "organisation", str(error), "set MIST_ORG_ID to the one to watch")
    except MistError as error:
        yield Check(WRONG, "cloud", str(error), f"is {opened.api_url} right and reachable?")


@contextmanager
def _room_for_budget(settings: Settings) -> Iterator[Path]:
    """The call budget of the data folder; where there is none yet, one that leaves no folder behind."""
    if settings.data.exists():
        yield settings.budget_path
        return
    with TemporaryDirectory() as folder:
        yield Path(folder) / settings.budget_path.name


def _organisation(settings: Settings, asked: Owner) -> Check:
    try:
        known = refuse_other(settings, asked)
    except OtherOrganisationError as error:
        return Check(
            WRONG,
            "organisation",
            str(error),
            "a data folder of its own for every organisation: MIST_PIPELINE_DATA",
        )
    whose = "" if known else "; the data folder will belong to it with the first run"
    return Check(FINE, "organisation", f"{clean(asked.name)} ({asked.org_id}){whose}")


def _skew(skew: timedelta | None) -> Check:
    if skew is None:
        return Check(DOUBTFUL, "clock", "the cloud did not tell its time")
    if abs(skew) < MAX_SKEW:
        return Check(FINE, "clock", f"{skew.total_seconds():+.0f} s against the cloud")
    return Check(
        DOUBTFUL,
        "clock",
        f"{skew.total_seconds():+.0f} s against the cloud",
        "synchronise this machine's clock (NTP)",
    )


def warehouse(settings: Settings, shown: Shown) -> Check:
    """Whether the warehouse can be opened, and how fresh it is."""
    path = settings.warehouse_path
    if not path.exists():
        return Check(FINE, "warehouse", f"{shown(path)} will be made by the first run")
    try:
        rows = Warehouse(path, wait_seconds=5).query(
            "SELECT max(day) AS newest, count(DISTINCT day) AS days FROM history.sle_daily"
        )
    except WarehouseBusyError as error:
        return Check(DOUBTFUL, "warehouse", str(error), "ask again when that run has ended")
    except duckdb.Error as error:
        return Check(
            WRONG, "warehouse", f"{shown(path)}: {error}", "move the file away and rebuild it from raw files"
        )
    newest, days = rows.row(0)
    late = (
        newest is not None
        and newest < (datetime.now(UTC).astimezone(settings.organisation.zone) - timedelta(days=2)).date()
    )
    found = f"{shown(path)}: {days} days, newest {newest}" if newest else f"{shown(path)}: empty"
    return Check(
        DOUBTFUL if late else FINE,
        "warehouse",
        found,
        "`mist-pipeline backfill` fills the gap" if late else "",
    )


def delivery(settings: Settings) -> Iterator[Check]:
    """Whether every sink accepts what it is sent; what waits untried counts, since somebody is asking now."""
    sinks = settings.notifications.sinks
    if not sinks or (isinstance(settings.ledger, Path) and not settings.ledger.exists()):
        return
    try:
        with open_ledger(settings) as ledger:
            failing = failing_sinks(settings, ledger, datetime.now(UTC), untried=True)
            missed = unreached(settings, ledger)
    except LedgerUnavailableError as error:
        yield Check(WRONG, "ledger", str(error), "without it nobody is notified")
        return
    is_everyone = len(failing) == len(sinks)
    for one in failing:
        fix = (
            "`mist-pipeline alerts retry` sends it again"
            if not one.waiting
            else "it is tried again by itself"
        )
        if is_everyone:
            fix = f"no sink accepts anything, so nobody is told of this; {fix}"
        if one.waiting and not one.error:
            fix = "is `mist-pipeline daemon` running? It sends what waits"
        sentence = sink_sentence(one, settings.organisation.zone)
        yield Check(WRONG if is_everyone else DOUBTFUL, f"sink {one.sink}", sentence, fix)
    for each in missed:
        found = f"{each.recipient} has not got the message of {instant(each.since)}: {each.said}"
        fix = (
            "mend the address, or take it out of the configuration" if each.is_final else "it is tried again"
        )
        yield Check(DOUBTFUL, f"sink {each.sink}", found, fix)
    if not failing and not missed:
        yield Check(FINE, "sinks", f"{', '.join(sinks)}: no message waits for long")


def sinks(settings: Settings) -> Iterator[Check]:
    """What the receivers of messages say beforehand, and what they cannot do."""
    for name, sink in settings.sinks().items():
        for concern in sink.examine() if isinstance(sink, Examinable) else ():
            verdict = WRONG if concern.is_hindrance else DOUBTFUL if concern.fix else FINE
            yield Check(verdict, f"sink {name}", concern.found, concern.fix)


def matchers(settings: Settings) -> Iterator[Check]:
    """Matchers of routes and planned silences that match nothing that is known now: a site may come later, or be misspelt."""
    notified = settings.notifications
    given = [
        *((f"route {route.name}", route.matchers) for route in notified.routes),
        *((f"maintenance {planned.name}", matchers_of(planned.match)) for planned in notified.maintenance),
    ]
    if not any(of for _, of in given):
        return
    try:
        known = _known(settings)
    except LedgerUnavailableError:
        # It is told of its own.
        known = known_labels(settings, None)
    if not known.labels_by_site and not known.alerts:
        yield Check(FINE, "matchers", "not checked: no site was seen yet")
        return
    found = []
    for name, of in given:
        if wrong := mismatch(of, known):
            found.append(
                Check(DOUBTFUL, clean(name, 60), clean(wrong), "correct it, unless the site is still to come")
            )
        for matcher, ids in shared_names(of, known):
            every = ", ".join(clean(site_id, 64) for site_id in ids[:5])
            fix = "that is fine if all are meant; otherwise write site_id=…"
            found.append(
                Check(DOUBTFUL, clean(name, 60), f"{matcher} is about {len(ids)} sites: {every}", fix)
            )
    yield from found or [Check(FINE, "matchers", "each matches something that is known")]


def _known(settings: Settings) -> Known:
    if isinstance(settings.ledger, Path) and not settings.ledger.exists():
        return known_labels(settings, None)
    with open_ledger(settings) as ledger:
        return known_labels(settings, ledger)


def disk(settings: Settings, shown: Shown) -> Check:
    """Free space where the data lies."""
    place = settings.data if settings.data.exists() else settings.data.absolute().parent
    free = shutil.disk_usage(place).free
    found = f"{free / 1024**3:.0f} GiB free at {shown(settings.data)}"
    if free < MIN_FREE_BYTES:
        return Check(DOUBTFUL, "disk", found, "free some, or set MIST_PIPELINE_DATA to another disk")
    return Check(FINE, "disk", found)


def raw_files(settings: Settings, shown: Shown) -> Check:
    """Whether every raw file is what its manifest promises, read through and compared."""
    root = settings.data / "raw"
    found = examine(root)
    said = f"{count(found.num_files, 'file')}, {found.num_bytes / 1024**2:,.0f} MiB read"
    if not found.problems:
        return Check(FINE, "raw files", f"{said}; all are as they were written")
    named = "; ".join(
        f"{shown(root / path)}: {problem}" for path, problem in list(found.problems.items())[:_NAMED]
    )
    more = len(found.problems) - _NAMED
    return Check(
        WRONG,
        "raw files",
        f"{said}; damaged: {named}" + (f"; and {more} more" if more > 0 else ""),
        "restore them from the backup, or remove them and collect their days again while the cloud still has them: "
        "`mist-pipeline backfill --mode monitor --from … --to …`",
    )


def home(folder: Path, shown: Shown) -> Check:
    """Where Dagster keeps its own storage."""
    if not folder.exists():
        return Check(FINE, "Dagster home", f"{shown(folder)} will be made by the first run")
    if not (folder / "dagster.yaml").exists():
        return Check(DOUBTFUL, "Dagster home", str(folder), "copy the project's dagster.yaml there")
    return Check(FINE, "Dagster home", shown(folder))
