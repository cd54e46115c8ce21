"""The read model of an installation, and making each poll and each evaluation visible to those who read.

Here: settings in, places out; publishing the live tables and the copies of the ledger. Not here: the questions (``overview``), how answers look
(``watch``), what people decide (``workflows.notifying.decisions``).
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from mist_pipeline.overview.model import CallsOfHour
from mist_pipeline.settings import Settings
from mist_pipeline.storage.files import StoreError
from mist_pipeline.workflows.shared_publishing import keep_fresh, send, try_to_fetch

if TYPE_CHECKING:
    import polars as pl

    from mist_pipeline.overview.organisations.reader import Member
    from mist_pipeline.overview.reader import Overview
    from mist_pipeline.warehouse.reading import Published

_COUNTED = timedelta(hours=23)
"""Before the running hour: the file keeps a day."""
_WAIT_SECONDS = 20.0
"""A poll does not stand still for long so that it can be looked at: the next one publishes again."""


def overview(settings: Settings) -> "Overview":
    """The read model of these settings."""
    # Here, since queries of the published files need none of this, and it takes a third of their second.
    from mist_pipeline.overview.reader import Overview, Places

    try_to_fetch(settings)
    return Overview(
        Places(
            published=settings.published_path,
            live=settings.published_live_path,
            sites=settings.sites_path,
            ledger=settings.ledger,
            interval=timedelta(minutes=settings.monitoring.interval_minutes),
            forecast_days=settings.thresholds.forecast_days,
            sink_patience=settings.alerts.sink_patience,
            sinks=tuple(settings.notifications.sinks),
            group_names=settings.organisation.names,
            policy=settings.alerts.policy(),
            zone=settings.organisation.zone,
            lines=lambda metric: settings.bands_of(metric).model_dump(),
            reports=settings.reports_path,
            has_several_machines=settings.monitoring.machines > 1,
            calls=lambda at: calls_of_hours(settings, at),
        )
    )


def member(settings: Settings) -> "Member":
    """One of several organisations, as lists of them read it."""
    from mist_pipeline.overview.organisations.reader import Member
    from mist_pipeline.workflows.organisation_pin import organisation_name

    keep_fresh(settings)
    return Member(
        key=settings.organisation.key,
        name=lambda: organisation_name(settings),
        overview=lambda: overview(settings),
    )


def published_files(settings: Settings) -> "Published":
    """Where the published files of these settings are."""
    from mist_pipeline.warehouse.reading import Published

    try_to_fetch(settings)
    return Published(
        days=settings.published_path,
        today=settings.published_live_path,
        ledger=settings.published_ledger_path,
    )


def calls_of_hours(settings: Settings, at: datetime) -> tuple[list[CallsOfHour], str]:
    """Calls to the cloud in the last 24 hours by the tokens of an organisation, and why their count cannot be read just now, '' if it can."""
    from mist_pipeline.mist.budget import counted, fingerprint
    from mist_pipeline.mist.clouds import base_url
    from mist_pipeline.mist.errors import BudgetUnavailable

    tokens = None
    if settings.is_one_of_several:
        # The file counts those of all.
        cloud = base_url(settings.mist.base_url or settings.mist.cloud)
        tokens = [fingerprint(cloud, one.get_secret_value()) for one in settings.tokens]
    try:
        found = counted(settings.budget_path, (at - _COUNTED).timestamp(), tokens)
    except BudgetUnavailable as error:
        return [], str(error)
    return [
        CallsOfHour(
            hour=datetime.fromtimestamp(one.hour, UTC),
            live=one.live,
            batch=one.batch,
            elsewhere=one.elsewhere,
            limit=one.limit,
        )
        for one in found
    ], ""


def show_poll(settings: Settings, warn: Callable[[str], None]) -> None:
    """Publish the live tables as they are now.

    A poll whose publication fails has done its work all the same, and people are notified of what it found: whoever looks
    at the screen sees the age of what is shown.
    """
    import duckdb

    from mist_pipeline.warehouse.connection import WarehouseBusyError, WarehouseUnavailableError
    from mist_pipeline.warehouse.publish import publish_live
    from mist_pipeline.workflows.warehouse_access import warehouse_of

    try:
        publish_live(warehouse_of(settings, wait_seconds=_WAIT_SECONDS), settings.published_live_path)
    except (OSError, duckdb.Error, WarehouseBusyError, WarehouseUnavailableError) as error:
        warn(f"This poll is stored, and not published for `mist-pipeline watch`: {error}")
        return
    try:
        send(settings, settings.published_live_path)
    except StoreError as error:
        warn(f"This poll is published on this machine, and not for others: {error}")


def show_ledger(settings: Settings, read_at: datetime) -> "Mapping[str, pl.DataFrame]":
    """Publish the copies of the ledger as it is now.

    Args:
        settings: Of the installation.
        read_at: When this is.

    Returns:
        Name → rows of every table, all of one moment.

    Raises:
        LedgerUnavailableError: The ledger cannot be read; what was published before stays.
        OSError: The file cannot be written.
        StoreError: It is published on this machine, and not for others.
    """
    from mist_pipeline.domain.site_names import unnamed
    from mist_pipeline.warehouse.publish import publish_ledger
    from mist_pipeline.workflows.ledger_access import open_ledger

    with open_ledger(settings) as ledger:
        frames = ledger.frames()
        evaluated_at = ledger.last_evaluation()
    names = overview(settings).site_names()
    troubled = frames["alerts"]["site_id"].unique()
    publish_ledger(
        frames,
        {**{site_id: unnamed(site_id) for site_id in troubled if site_id}, **names},
        settings.published_ledger_path,
        read_at=read_at,
        evaluated_at=evaluated_at,
    )
    send(settings, settings.published_ledger_path)
    return frames
