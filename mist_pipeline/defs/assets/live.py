"""live/*: what is going on right now. Asked every few minutes, within the part of the budget kept for it."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import dagster as dg
import polars as pl

from mist_pipeline.analysis.scores.live_status import live_status
from mist_pipeline.collect.fetch.fetcher import (
    SPELLINGS,
    Origin,
    fetch_plan,
    fetch_snapshot,
    kind_of,
    what_is_known,
)
from mist_pipeline.collect.fetch.plan import Ask, Budget, Detail, make_plan
from mist_pipeline.collect.history.dimensions import alarms_frame, connected_by_hour
from mist_pipeline.collect.history.frames import Wanted, read_history
from mist_pipeline.collect.raw.errors import FetchFailedError
from mist_pipeline.collect.raw.store import RawStore
from mist_pipeline.defs.assets.raw import CLIENT_VERSION, only_what_can_heal_is_retried, site_ids
from mist_pipeline.defs.resources import as_of
from mist_pipeline.defs.table_io import POOL, spec, told
from mist_pipeline.mist.budget import LIVE_SHARE, CallBudget
from mist_pipeline.settings import Settings
from mist_pipeline.tables import live
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.workflows.analysis import rules
from mist_pipeline.workflows.cloud import Cloud

SETTLES_WITHIN = timedelta(hours=2)
"""Hours that ended less long ago are asked once more: the cloud counts late."""

PATIENCE_SECONDS = 30.0
"""A look that has to wait longer for room in the budget is given up: the next one comes soon."""

LOOKED_AT = (live.SLE_HOURLY, live.CLASSIFIERS_HOURLY, live.SITE_HOURLY, live.ALARMS, live.STATUS)

DETAIL = (kind_of("detail", "live"), SPELLINGS)
"""What a look can do without: scores are judged without user-minutes and classifiers too, only less sharply."""


def open_days(warehouse: Warehouse, settings: Settings, instant: datetime) -> list[date]:
    """Today, and yesterday as long as its daily partition is not there."""
    today = instant.astimezone(settings.organisation.zone).date()
    yesterday = today - timedelta(days=1)
    known = warehouse.query("SELECT count(*) FROM history.sle_daily WHERE day = ?", [yesterday]).item()
    return [today] if known else [yesterday, today]


def last_look(warehouse: Warehouse, instant: datetime) -> datetime | None:
    """When the job last looked, before this run."""
    seen: datetime | None = warehouse.query(
        "SELECT max(as_of) FROM live.status WHERE as_of < ?", [instant]
    ).item()
    return seen


def suspected(warehouse: Warehouse, before: datetime | None, most: int) -> tuple[str, ...]:
    """Sites about which the last look found something serious, worst first: their detail is worth calls now."""
    rows = warehouse.query(
        """
        SELECT site_id FROM live.findings
        WHERE as_of = $before AND severity IN ('critical', 'major') AND site_id <> ''
        GROUP BY site_id ORDER BY min(severity), count(*) DESC, site_id LIMIT $most
        """,
        {"before": before, "most": max(0, most)},
    )
    return tuple(rows["site_id"])


def planned_requests(
    ask: Ask, before: datetime | None, suspects: tuple[str, ...], detail: Detail, budget: CallBudget
) -> Iterator[tuple[Ask, int]]:
    """What one look asks, each with the calls that it may take.

    The first look after an hour has closed asks that hour's detail of as many sites as the calls reserved for looks allow:
    suspects, then the worst by their fresh scores. A small organisation is known as well now as in the morning. Other
    looks ask the detail of suspects.
    """
    closed = ask.now.replace(minute=0, second=0, microsecond=0)
    if detail != "off" and (before is None or before < closed):
        share = round(budget.calls_per_hour("live") * LIVE_SHARE)
        yield replace(ask, detail="triage", worst_first=suspects), min(share, budget.remaining("live") // 2)
        return
    yield ask, budget.remaining("live")
    if detail != "off" and suspects:
        yield replace(ask, site_ids=suspects, detail="full", alarms=False), budget.remaining("live")


def live_assets(retry: dg.RetryPolicy | None) -> list[dg.AssetsDefinition]:
    """Every asset of this layer."""

    @dg.multi_asset(
        name="look",
        specs=[spec(table) for table in LOOKED_AT],
        pool=POOL,
        retry_policy=retry,
    )
    def look(
        context: dg.AssetExecutionContext,
        warehouse: dg.ResourceParam[Warehouse],
        settings: dg.ResourceParam[Settings],
        cloud: dg.ResourceParam[Cloud],
        raw_store: dg.ResourceParam[RawStore],
    ) -> Iterator[dg.MaterializeResult[Any]]:
        instant, zone = as_of(context), settings.organisation.zone
        warehouse.prepare()
        days = open_days(warehouse, settings, instant)
        before = last_look(warehouse, instant)
        metrics = tuple(metric.name for metric in settings.metrics)
        with (
            only_what_can_heal_is_retried(),
            cloud.client(patience_seconds=PATIENCE_SECONDS) as client,
        ):
            origin = Origin(cloud.resolve(client).id, CLIENT_VERSION, lane="live")
            if before is None:
                fetch_snapshot("sites", client, raw_store, origin, instant)
            fetch_snapshot("stats_sites", client, raw_store, origin, instant)
            ask = Ask(
                site_ids=site_ids(raw_store, instant),
                metrics=metrics,
                days=tuple(days),
                zone=zone,
                now=instant,
                since=before - SETTLES_WITHIN if before else None,
                detail="off",
                alarms=settings.monitoring.enable_alarms,
            )
            most = client.budget.remaining("live") // (2 * len(metrics) + 2)
            suspects = suspected(warehouse, before, most)
            known = what_is_known(raw_store, instant)
            asked = []
            for wish, calls in planned_requests(ask, before, suspects, settings.mist.detail, client.budget):
                room = Budget(calls, client.budget.calls_per_hour("live"))
                try:
                    spent = fetch_plan(make_plan(wish, known, room), client, raw_store, origin)
                except FetchFailedError as error:
                    if error.kind not in DETAIL:
                        raise
                    context.log.warning("This look goes on without detail: %s", error)
                else:
                    asked.append(spent.summary())
        sites = pl.DataFrame({"site_id": list(ask.site_ids)}, schema={"site_id": pl.String}).join(
            pl.DataFrame({"day": days}, schema={"day": pl.Date}), how="cross"
        )
        wanted = Wanted(sites, metrics, tuple(days), zone)
        hours = read_history(raw_store, wanted, connected_by_hour(raw_store, days, zone), lane="live")
        frames = {
            live.SLE_HOURLY: hours.sle_hourly,
            live.CLASSIFIERS_HOURLY: hours.classifiers_hourly,
            live.SITE_HOURLY: hours.site_hourly,
            live.ALARMS: alarms_frame(raw_store, days, zone, lane="live"),
            live.STATUS: live_status(
                warehouse.query("SELECT * FROM live.status"),
                hours.sle_hourly,
                hours.site_hourly,
                instant,
                bands=rules.default_bands(settings),
                by_metric=rules.bands_by_metric(settings),
            ),
        }
        context.log.info("Planned and spent: %s", asked)
        for table, rows in warehouse.replace_tables(frames).items():
            yield told(table, frames[table], rows, metadata={"as_of": instant.isoformat()})

    return [look]
