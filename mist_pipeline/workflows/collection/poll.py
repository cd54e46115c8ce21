"""One poll: what is going on right now, within the part of the call budget kept for it."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import sqlalchemy as sa

from mist_pipeline.alerts.ledger.database import LedgerUnavailableError
from mist_pipeline.analysis.scores.live_status import live_status
from mist_pipeline.collect.fetch.days import day_bounds
from mist_pipeline.collect.fetch.fetcher import fetch_plan
from mist_pipeline.collect.fetch.plan import Ask, Budget, Detail, make_plan
from mist_pipeline.collect.fetch.records import Origin
from mist_pipeline.collect.fetch.shortfall import lost_sentence
from mist_pipeline.collect.fetch.snapshots import SnapshotKind, fetch_snapshot
from mist_pipeline.collect.fetch.spellings import what_is_known
from mist_pipeline.collect.history.changes import changes_frame
from mist_pipeline.collect.history.dimensions import alarms_frame
from mist_pipeline.collect.history.frames import Wanted, make_hours
from mist_pipeline.collect.history.read_once import answers_read_once, connected_read_once, detail_read_once
from mist_pipeline.collect.raw.errors import FetchFailedError
from mist_pipeline.collect.raw.store import RawStore
from mist_pipeline.mist.budget import LIVE_SHARE, CallBudget
from mist_pipeline.mist.client import DEFAULT_LIMITS, MistClient
from mist_pipeline.mist.errors import MistError, RefusedForNow, Unauthorized
from mist_pipeline.settings import Settings
from mist_pipeline.tables import live
from mist_pipeline.tables.schema import Table
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.workflows.analysis import rules
from mist_pipeline.workflows.cloud import Cloud
from mist_pipeline.workflows.code_digest import code_digest
from mist_pipeline.workflows.collection.fetch import CLIENT_VERSION, site_ids
from mist_pipeline.workflows.pushing.changes import pushed_changes
from mist_pipeline.workflows.pushing.channel import Channel, channel

SETTLES_WITHIN = timedelta(hours=2)
"""Hours that ended less long ago are asked once more: the cloud counts late."""

PATIENCE_SECONDS = 30.0
"""A poll that has to wait longer for room in the budget is given up: the next one comes soon."""

LIMITS = replace(DEFAULT_LIMITS, asking_seconds=600.0)
"""All of a poll's asking: a cloud that is slow or drips holds one poll and not those after it."""


READS_ANSWERS = ("collect/fetch", "collect/history", "domain", "mist")
"""Rooms whose code decides what is read in an answer."""


@dataclass(frozen=True)
class Polled:
    """What a poll found.

    Attributes:
        frames: The tables of ``live`` that it replaces, each with all of its rows.
        spent: What each of its plans asked and spent, for people.
        missing: What it had to do without, in words.
    """

    frames: Mapping[Table, pl.DataFrame]
    spent: Sequence[Mapping[str, Any]]
    missing: Sequence[str] = ()


