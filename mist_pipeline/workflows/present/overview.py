"""The read model of an installation, and making each poll visible to it.

Here: settings in, places out; publishing the live tables. Not here: the questions (``overview``), how answers look
(``watch``), what people decide (``workflows.notifying.decisions``).
"""

from collections.abc import Callable
from datetime import timedelta

from mist_pipeline.overview.reader import Overview, Places
from mist_pipeline.settings import Settings
from mist_pipeline.workflows.ledger_access import sites_file

_WAIT_SECONDS = 20.0
"""A poll does not stand still for long so that it can be looked at: the next one publishes again."""


def overview(settings: Settings) -> Overview:
    """The read model of these settings."""
    return Overview(
        Places(
            published=settings.published_path,
            live=settings.published_live_path,
            sites=sites_file(settings),
            ledger=settings.ledger,
            interval=timedelta(minutes=settings.monitoring.interval_minutes),
            sink_patience=settings.alerts.sink_patience,
            sinks=tuple(settings.notifications.sinks),
            group_names=settings.organisation.names,
            policy=settings.alerts.policy(),
        )
    )


def show_poll(settings: Settings, warn: Callable[[str], None]) -> None:
    """Publish the live tables as they are now.

    A poll whose publication fails has done its work all the same, and people are notified of what it found: whoever looks
    at the screen sees the age of what is shown.
    """
    import duckdb

    from mist_pipeline.warehouse.connection import WarehouseBusyError
    from mist_pipeline.warehouse.publish import publish_live

    try:
        publish_live(settings.warehouse_path, settings.published_live_path, wait_seconds=_WAIT_SECONDS)
    except (OSError, duckdb.Error, WarehouseBusyError) as error:
        warn(f"This poll is stored, and not published for `mist-pipeline watch`: {error}")
