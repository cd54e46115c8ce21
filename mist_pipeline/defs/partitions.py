"""The one partitions definition: a day in the organisation's time zone, from the first day of history on."""

import dagster as dg

from mist_pipeline.settings import Settings


def daily_partitions(settings: Settings) -> dg.DailyPartitionsDefinition:
    """Shared by every partitioned asset: different start dates would break backfills of several assets."""
    return dg.DailyPartitionsDefinition(
        start_date=settings.history.start.isoformat(), timezone=settings.organisation.timezone
    )