def poll(
    settings: Settings,
    cloud: Cloud,
    store: RawStore,
    warehouse: Warehouse,
    instant: datetime,
    warn: Callable[[str], None],
) -> Polled:
    """Ask the cloud what is going on, and read the hours of the open days.

    Only the sites and most of their scores are needed. Alarms, counts and detail may be missing: that is told, and the poll goes on.

    Args:
        settings: Which metrics, how much detail, whether alarms.
        cloud: Whom to ask.
        store: Where raw files are.
        warehouse: Where the poll before this one is.
        instant: As of when.
        warn: Is told what the poll had to do without.

    Raises:
        NoSitesError: No snapshot of the sites yet.
        FetchFailedError: Most scores have no answer.
        MistError: The cloud cannot be used at all.
    """
    warehouse.prepare()
    with warehouse.reading():
        days = open_days(warehouse, settings, instant)
        before = last_poll(warehouse, instant)
    metrics = tuple(metric.name for metric in settings.metrics)
    zone = settings.organisation.zone
    spent: list[Mapping[str, Any]] = []
    missing: list[str] = []
    heard = _heard(settings, instant, missing)
    with cloud.client(as_of=instant, patience_seconds=PATIENCE_SECONDS, limits=LIMITS) as client:
        origin = Origin(cloud.resolve(client).id, CLIENT_VERSION, lane="live")
        kinds: Sequence[SnapshotKind] = ("sites", "stats_sites") if before is None else ("stats_sites",)
        for kind in kinds:
            missing += _what_lacks(kind, client, store, origin, instant)
        ask = Ask(
            site_ids=site_ids(store, instant),
            metrics=metrics,
            days=tuple(days),
            zone=zone,
            now=instant,
            since=before - SETTLES_WITHIN if before else None,
            detail="off",
            alarms=settings.monitoring.enable_alarms,
            changes=asks_for_changes(settings, before, instant, heard),
            admins=settings.privacy.show_admins,
        )
        most = client.budget.remaining("live") // (2 * len(metrics) + 2)
        suspects = suspected(warehouse, before, most, heard.lost)
        known = what_is_known(store, instant)
        for request, calls in planned_requests(ask, before, suspects, settings.mist.detail, client.budget):
            budget = Budget(calls, client.budget.calls_per_hour("live"))
            try:
                done = fetch_plan(make_plan(request, known, budget), client, store, origin)
            except FetchFailedError as error:
                if not spent:
                    raise
                # The scores are here; this was about suspects.
                missing.append(f"detail of suspects: {error}")
            else:
                spent.append(done.summary())
                missing += done.shortfall.everything()
    pushed: Sequence[Mapping[str, Any]] = ()
    if settings.monitoring.enable_changes:
        try:
            pushed = pushed_changes(settings, datetime.fromtimestamp(day_bounds(days[0], zone)[0], UTC))
        except (LedgerUnavailableError, sa.exc.DatabaseError) as error:
            missing.append(f"changes that webhooks told: {str(error).partition(chr(10))[0]}")
    for sentence in missing:
        warn(f"This poll goes on without some of it: {sentence}")
    frames = _frames(settings, store, warehouse, ask.site_ids, days, instant)
    changes = changes_frame(
        store, days, zone, pushed=pushed, lane="live", with_admins=settings.privacy.show_admins
    )
    return Polled({**frames, live.CHANGES: changes}, spent, missing)


def _heard(settings: Settings, instant: datetime, missing: list[str]) -> Channel:
    """What the cloud tells unasked; nothing, with a word in ``missing``, where that cannot be read."""
    try:
        return channel(settings, instant)
    except (LedgerUnavailableError, sa.exc.DatabaseError) as error:
        missing.append(f"what webhooks told: {str(error).partition(chr(10))[0]}")
        return Channel()


def asks_for_changes(settings: Settings, before: datetime | None, instant: datetime, heard: Channel) -> bool:
    """Whether a poll reads the audit log: each one, or the first of an hour where its entries are pushed.

    Args:
        settings: Whether changes are wanted at all.
        before: The poll before this one.
        instant: This one's.
        heard: What the cloud tells unasked.
    """
    is_first = before is None or before < _hour_of(instant)
    return settings.monitoring.enable_changes and (is_first or not heard.tells_changes)


def _hour_of(instant: datetime) -> datetime:
    return instant.replace(minute=0, second=0, microsecond=0)


def _what_lacks(
    kind: SnapshotKind, client: MistClient, store: RawStore, origin: Origin, instant: datetime
) -> list[str]:
    """Take a snapshot; what is missing of it, where an earlier one or none will do."""
    try:
        taken = fetch_snapshot(kind, client, store, origin, instant)
    except (Unauthorized, RefusedForNow):
        raise
    except MistError as error:
        if kind == "sites" and store.snapshot_for("sites", instant) is None:
            raise
        return [f"{kind}: no answer, what was known before holds: {error}"]
    return [f"{kind}: {lost_sentence(taken.odd)}"] if taken.odd.lost else []


