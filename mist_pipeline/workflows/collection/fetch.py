"""Fetching whole days and snapshots into the raw store, within the call budget of batch runs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from mist_pipeline import __version__
from mist_pipeline.collect.fetch.fetcher import fetch_plan
from mist_pipeline.collect.fetch.plan import Ask, Budget, make_plan
from mist_pipeline.collect.fetch.records import KINDS, Origin
from mist_pipeline.collect.fetch.shortfall import Shortfall
from mist_pipeline.collect.fetch.snapshots import SnapshotKind, Taken, fetch_snapshot, sites_of
from mist_pipeline.collect.fetch.spellings import what_is_known
from mist_pipeline.collect.fetch.wlan_templates import keep_wlan_templates
from mist_pipeline.collect.raw.store import RawStore
from mist_pipeline.mist.client import DEFAULT_LIMITS
from mist_pipeline.settings import Settings
from mist_pipeline.workflows.cloud import Cloud

CLIENT_VERSION = f"mist-pipeline {__version__}"
"""What raw files say about who fetched them."""

LIMITS = replace(DEFAULT_LIMITS, asking_seconds=6 * 3600.0)
"""All asking about days, beside the time for which a plan waits for calls (twice that is allowed)."""

SNAPSHOT_LIMITS = replace(DEFAULT_LIMITS, asking_seconds=1800.0)
"""All asking for one snapshot."""


class NoSitesError(LookupError):
    """No snapshot of the sites is there yet, so nothing can be asked about them."""


@dataclass(frozen=True)
class FetchedDays:
    """What was fetched.

    Attributes:
        days: Raw kind → the days that were fetched.
        summary: What was planned and spent, for people.
        shortfall: What is missing.
    """

    days: Mapping[str, Sequence[date]]
    summary: Mapping[str, Any]
    shortfall: Shortfall


def site_ids(store: RawStore, instant: datetime) -> tuple[str, ...]:
    """Ids of the sites in the snapshot that is valid at an instant.

    Raises:
        NoSitesError: There is none yet.
    """
    snapshot = store.snapshot_for("sites", instant)
    if snapshot is None:
        raise NoSitesError("No snapshot of the sites yet: materialise raw/sites first (job “snapshots”).")
    return tuple(site.id for site in sites_of(store, snapshot))


def fetch_days(
    settings: Settings,
    cloud: Cloud,
    store: RawStore,
    days: Sequence[date],
    instant: datetime,
    progress: Callable[[int, int], None],
    *,
    is_tried_again: bool = False,
) -> FetchedDays:
    """Fetch what these days still lack.

    Args:
        settings: Which metrics, how much detail, whether alarms.
        cloud: Whom to ask.
        store: Where raw files are.
        days: In order.
        instant: As of when.
        progress: Is called with the requests that are done and all of them.
        is_tried_again: Somebody starts again what fails for now (see `fetch_plan`).

    Raises:
        NoSitesError: No snapshot of the sites yet.
        FetchFailedError: Too much has no answer; what was fetched stays.
        MistError: The cloud cannot be used at all.
    """
    ask = Ask(
        site_ids=site_ids(store, instant),
        metrics=tuple(metric.name for metric in settings.metrics),
        days=tuple(days),
        zone=settings.organisation.zone,
        now=instant,
        detail=settings.mist.detail,
        alarms=settings.monitoring.enable_alarms,
        changes=settings.monitoring.enable_changes,
        admins=settings.privacy.show_admins,
    )
    with cloud.client(as_of=instant, limits=LIMITS) as client:
        origin = Origin(cloud.resolve(client).id, CLIENT_VERSION)
        client.usage()
        known = what_is_known(store, instant)
        budget = Budget(client.budget.remaining("batch"), client.budget.calls_per_hour("batch"))
        plan = make_plan(ask, known, budget)
        client.allow(2 * 3600.0 * plan.wait_hours)
        spent = fetch_plan(plan, client, store, origin, progress, is_tried_again=is_tried_again)
        unread = keep_wlan_templates(client, store, origin, instant) if ask.changes else None
        if unread is not None:
            spent.shortfall.unanswered.setdefault("changes", []).append(("WLAN templates", unread))
    return FetchedDays(spent.days, spent.summary(), spent.shortfall)


def num_kept(store: RawStore, days: Sequence[date], instant: datetime) -> int:
    """Answers of an interrupted fetch of these days that the next one does not ask for again."""
    return sum(store.kept(kind, days, instant) for kind in KINDS)


def take_snapshot(kind: SnapshotKind, cloud: Cloud, store: RawStore, instant: datetime) -> Taken:
    """Keep how something is now.

    Raises:
        MistError: It was not answered, or too much of it cannot be read.
    """
    with cloud.client(as_of=instant, limits=SNAPSHOT_LIMITS) as client:
        origin = Origin(cloud.resolve(client).id, CLIENT_VERSION)
        return fetch_snapshot(kind, client, store, origin, instant)
