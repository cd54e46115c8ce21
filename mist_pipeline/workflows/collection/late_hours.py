"""Hours that the cloud left out although their neighbours were there: which they are, and asking for them again.

Here: the question to the warehouse, and asking within the call budget. Not here: the requests (``collect.fetch.again``), what is
made again afterwards (`mornings`), the check that warns (``defs.checks.history``).
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

import polars as pl

from mist_pipeline.collect.fetch.again import Brought, ask_again, questions
from mist_pipeline.collect.fetch.records import Origin
from mist_pipeline.collect.fetch.spellings import what_is_known
from mist_pipeline.collect.raw.store import RawStore
from mist_pipeline.settings import Settings
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.workflows.cloud import Cloud
from mist_pipeline.workflows.collection.fetch import CLIENT_VERSION, site_ids

DAYS_BACK = 3
"""Days whose lacking hours are asked for again: what the cloud has not told by then it does not tell any more."""

SHARE_OF_CALLS = 0.5
"""Of the calls that are left in this hour; the rest stays for whoever needs them more."""

_LACKING = """
WITH hours AS MATERIALIZED (
    SELECT s.day, s.hour, s.site_id, s.metric, s.state IN ('ok', 'no_users') AS is_said,
        -- The organisation's score stands in for an hour of detail, but not in the sum of the day.
        s.state = 'ok' AND s.total_user_minutes IS NULL AS is_score
    FROM history.sle_hourly s
    WHERE (s.day BETWEEN $first - 1 AND $last OR s.day BETWEEN $first - 7 AND $last - 7) AND s.state <> 'not_supported'
),
lengths AS (SELECT day, count(DISTINCT hour) AS hours_of_day FROM hours GROUP BY day),
daily AS (
    SELECT day, site_id, metric, hours_covered, total_user_minutes IS NOT NULL AS is_detail,
        -- A site without any detail in these days was asked for the organisation's scores alone.
        max(total_user_minutes) OVER (PARTITION BY site_id) IS NULL AS is_estimate
    FROM history.sle_daily WHERE day BETWEEN $first AND $last AND state <> 'not_supported'
),
missing AS MATERIALIZED (
    SELECT h.day, h.hour, h.site_id, h.metric, d.is_estimate
    FROM hours h JOIN daily d USING (day, site_id, metric) JOIN lengths USING (day)
    -- Where buckets are wider than an hour, the day is whole though its hours are not known.
    WHERE (NOT h.is_said OR (h.is_score AND d.is_detail)) AND d.hours_covered < hours_of_day
),
alive AS (SELECT DISTINCT site_id, metric, day FROM hours SEMI JOIN missing USING (site_id, metric) WHERE is_said),
-- What the same hour was like a day and a week before; NULL where nobody asked.
usual AS (
    SELECT m.*, d.is_said AS day_before, w.is_said AS week_before
    FROM (SELECT *, hour - INTERVAL 1 DAY AS yesterday, hour - INTERVAL 7 DAY AS last_week FROM missing) m
    LEFT JOIN hours d ON d.site_id = m.site_id AND d.metric = m.metric AND d.hour = m.yesterday
    LEFT JOIN hours w ON w.site_id = m.site_id AND w.metric = m.metric AND w.hour = m.last_week
),
first_said AS (
    SELECT site_id, metric, day, min(hour) AS first_hour FROM hours SEMI JOIN missing USING (site_id, metric, day)
    WHERE is_said GROUP BY ALL
)
SELECT m.day, m.hour, m.site_id, m.metric, m.is_estimate
FROM usual m
SEMI JOIN (SELECT DISTINCT site_id, metric, day + unnest([0, 1, 7]) AS day FROM alive) USING (site_id, metric, day)
LEFT JOIN first_said f USING (site_id, metric, day)
WHERE day_before OR week_before OR (
    day_before IS NULL AND week_before IS NULL
    -- Before its first word a site that is new had nothing to say; on the first day of all, everybody is new.
    AND (m.hour > f.first_hour OR (f.first_hour IS NOT NULL AND m.day = (SELECT min(day) FROM lengths)))
)
ORDER BY ALL
"""


@dataclass(frozen=True)
class AskedAgain:
    """What asking again found and brought.

    Attributes:
        lacking: Hours that were lacking, of all series together.
        brought: What came; None where nothing was asked.
    """

    lacking: int
    brought: Brought | None = None


def lacking_hours(warehouse: Warehouse, first: date, last: date) -> pl.DataFrame:
    """Hours of these days that were asked for and not answered, although their neighbours were there.

    A neighbour is the same hour of the series a day or a week before; so hours at which a site never says anything are not lacking.
    Where nothing is known of these, it is an earlier hour of the same day, or any hour of it on the first day of history. A series
    that was silent on the whole day, the day before and a week before is not expected to speak.

    Returns:
        day, hour, site_id, metric, is_estimate (the day's reading has no user-minutes).
    """
    return warehouse.query(_LACKING, {"first": first, "last": last})


def ask_for_late_hours(
    settings: Settings, cloud: Cloud, store: RawStore, warehouse: Warehouse, instant: datetime
) -> AskedAgain:
    """Ask again for the lacking hours of the last days, with a share of the calls that are left; never waits for more.

    Raises:
        MistError: The cloud cannot be used at all.
    """
    today = instant.astimezone(settings.organisation.zone).date()
    lacking = lacking_hours(warehouse, today - timedelta(days=DAYS_BACK), today - timedelta(days=1))
    if lacking.is_empty():
        return AskedAgain(0)
    slots = lacking.with_columns(slot=pl.col("hour").dt.epoch("s"))
    with cloud.client(as_of=instant) as client:
        origin = Origin(cloud.resolve(client).id, CLIENT_VERSION)
        client.usage()
        left = client.budget.remaining("batch")
        known = what_is_known(store, instant)
        wanted = questions(
            slots, settings.organisation.zone, len(site_ids(store, instant)), int(left * SHARE_OF_CALLS)
        )
        return AskedAgain(lacking.height, ask_again(wanted, client, store, origin, known, instant))