def _frames(
    settings: Settings,
    store: RawStore,
    warehouse: Warehouse,
    known_sites: Sequence[str],
    days: Sequence[date],
    instant: datetime,
) -> dict[Table, pl.DataFrame]:
    """The tables of ``live`` but its changes and findings, read from the raw files of these days."""
    zone = settings.organisation.zone
    sites = pl.DataFrame({"site_id": list(known_sites)}, schema={"site_id": pl.String}).join(
        pl.DataFrame({"day": days}, schema={"day": pl.Date}), how="cross"
    )
    wanted = Wanted(sites, tuple(metric.name for metric in settings.metrics), tuple(days), zone)
    code = code_digest(*READS_ANSWERS)
    hours = make_hours(
        detail_read_once(store, wanted, code),
        answers_read_once(store, wanted, code),
        wanted,
        connected_read_once(store, days, zone, code),
    )
    return {
        live.SLE_HOURLY: hours.sle_hourly,
        live.CLASSIFIERS_HOURLY: hours.classifiers_hourly,
        live.SITE_HOURLY: hours.site_hourly,
        live.ALARMS: alarms_frame(store, days, zone, lane="live"),
        live.STATUS: live_status(
            _still_there(warehouse.query("SELECT * FROM live.status"), sites["site_id"], wanted.metrics),
            hours.sle_hourly,
            hours.site_hourly,
            instant,
            bands=rules.default_bands(settings),
            by_metric=rules.bands_by_metric(settings),
        ),
    }


def _still_there(before: pl.DataFrame, site_ids: pl.Series, metrics: Sequence[str]) -> pl.DataFrame:
    """Rows of the last poll about sites and metrics that are still asked; what is silent keeps its row, what is gone does not."""
    return before.filter(pl.col("site_id").is_in(site_ids.implode()), pl.col("metric").is_in(list(metrics)))


def open_days(warehouse: Warehouse, settings: Settings, instant: datetime) -> list[date]:
    """Today, and yesterday as long as its daily partition is not there."""
    today = instant.astimezone(settings.organisation.zone).date()
    yesterday = today - timedelta(days=1)
    known = warehouse.query("SELECT count(*) FROM history.sle_daily WHERE day = ?", [yesterday]).item()
    return [today] if known else [yesterday, today]


def last_poll(warehouse: Warehouse, instant: datetime) -> datetime | None:
    """When the poll before this one was."""
    seen: datetime | None = warehouse.query(
        "SELECT max(as_of) FROM live.status WHERE as_of < ?", [instant]
    ).item()
    return seen


def suspected(
    warehouse: Warehouse, before: datetime | None, most: int, lost: Collection[str] = ()
) -> tuple[str, ...]:
    """Sites about which the last poll found something serious, worst first: their detail is worth calls now.

    Args:
        warehouse: With the findings of the last poll.
        before: When that was.
        most: So many.
        lost: Sites where nothing can be measured now, since all their devices have lost the cloud.
    """
    rows = warehouse.query(
        """
        SELECT site_id FROM live.findings
        WHERE as_of = $before AND severity IN ('critical', 'major') AND site_id <> ''
            AND NOT list_contains($lost, site_id)
        GROUP BY site_id ORDER BY min(severity), count(*) DESC, site_id LIMIT $most
        """,
        {"before": before, "most": max(0, most), "lost": sorted(lost)},
    )
    return tuple(rows["site_id"])


def planned_requests(
    ask: Ask, before: datetime | None, suspects: tuple[str, ...], detail: Detail, budget: CallBudget
) -> Iterator[tuple[Ask, int]]:
    """What one poll asks, each with the calls that it may take.

    The first poll after an hour has closed asks that hour's detail of as many sites as the calls reserved for polls allow:
    suspects, then the worst by their fresh scores. A small organisation is known as well now as in the morning. Other
    polls ask the detail of suspects.
    """
    closed = _hour_of(ask.now)
    if detail != "off" and (before is None or before < closed):
        share = round(budget.calls_per_hour("live") * LIVE_SHARE)
        yield replace(ask, detail="triage", worst_first=suspects), min(share, budget.remaining("live") // 2)
        return
    yield ask, budget.remaining("live")
    if detail != "off" and suspects:
        yield (
            replace(ask, site_ids=suspects, detail="full", alarms=False, changes=False),
            budget.remaining("live"),
        )
