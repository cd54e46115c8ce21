"""What is kept: raw files, warehouse, published copy, ledger."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb

from mist_pipeline.alerts.ledger.database import LedgerUnavailableError, check_pages
from mist_pipeline.alerts.lifecycle.model import ACTIVE
from mist_pipeline.collect.raw.errors import CollectError
from mist_pipeline.collect.raw.integrity import examine
from mist_pipeline.collect.raw.store import RawStore
from mist_pipeline.domain.text import count, instant
from mist_pipeline.settings import Settings
from mist_pipeline.storage.files import StoreError
from mist_pipeline.warehouse.connection import WarehouseBusyError, WarehouseUnavailableError, connect
from mist_pipeline.warehouse.hours.files import HoursDamagedError
from mist_pipeline.warehouse.hours.files import examine as examine_hours
from mist_pipeline.warehouse.lake import Lake, State
from mist_pipeline.warehouse.place import WarehouseFile
from mist_pipeline.warehouse.store import UnfinishedMoveError, Warehouse
from mist_pipeline.workflows.doctor.check import DOUBTFUL, FINE, WRONG, Check, Shown
from mist_pipeline.workflows.ledger_access import (
    SitesUnreadableError,
    open_ledger,
    read_sites_file,
)
from mist_pipeline.workflows.shared_files import raw_store
from mist_pipeline.workflows.warehouse_access import warehouse_place

_NAMED = 10
"""Damaged files that are named; they tend to come together."""

_EVER = datetime(9999, 1, 1, tzinfo=UTC)


def warehouse(settings: Settings, shown: Shown) -> Check:
    """Which warehouse it is, whether it can be opened, how fresh it is, and of a shared one what it consists of."""
    place = warehouse_place(settings)
    name = shown(place.path) if isinstance(place, WarehouseFile) else str(place)
    try:
        rows = Warehouse(place, wait_seconds=5).query(
            "SELECT max(day) AS newest, count(DISTINCT day) AS days FROM history.sle_daily"
        )
        consists = f"; {_consists(place.state(5))}" if isinstance(place, Lake) else ""
    except FileNotFoundError:
        return Check(FINE, "warehouse", f"{name} will be made by the first run")
    except WarehouseBusyError as error:
        return Check(DOUBTFUL, "warehouse", str(error), "ask again when that run has ended")
    except HoursDamagedError as error:
        return Check(
            WRONG,
            "warehouse",
            str(error),
            "nothing is read or published before; `doctor --deep` names all of them",
        )
    except (WarehouseUnavailableError, UnfinishedMoveError) as error:
        return Check(WRONG, "warehouse", str(error), "nothing is stored before it can be opened")
    except duckdb.Error as error:
        fix = (
            "move the file away and rebuild it from raw files"
            if isinstance(place, WarehouseFile)
            else "look for what its database or its store says; nothing is stored meanwhile"
        )
        return Check(WRONG, "warehouse", f"{name}: {error}", fix)
    newest, days = rows.row(0)
    late = (
        newest is not None
        and newest < (datetime.now(UTC).astimezone(settings.organisation.zone) - timedelta(days=2)).date()
    )
    found = f"{name}: {days} days, newest {newest}" if newest else f"{name}: empty"
    return Check(
        DOUBTFUL if late else FINE,
        "warehouse",
        found + consists,
        "`mist-pipeline backfill` fills the gap" if late else "",
    )


def old_hours(settings: Settings, shown: Shown) -> Iterator[Check]:
    """Whether the files of old hours are what they were when they were written, read through; nothing is said where there are none."""
    place = warehouse_place(settings)
    if not isinstance(place, WarehouseFile) or not place.exists():
        return
    try:
        # Beside readers: what they refuse is what is looked for.
        with duckdb.connect(str(place.path), read_only=True) as connection:
            found = list(examine_hours(connection, place.path))
    except duckdb.Error as error:
        name = shown(place.path)
        yield Check(
            DOUBTFUL, "old hours", f"{name} cannot be asked which there are: {error}", "ask again later"
        )
        return
    problems = [f"{shown(one.path)}: {why}" for one, why in found if why]
    said = f"{count(len(found), 'file')} read"
    if problems:
        months = sorted({f"{one.month:%Y-%m}" for one, why in found if why})
        more = f"; and {len(problems) - _NAMED} more" if len(problems) > _NAMED else ""
        yield Check(
            WRONG,
            "old hours",
            f"{said}; damaged: {'; '.join(problems[:_NAMED])}{more}",
            "restore them from the backup that the warehouse is from; without one "
            f"`mist-pipeline warehouse forget-hours {months[0]}`, then make the days again from raw files",
        )
    elif found:
        yield Check(FINE, "old hours", f"{said}; all are as they were written")


def _consists(state: State) -> str:
    """Of what a shared warehouse consists."""
    size = f"{state.num_bytes / 1024**2:,.1f} MiB"
    return f"DuckLake {state.form}, {count(state.num_files, 'file')} of {size}, {count(state.num_snapshots, 'snapshot')}"


def published(settings: Settings, shown: Shown) -> Iterator[Check]:
    """Whether each of the files that people query can be read, and how fresh it is."""
    for subject, path, newest, called, maker in (
        (
            "published copy",
            settings.published_path,
            "SELECT max(day)::VARCHAR FROM history.sle_daily",
            "newest day",
            "report",
        ),
        (
            "published today",
            settings.published_live_path,
            "SELECT max(as_of) FROM live.status",
            "newest poll",
            "poll",
        ),
        (
            "published ledger",
            settings.published_ledger_path,
            "SELECT max(evaluated_at) FROM main.ledger_read",
            "newest evaluation",
            "evaluation",
        ),
    ):
        if not path.exists():
            yield Check(FINE, subject, f"{shown(path)} will be made with the first {maker}")
            continue
        try:
            with connect(path, read_only=True, wait_seconds=1) as connection:
                (found,) = connection.execute(newest).fetchone() or (None,)
        except (WarehouseBusyError, duckdb.Error) as error:
            fix = f"the next {maker} makes it again; `mist-pipeline run` does at once"
            yield Check(DOUBTFUL, subject, f"{shown(path)} cannot be read: {error}", fix)
            continue
        until = instant(found) if isinstance(found, datetime) else found
        yield Check(FINE, subject, f"{shown(path)}: {called} {until}" if until else f"{shown(path)}: empty")


def ledger(settings: Settings, shown: Shown) -> Check:
    """Whether the ledger opens, and what it holds."""
    place = settings.ledger
    # An address may hold a password.
    name = shown(place) if isinstance(place, Path) else "the database of alerts.ledger"
    if isinstance(place, Path) and not place.exists():
        return Check(FINE, "ledger", f"{name} will be made by the first evaluation")
    try:
        with open_ledger(settings) as opened:
            check_pages(opened.engine)
            going = len(opened.incidents(ACTIVE))
            last = opened.last_evaluation()
    except LedgerUnavailableError as error:
        return Check(WRONG, "ledger", str(error), "without it nobody is notified")
    evaluated = f"last evaluation of {instant(last)}" if last else "no evaluation of sites yet"
    return Check(FINE, "ledger", f"{name}: {count(going, 'open incident')}, {evaluated}")


def sites(settings: Settings, shown: Shown) -> Iterator[Check]:
    """Whether the sites that notifications name and match can be read; nothing is said while all is well."""
    try:
        read_sites_file(settings)
    except FileNotFoundError:
        return  # the first poll or run writes it
    except SitesUnreadableError as error:
        named = str(error).replace(str(settings.sites_path), shown(settings.sites_path))
        fix = (
            "the next poll or `mist-pipeline run` writes it again; until then messages name sites as the newest stored day "
            "does, and matchers that need a newer name, group or place match nothing"
        )
        yield Check(DOUBTFUL, "known sites", named, fix)
    except StoreError as error:
        yield Check(DOUBTFUL, "known sites", str(error), "ask again when the store answers")


def raw_snapshot(settings: Settings, shown: Shown) -> Check:
    """Whether the newest list of sites can be read; every other file only on request."""
    store = raw_store(settings)
    place = _place(store, shown)
    if not settings.storage.url and not store.root.exists():
        return Check(FINE, "raw files", f"{place} will be made by the first run")
    try:
        newest = store.snapshot_for("sites", _EVER)
        records = store.read_snapshot(newest) if newest else []
    except (CollectError, OSError, StoreError) as error:
        fix = "`mist-pipeline run` takes a new one; `mist-pipeline doctor --deep` looks at all files"
        return Check(DOUBTFUL, "raw files", f"the newest list of sites cannot be read: {error}", fix)
    if not newest or not records:
        return Check(FINE, "raw files", f"{place}: no list of sites yet")
    return Check(FINE, "raw files", f"{place}: newest list of sites of {instant(newest.as_of)}")


def raw_files(settings: Settings, shown: Shown) -> Check:
    """Whether every raw file is what its manifest promises, read through and compared."""
    store = raw_store(settings)
    try:
        found = examine(store)
    except StoreError as error:
        return Check(WRONG, "raw files", str(error), "ask again when the store answers")
    said = f"{count(found.num_files, 'file')}, {found.num_bytes / 1024**2:,.0f} MiB read"
    if not found.problems:
        return Check(FINE, "raw files", f"{said}; all are as they were written")
    named = "; ".join(
        f"{_place(store, shown, path)}: {problem}" for path, problem in list(found.problems.items())[:_NAMED]
    )
    more = len(found.problems) - _NAMED
    return Check(
        WRONG,
        "raw files",
        f"{said}; damaged: {named}" + (f"; and {more} more" if more > 0 else ""),
        "restore them from the backup, or remove them and collect their days again while the cloud still has them: "
        "`mist-pipeline backfill --mode monitor --from … --to …`",
    )


def _place(store: RawStore, shown: Shown, key: str = "") -> str:
    address = store.files.address(key)
    return shown(Path(address)) if address.startswith("/") else address
