"""raw/*: what the cloud answered, kept as received. Snapshots are of now; the rest is partitioned by day.

Here: keys, and which failures Dagster repeats. Not here: fetching (``workflows.collection.fetch``), raw files (``collect.raw``).
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import dagster as dg

from mist_pipeline.collect.fetch.shortfall import lost_sentence
from mist_pipeline.collect.fetch.snapshots import SnapshotKind
from mist_pipeline.collect.raw.errors import FetchFailedError, RawDamagedError
from mist_pipeline.collect.raw.store import RawStore
from mist_pipeline.defs.assets.whole import is_whole, whole_spec
from mist_pipeline.defs.checks.days import about_days
from mist_pipeline.defs.metadata.pictures import call_budget
from mist_pipeline.defs.metadata.versions import code_version
from mist_pipeline.defs.resources import RunOptions
from mist_pipeline.defs.scope import Scope
from mist_pipeline.defs.table_io import BACKFILL, DATA_ENGINEERING, Dep, days_of
from mist_pipeline.mist.errors import MistError, TransientFailure
from mist_pipeline.settings import Settings, SettingsError
from mist_pipeline.storage.files import StoreError
from mist_pipeline.workflows.cloud import Cloud
from mist_pipeline.workflows.collection.fetch import NoSitesError, fetch_days, take_snapshot
from mist_pipeline.workflows.progress import ASKING, Progress

LAYER = "raw"

SNAPSHOTS: dict[SnapshotKind, str] = {
    "sites": "The sites as the cloud describes them now.",
    "stats_sites": "Connected access points and clients of every site now.",
    "devices": "Access points, switches and gateways as they are now.",
}
"""Raw kinds that only tell about now → meaning."""

ANSWERS = {
    "alarms": "Alarms raised on the day.",
    "changes": "Entries of the organisation's audit log on the day, without people and values.",
    "sle_org": "Scores, clients and access points of all sites, hour by hour.",
    "sle_detail": "User-minutes, causes and impact of single sites, with hourly buckets.",
}
"""Raw kinds that tell about a day → meaning."""

RETRY_TRANSIENT_FAILURES = dg.RetryPolicy(max_retries=2, delay=60, backoff=dg.Backoff.EXPONENTIAL)
"""On top of the client's own attempts: a cloud in trouble is asked again after minutes."""


def of_kind(kind: str) -> Dep:
    """What is made of the answers of a raw kind."""
    return Dep(LAYER, kind)


@contextmanager
def only_transient_failures_are_retried() -> Iterator[None]:
    """Turns permanent failures into ones that Dagster does not repeat."""
    try:
        yield
    except (NoSitesError, SettingsError, RawDamagedError) as error:
        raise dg.Failure(str(error), allow_retries=False) from error
    except FetchFailedError as failed:
        if failed.is_transient:
            raise
        raise dg.Failure(str(failed), allow_retries=False) from failed
    except StoreError as error:
        if error.is_transient:
            raise
        raise dg.Failure(str(error), allow_retries=False) from error
    except MistError as error:
        if isinstance(error, TransientFailure):
            raise
        raise dg.Failure(str(error), allow_retries=False) from error


def raw_assets(
    scope: Scope, daily: dg.DailyPartitionsDefinition, retry: dg.RetryPolicy | None
) -> list[dg.AssetsDefinition]:
    """Every asset of this layer."""

    def key(kind: str) -> dg.AssetKey:
        return scope.asset(LAYER, kind)

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
                tags=scope.tags,
                code_version=code_version("raw"),
                partitions_def=daily,
            )
            for kind, meaning in ANSWERS.items()
        ],
        check_specs=[whole_spec(key(kind)) for kind in ANSWERS],
        backfill_policy=BACKFILL,
        retry_policy=retry,
    )
    def raw_answers(
        context: dg.AssetExecutionContext,
        settings: dg.ResourceParam[Settings],
        cloud: dg.ResourceParam[Cloud],
        raw_store: dg.ResourceParam[RawStore],
        progress: dg.ResourceParam[Progress],
        run: RunOptions,
    ) -> Iterator[dg.MaterializeResult[Any]]:
        days = days_of(context)
        with only_transient_failures_are_retried():
            fetched = fetch_days(
                settings,
                cloud,
                raw_store,
                days,
                run.instant,
                lambda done, total: progress(ASKING, done, total),
                is_tried_again=retry is not None and context.retry_number < retry.max_retries,
            )
        context.log.info("Planned and spent: %s", fetched.summary)
        # Of the newest day alone: the plan is of the whole run.
        drawn = {"picture": call_budget(fetched.summary)}
        context.add_asset_metadata(drawn, key("sle_org"), days[-1].isoformat())
        for kind in ANSWERS:
            facts = {"days_fetched": len(fetched.days.get(kind, [])), **_metadata(fetched.summary)}
            lacking = about_days((days[0], days[-1]), sorted(fetched.shortfall.days.get(kind, ())))
            whole = is_whole(key(kind), fetched.shortfall.sentences(kind), lacking)
            yield dg.MaterializeResult(asset_key=key(kind), metadata=facts, check_results=[whole])

    def snapshot_asset(kind: SnapshotKind, meaning: str) -> dg.AssetsDefinition:
        @dg.asset(
            key=key(kind),
            description=meaning,
            group_name="snapshots",
            owners=[DATA_ENGINEERING],
            kinds={"json"},
            tags=scope.tags,
            code_version=code_version("raw"),
            retry_policy=retry,
            check_specs=[whole_spec(key(kind))],
        )
        def taken(
            settings: dg.ResourceParam[Settings],
            cloud: dg.ResourceParam[Cloud],
            raw_store: dg.ResourceParam[RawStore],
            run: RunOptions,
        ) -> Iterator[dg.MaterializeResult[Any]]:
            if kind == "devices" and not settings.monitoring.enable_devices:
                yield dg.MaterializeResult(
                    metadata={"skipped": "monitoring.enable_devices is off"},
                    check_results=[is_whole(key(kind), [])],
                )
                return
            instant = run.instant
            with only_transient_failures_are_retried():
                snapshot = take_snapshot(kind, cloud, raw_store, instant)
            odd = snapshot.odd
            yield dg.MaterializeResult(
                metadata={
                    "path": dg.MetadataValue.path(snapshot.written.address),
                    "as_of": instant.isoformat(),
                    "bytes": snapshot.written.num_bytes,
                    "set_aside": odd.lost,
                    "fields_emptied": odd.emptied,
                    "odd": dg.MetadataValue.json([each.sentence for each in odd.first]),
                },
                check_results=[is_whole(key(kind), [lost_sentence(odd)] if odd.lost else [])],
            )

        return taken

    return [raw_answers, *(snapshot_asset(kind, meaning) for kind, meaning in SNAPSHOTS.items())]


def _metadata(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: dg.MetadataValue.json(value) if isinstance(value, list | dict) else value
        for name, value in facts.items()
    }
