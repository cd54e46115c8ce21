"""The tables behind what is said, and how a number of theirs has to look where it is said."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from mist_pipeline.domain.metrics import CATALOGUE, title_of
from mist_pipeline.domain.numbers import rounded_down
from mist_pipeline.overview.morning import IncidentTold
from mist_pipeline.report import ReportData

MINUS = "−"
Key = tuple[str, ...]


def number_in(said: str) -> float:
    """A number as people write it: with a true minus, a plus, groups of three."""
    return float(said.replace(MINUS, "-").replace("±", "").replace("+", "").replace(",", ""))


def decimals_of(said: str) -> int:
    """How many decimals a number was said with."""
    return len(said.partition(".")[2])


def percentage(said: str, value: float | None, what: str) -> Iterator[str]:
    """A percentage is rounded down to as many decimals as it is said with."""
    if value is None:
        yield f"{what}: {said} % is said, the tables have none"
    elif abs(number_in(said) - rounded_down(value, decimals_of(said))) > 1e-9:
        yield f"{what}: {said} % is said, the tables have {value:.3f}"


def nearest(said: str, value: float | None, what: str) -> Iterator[str]:
    """Whatever is compared with no line is rounded to the nearest."""
    if value is None:
        yield f"{what}: {said} is said, the tables have nothing"
    elif abs(number_in(said) - value) > 0.5 * 10.0 ** -decimals_of(said) + 1e-6:
        yield f"{what}: {said} is said, the tables have {value:.4f}"


def metric_called(title: str) -> str:
    """The metric of a title; the title itself where no metric is called so."""
    return next((name for name in CATALOGUE if title_of(name) == title), title)


@dataclass(frozen=True)
class Truth:
    """The tables of one day.

    Attributes:
        data: Frames and thresholds that reports are made of; findings, risks and all others of the same day.
        notable: Evidence that passed its gates.
    """

    data: ReportData
    notable: pl.DataFrame | None = None

    @property
    def day(self) -> date:
        """The day that is told about."""
        return self.data.day

    @cached_property
    def _series(self) -> dict[Key, dict[date, float]]:
        known = self.data.sle_daily.filter(
            (pl.col("day") <= self.day) & (pl.col("state") == "ok") & pl.col("score_pct").is_finite()
        )
        series: dict[Key, dict[date, float]] = {}
        for day, site, name, value in (
            known.sort("day").select("day", "site_id", "metric", "score_pct").iter_rows()
        ):
            series.setdefault((site, name), {})[day] = value
        return series

    @cached_property
    def _rows(self) -> dict[str, dict[Key, dict[str, Any]]]:
        return {
            name: self._keyed(getattr(self.data, name), keys)
            for name, keys in {
                "sle_daily": ("site_id", "metric"),
                "site_status": ("site_id",),
                "trends": ("site_id", "metric"),
                "deviations": ("site_id", "metric"),
                "risks": ("site_id", "metric", "severity"),
                "anomalies": ("site_id",),
                "health_scores": ("site_id",),
            }.items()
        }

    def _keyed(self, frame: pl.DataFrame | None, keys: Key) -> dict[Key, dict[str, Any]]:
        rows = [] if frame is None else frame.filter(pl.col("day") == self.day).to_dicts()
        return {tuple(row[name] for name in keys): row for row in rows}

    def row(self, table: str, *key: str) -> dict[str, Any]:
        """The row of the day of a table; empty where it has none."""
        return self._rows[table].get(key, {})

    def rows(self, table: str) -> list[dict[str, Any]]:
        """All rows of the day of a table."""
        return list(self._rows[table].values())

    @property
    def causes(self) -> list[dict[str, Any]]:
        """The candidate causes of the day."""
        frame = self.data.incidents
        return [] if frame is None else [row for row in frame.to_dicts() if row["day"] == self.day]

    @property
    def open(self) -> Sequence[IncidentTold]:
        """What the ledger has that goes on."""
        return () if self.data.ledger is None else self.data.ledger.open

    def scores(self, site_id: str, metric: str) -> dict[date, float]:
        """All scores up to the day, in order."""
        return self._series.get((site_id, metric), {})

    def score(self, site_id: str, metric: str, day: date | None = None) -> float | None:
        """The score of a day."""
        return self.scores(site_id, metric).get(day or self.day)

    def threshold(self, metric: str, name: str) -> float | None:
        """Where a line of a metric lies."""
        return self.data.settings.thresholds_of(metric).get(name)

    def usual(self, site_id: str, metric: str) -> float | None:
        """What is usual for a service level on the day: the one meaning that every surface has."""
        found: float | None = self.row("deviations", site_id, metric).get("expected_pct")
        return found

    def evidence(self, site_id: str, metric: str, window_hours: int) -> list[dict[str, Any]]:
        """Evidence of the day that passed its gates."""
        if self.notable is None:
            return []
        of_site = (pl.col("site_id") == site_id) & (pl.col("metric") == metric)
        return self.notable.filter(of_site & (pl.col("window_hours") == window_hours)).to_dicts()

    def is_rising(self, site_id: str, metric: str) -> bool:
        """Whether each of the last three scores is higher than the one before it."""
        last = list(self.scores(site_id, metric).values())[-3:]
        return len(last) == 3 and last[0] < last[1] < last[2]

    def blamed(self, site_id: str, metric: str, day: date | None = None) -> dict[str, dict[str, Any]]:
        """Classifiers of a day by name, largest share of degraded user-minutes first."""
        rows = self.data.classifiers_daily.filter(
            (pl.col("day") == (day or self.day))
            & (pl.col("site_id") == site_id)
            & (pl.col("metric") == metric)
        ).sort("degraded_user_minutes", "classifier", descending=[True, False], nulls_last=True)
        return {row["classifier"]: row for row in rows.to_dicts()}

    def lost_by_hour(self, site_id: str, metric: str) -> dict[str, float]:
        """Degraded user-minutes of the hours of the day that have a score, by local time."""
        zone = ZoneInfo(self._zone(site_id))
        hours = self.data.sle_hourly
        if hours is None:
            return {}
        of_series = (
            (pl.col("day") == self.day) & (pl.col("site_id") == site_id) & (pl.col("metric") == metric)
        )
        rows = hours.filter(of_series & (pl.col("state") == "ok")).select("hour", "degraded_user_minutes")
        return {f"{at.astimezone(zone):%H:%M}": minutes or 0.0 for at, minutes in rows.rows()}

    def _zone(self, site_id: str) -> str:
        return self.data.sites.filter(pl.col("site_id") == site_id)["timezone"].to_list()[-1] or "UTC"

    def hour(self, site_id: str, metric: str, local: str) -> float | None:
        """The score of an hour of the day, by its local time."""
        zone = self._zone(site_id)
        hours = self.data.sle_hourly
        rows = (
            []
            if hours is None
            else hours.filter(
                (pl.col("day") == self.day) & (pl.col("site_id") == site_id) & (pl.col("metric") == metric)
            )
            .select("hour", "score_pct")
            .rows()
        )
        return next((score for at, score in rows if f"{at.astimezone(ZoneInfo(zone)):%H:%M}" == local), None)

    def previous_status(self, site_id: str) -> str:
        """The status on the newest day before."""
        before = self.data.site_status.filter(
            (pl.col("day") < self.day) & (pl.col("site_id") == site_id)
        ).sort("day")
        return str(before["status"][-1]) if before.height else "UNKNOWN"
