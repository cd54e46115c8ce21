"""All sites as rows: what each source says of a site, brought together. Pure: frames in, values out."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from mist_pipeline.domain.numbers import change
from mist_pipeline.domain.severity import STATUSES, UNKNOWN, status_of
from mist_pipeline.domain.site_names import unnamed
from mist_pipeline.domain.text import clean
from mist_pipeline.overview.model import HOURS, IncidentNow, OrganisationNow, SiteNow
from mist_pipeline.overview.queries import DayFacts, LiveFacts

TREND_OF = {"↑": "worsening", "↓": "improving", "→": "stable"}
"""The indicator of ``analysis.trends`` in words."""

_HEALTHY = "HEALTHY"


def now_or_unknown(status: str, *, is_stale: bool) -> str:
    """A status as it may be shown: old data never says that something is healthy."""
    return UNKNOWN if is_stale and status == _HEALTHY else status


def hour_lists(hours: pl.DataFrame, end: datetime) -> dict[str, tuple[float | None, ...]]:
    """Site → its scores in the 24 hours before an instant, oldest first; None where nothing was measured.

    Args:
        hours: site_id, hour, score_pct; one series a site; of an hour that is there twice the last row counts.
        end: When the last hour ends.
    """
    begin = end - timedelta(hours=HOURS)
    placed = hours.select(
        "site_id",
        place=((pl.col("hour") - begin).dt.total_seconds() // 3600).cast(pl.Int64),
        score="score_pct",
    ).filter(pl.col("place").is_between(0, HOURS - 1))
    newest = placed.unique(["site_id", "place"], keep="last")
    site_ids = newest["site_id"].unique().sort()
    grid = site_ids.to_frame().join(pl.DataFrame({"place": range(HOURS)}), how="cross")
    scores = grid.join(newest, on=["site_id", "place"], how="left", maintain_order="left")["score"].to_list()
    return {
        site_id: tuple(scores[first : first + HOURS])
        for site_id, first in zip(site_ids, range(0, len(scores), HOURS), strict=True)
    }


def site_rows(
    live: LiveFacts | None,
    days: DayFacts | None,
    hours: Mapping[str, tuple[float | None, ...]],
    names: Mapping[str, str],
    groups: Mapping[str, tuple[str, ...]],
    present: Sequence[str] = (),
    *,
    is_stale: bool,
) -> list[SiteNow]:
    """Every site that any source knows, by label.

    Args:
        live: The newest poll.
        days: The newest analysed day.
        hours: Site → scores of the last 24 hours of its worst service level.
        names: Site → what people call it.
        groups: Site → names of its groups.
        present: Sites that there are, whether or not anything was measured there.
        is_stale: The poll is too old to speak of now.
    """
    frame = _joined(live, days, present)
    has_live = live is not None and live.as_of is not None
    rows = []
    for row in frame.iter_rows(named=True):
        site_id = row["site_id"]
        last = status_of(row["severity"]) if has_live else (row["day_status"] or UNKNOWN)
        rows.append(
            SiteNow(
                site_id=site_id,
                label=names.get(site_id) or unnamed(site_id),
                groups=groups.get(site_id, ()),
                status=now_or_unknown(last, is_stale=is_stale),
                last_status=last,
                changed_since=row["changed_since"],
                health=row["score"],
                health_change=_shown_change(row["score"], row["change"]),
                worst_metric=row["metric"] or "",
                worst_pct=row["score_pct"],
                hours=hours.get(site_id, ()),
                trend=TREND_OF.get(row["indicator"] or "", ""),
                forecast_metric=row["forecast_metric"] or "",
                forecast_days=row["forecast_days"],
                clients=row["clients"],
            )
        )
    return sorted(rows, key=lambda one: (one.label.casefold(), one.site_id))


def _joined(live: LiveFacts | None, days: DayFacts | None, present: Sequence[str]) -> pl.DataFrame:
    """One row a site: the live columns, those of the day, trend of the worst service level, forecast."""
    instant = pl.Datetime("us", "UTC")
    live_types: dict[str, Any] = {
        "site_id": pl.String, "metric": pl.String, "score_pct": pl.Float64, "severity": pl.String,
        "changed_since": instant, "clients": pl.Int64,
    }  # fmt: skip
    day_types = {
        "site_id": pl.String, "day_status": pl.String, "score": pl.Float64, "change": pl.Float64,
    }  # fmt: skip
    polled = pl.DataFrame(schema=live_types) if live is None else live.sites.select(list(live_types))
    daily = (
        pl.DataFrame(schema=day_types)
        if days is None
        else days.sites.select("site_id", "score", "change", day_status="status")
    )
    sites = pl.concat(
        [polled.select("site_id"), daily.select("site_id"), pl.DataFrame({"site_id": list(present)}, {"site_id": pl.String})]
    ).unique(maintain_order=True)  # fmt: skip
    frame = sites.join(polled, on="site_id", how="left").join(daily, on="site_id", how="left")
    if days is None:
        empty = [pl.lit(None, pl.String).alias("indicator"), pl.lit(None, pl.String).alias("forecast_metric")]
        return frame.with_columns(*empty, forecast_days=pl.lit(None, pl.Float64))
    return frame.join(days.trends, on=["site_id", "metric"], how="left").join(
        days.forecasts, on="site_id", how="left"
    )


def organisation(sites: Sequence[SiteNow], days: DayFacts | None) -> OrganisationNow:
    """All sites together."""
    clients = [site.clients for site in sites if site.clients is not None]
    counts = _counted(site.status for site in sites)
    if days is None or days.day is None:
        return OrganisationNow(counts=counts, clients=sum(clients) if clients else None)
    scored = days.sites.filter(pl.col("score").is_not_null())
    both = scored.drop_nulls("change")
    return OrganisationNow(
        day=days.day,
        health=_mean(scored["score"]),
        health_change=_shown_change(_mean(both["score"]), _mean(both["change"])),
        counts=counts,
        counts_before=_counted(days.sites["status"].to_list()),
        clients=sum(clients) if clients else None,
    )


def _shown_change(now: float | None, by: float | None) -> float | None:
    """How something changed, between its two values as every surface shows them."""
    return None if now is None or by is None else change(now - by, now)


def _mean(values: pl.Series) -> float | None:
    mean = values.mean()
    return float(mean) if isinstance(mean, int | float) else None


def _counted(statuses: Iterable[str]) -> dict[str, int]:
    found = list(statuses)
    return {status: found.count(status) for status in STATUSES}


def incidents_by_site(incidents: Iterable[IncidentNow]) -> dict[str, tuple[str, ...]]:
    """Site → its incidents that go on, in the order given."""
    found: dict[str, list[str]] = {}
    for incident in incidents:
        for site_id in incident.site_ids if incident.is_active else ():
            found.setdefault(site_id, []).append(incident.incident_id)
    return {site_id: tuple(ids) for site_id, ids in found.items()}


def named_groups(names: Iterable[str]) -> tuple[str, ...]:
    """Names of site groups as they are shown."""
    shown = (clean(one, 60) for one in names)
    return tuple(one for one in shown if one)
