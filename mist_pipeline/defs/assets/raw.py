"""raw/*: what the cloud answered, kept as received. Snapshots are of now; the rest is partitioned by day."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import dagster as dg

from mist_pipeline import __version__
from mist_pipeline.collect.fetch.fetcher import (
    Origin,
    SnapshotKind,
    fetch_plan,
    fetch_snapshot,
    what_is_known,
)
from mist_pipeline.collect.fetch.plan import Ask, Budget, make_plan
from mist_pipeline.collect.raw.errors import FetchFailedError
from mist_pipeline.collect.raw.store import RawStore
from mist_pipeline.defs.resources import as_of
from mist_pipeline.defs.table_io import DATA_ENGINEERING, SINGLE_RUN, days_of
from mist_pipeline.mist.errors import MistError, TransientFailure
from mist_pipeline.mist.parsers import parse_sites
from mist_pipeline.settings import Settings
from mist_pipeline.workflows.cloud import Cloud
from mist_pipeline.workflows.progress import Progress

SNAPSHOTS: dict[SnapshotKind, str] = {
    "sites": "The sites as the cloud describes them now.",
    "stats_sites": "Connected access points and clients of every site now.",
    "devices": "Access points, switches and gateways as they are now.",
}
"""Raw kinds that only tell about now → meaning."""

ANSWERS = {
    "alarms": "Alarms raised on the day.",
    "sle_org": "Scores, clients and access points of all sites, hour by hour.",
    "sle_detail": "User-minutes, causes and impact of single sites, with hourly buckets.",
}
"""Raw kinds that tell about a day → meaning."""

CLIENT_VERSION = f"mist-pipeline {__version__}"

RETRY_WHAT_CAN_HEAL = dg.RetryPolicy(max_retries=2, delay=60, backoff=dg.Backoff.EXPONENTIAL)
"""On top of the client's own attempts: a cloud in trouble is asked again after minutes."""


def key(kind: str) -> dg.AssetKey:
    """The asset of a raw kind."""
    return dg.AssetKey(["raw", kind])


@contextmanager
def only_what_can_heal_is_retried() -> Iterator[None]:
    """Turns permanent failures into ones that Dagster does not repeat."""
    try:
        yield
    except FetchFailedError as failed:
        if failed.is_transient:
            raise
        raise dg.Failure(str(failed), allow_retries=False) from failed
    except MistError as error:
        if isinstance(error, TransientFailure):
            raise
        raise dg.Failure(str(error), allow_retries=False) from error


def site_ids(store: RawStore, instant: datetime) -> tuple[str, ...]:
    """Ids of the sites in the newest snapshot.

    Raises:
        dg.Failure: There is none yet.
    """
    snapshot = store.snapshot_for("sites", instant)
    if snapshot is None:
        raise dg.Failure(
            "No snapshot of the sites yet: materialise raw/sites first (job “snapshots”).",
            allow_retries=False,
        )
    documents = [record.document() for record in store.read_snapshot(snapshot)]
    return tuple(site.id for site in parse_sites(*documents))


def raw_assets(
    daily: dg.DailyPartitionsDefinition, retry: dg.RetryPolicy | None
) -> list[dg.AssetsDefinition]:
    """Every asset of this layer."""

    @dg.multi_asset(
        name="raw_answers",
        specs=[
            dg.AssetSpec(
                key(kind),
                deps=[key("sites")],
                description=meaning,
                group_name="raw",
                owners=[DATA_ENGINEERING],
                kinds={"json"},
                partitions_def=daily,
            )
            for kind, meaning in ANSWERS.items()
        ],
        backfill_policy=SINGLE_RUN,
        retry_policy=retry,
    )
    def raw_answers(
        context: dg.AssetExecutionContext,
        settings: dg.ResourceParam[Settings],
        cloud: dg.ResourceParam[Cloud],
        raw_store: dg.ResourceParam[RawStore],
        progress: dg.ResourceParam[Progress],
    ) -> Iterator[dg.MaterializeResult[Any]]:
        instant = as_of(context)
        ask = Ask(
            site_ids=site_ids(raw_store, instant),
            metrics=tuple(metric.name for metric in settings.metrics),
            days=tuple(days_of(context)),
            zone=settings.organisation.zone,
            now=instant,
            detail=settings.mist.detail,
            alarms=settings.monitoring.enable_alarms,
        )
        with only_what_can_heal_is_retried(), cloud.client() as client:
            origin = Origin(cloud.resolve(client).id, CLIENT_VERSION)
            client.usage()
            known = what_is_known(raw_store, instant)
            plan = make_plan(
                ask, known, Budget(client.budget.remaining("batch"), client.budget.calls_per_hour("batch"))
            )
            spent = fetch_plan(
                plan, client, raw_store, origin, lambda done, total: progress("asking the cloud", done, total)
            )
        facts = spent.summary()
        context.log.info("Planned and spent: %s", facts)
        for kind in ANSWERS:
            days = spent.days.get(kind, [])
            yield dg.MaterializeResult(
                asset_key=key(kind), metadata={"days_fetched": len(days), **_metadata(facts)}
            )

    def snapshot(kind: SnapshotKind, meaning: str) -> dg.AssetsDefinition:
        @dg.asset(
            key=key(kind),
            description=meaning,
            group_name="snapshots",
            owners=[DATA_ENGINEERING],
            kinds={"json"},
            retry_policy=retry,
        )
        def taken(
            context: dg.AssetExecutionContext,
            settings: dg.ResourceParam[Settings],
            cloud: dg.ResourceParam[Cloud],
            raw_store: dg.ResourceParam[RawStore],
        ) -> dg.MaterializeResult[Any]:
            if kind == "devices" and not settings.monitoring.enable_devices:
                return dg.MaterializeResult(metadata={"skipped": "monitoring.enable_devices is off"})
            instant = as_of(context)
            with only_what_can_heal_is_retried(), cloud.client() as client:
                path = fetch_snapshot(
                    kind, client, raw_store, Origin(cloud.resolve(client).id, CLIENT_VERSION), instant
                )
            return dg.MaterializeResult(
                metadata={
                    "path": dg.MetadataValue.path(path),
                    "as_of": instant.isoformat(),
                    "bytes": path.stat().st_size,
                }
            )

        return taken

    return [raw_answers, *(snapshot(kind, meaning) for kind, meaning in SNAPSHOTS.items())]


def _metadata(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: dg.MetadataValue.json(value) if isinstance(value, list | dict) else value
        for name, value in facts.items()
    }
