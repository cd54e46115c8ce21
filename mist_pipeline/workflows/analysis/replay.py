"""Stored history as evaluations: hour by hour, and each day's analysis at its end; what a replay runs over.

Where looks were kept they are replayed as they were, at the instants at which they were evaluated; closed hours fill the
rest. Needs no Dagster run and tells nobody. The lifecycle is in ``alerts``; what a day found is in ``analysis.findings``.
"""

import heapq
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta

import polars as pl

from mist_pipeline.alerts.ledger.evaluation_store import Evaluations, Name
from mist_pipeline.alerts.lifecycle.observations import EvaluationInput
from mist_pipeline.analysis.causes.candidates import base_rates, incidents
from mist_pipeline.analysis.causes.flags import evidence_flags, silence_flags
from mist_pipeline.analysis.evidence.gates import notable
from mist_pipeline.analysis.findings.findings import FindingInputs, hourly_findings
from mist_pipeline.analysis.scores.bands import UserGate, with_severity
from mist_pipeline.collect.fetch.days import day_bounds
from mist_pipeline.settings import Settings
from mist_pipeline.tables import analysis, history
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.workflows.analysis import rules

HOUR = timedelta(hours=1)
PIECE_DAYS = 7
MIN_SITES = 3
"""Fewer sites in trouble at once share nothing beyond chance."""

DAILY_AFTER = timedelta(seconds=1)
"""The daily analysis comes after the last hour of its day, and an evaluation has one instant."""


@dataclass(frozen=True)
class Looks:
    """Looks that were kept, and what they leave to closed hours.

    Attributes:
        kept: Where they are.
        at: Look → the instant at which it was evaluated.
        hours: Hours in which somebody looked.
        days: Beginnings of days whose analysis was evaluated.
    """

    kept: Evaluations
    at: Mapping[Name, datetime]
    hours: frozenset[datetime] = field(default_factory=frozenset)
    days: frozenset[datetime] = field(default_factory=frozenset)

    @classmethod
    def between(
        cls, kept: Evaluations, evaluated: Mapping[str, datetime], begin: datetime, end: datetime
    ) -> "Looks":
        """Looks of a span of time, and evaluations of its days that came after it.

        Args:
            kept: Where they are.
            evaluated: Look → instant, as the ledger knows it; one that it does not know counts at its own.
            begin: First instant.
            end: The instant after the last.
        """
        at: dict[Name, datetime] = {}
        days: set[datetime] = set()
        for name in kept.names(begin):
            if name.source == "daily":
                covers = kept.load(name).begins
                if begin <= covers < end:
                    at[name] = evaluated.get(name.text, name.as_of)
                    days.add(covers)
            elif name.as_of < end:
                at[name] = evaluated.get(name.text, name.as_of)
        live = (name.as_of for name in at if name.source == "live")
        hours = frozenset(instant.replace(minute=0, second=0, microsecond=0) for instant in live)
        return cls(kept, at, hours, frozenset(days))

    def steps(self) -> Iterator[EvaluationInput]:
        """The looks in the order in which they were evaluated."""
        for name in sorted(self.at, key=lambda one: (self.at[one], one)):
            yield replace(self.kept.load(name), as_of=self.at[name])

    def covers(self, step: EvaluationInput) -> bool:
        """Whether what closed hours say was seen by a look of that hour, or in that day's own evaluation."""
        return step.begins in self.days if step.source == "daily" else step.as_of in self.hours


def steps(
    warehouse: Warehouse, settings: Settings, first: date, last: date, looks: Looks | None = None
) -> Iterator[EvaluationInput]:
    """The evaluations of these days, in order of time, made a week at a time.

    Args:
        warehouse: Where history and analysis are.
        settings: How hours are judged.
        first: First day.
        last: Last day.
        looks: Kept looks, which replace the hours and days that they cover.
    """
    closed = _closed(warehouse, settings, first, last)
    if looks is None:
        yield from closed
        return
    rest = (step for step in closed if not looks.covers(step))
    yield from heapq.merge(rest, looks.steps(), key=lambda step: step.as_of)


def span(settings: Settings, first: date, last: date) -> tuple[datetime, datetime]:
    """First instant of the first day and the instant after the last one."""
    zone = settings.organisation.zone
    begin, end = day_bounds(first, zone)[0], day_bounds(last, zone)[1]
    return datetime.fromtimestamp(begin, UTC), datetime.fromtimestamp(end, UTC)


def _closed(warehouse: Warehouse, settings: Settings, first: date, last: date) -> Iterator[EvaluationInput]:
    """Every closed hour and day."""
    day, sites = first, number_of_sites(warehouse, first, last)
    while day <= last:
        until = min(day + timedelta(days=PIECE_DAYS - 1), last)
        yield from _piece(warehouse, settings, day, until, sites)
        day = until + timedelta(days=1)


def _piece(
    warehouse: Warehouse, settings: Settings, first: date, last: date, site_count: int
) -> Iterator[EvaluationInput]:
    families = rules.families(settings)
    hours = warehouse.read_days(history.SLE_HOURLY, first, last)
    clients = warehouse.read_days(history.SITE_HOURLY, first, last)
    evidence = warehouse.read_days(analysis.EVIDENCE, first - timedelta(days=1), last)
    now = notable(evidence, families).filter(pl.col("day") >= first)
    readings = with_severity(
        hours.join(
            clients.select("hour", "site_id", num_users="num_clients"), on=["hour", "site_id"], how="left"
        ),
        rules.default_bands(settings),
        rules.bands_by_metric(settings),
        UserGate(settings.thresholds.min_users, min_user_minutes=0, window_minutes=60),
    )
    found = _by_instant(
        hourly_findings(
            FindingInputs(
                readings=readings,
                classifiers=None,
                sites=None,
                site_hourly=clients,
                trends=None,
                deviations=None,
                risks=None,
                anomalies=None,
                health_scores=None,
                incidents=None,
                notable=now,
                alarms=None,
            ),
            rules.finding_rules(settings),
        ),
        "as_of",
    )
    asked = _by_instant(hours.select("hour", "site_id", "metric", "state", "score_pct"), "hour")
    support = _by_instant(now.filter(~pl.col("is_alarming")).select("hour", "site_id", "family"), "hour")
    causes = _causes(warehouse, settings, now, hours, last)
    daily = {
        day[0]: rows
        for day, rows in warehouse.read_days(analysis.FINDINGS, first, last)
        .partition_by("day", as_dict=True)
        .items()
    }
    daily_causes = warehouse.read_days(analysis.INCIDENTS, first, last)
    readings_of_days = warehouse.read_days(
        history.SLE_DAILY, first, last, columns=["day", "site_id", "metric", "state", "score_pct"]
    )
    none = analysis.FINDINGS.empty()
    day = first
    while day <= last:
        begin, end = (datetime.fromtimestamp(at, UTC) for at in day_bounds(day, settings.organisation.zone))
        hour = begin
        while hour < end:
            if hour in asked:
                yield EvaluationInput(
                    as_of=hour + HOUR,
                    source="live",
                    findings=found.get(hour + HOUR, none),
                    readings=asked[hour],
                    support=support.get(hour),
                    causes=causes.get(hour + HOUR),
                    site_count=site_count,
                )
            hour += HOUR
        if day in daily:
            yield EvaluationInput(
                as_of=end + DAILY_AFTER,
                source="daily",
                findings=daily[day],
                readings=readings_of_days.filter(pl.col("day") == day),
                causes=daily_causes.filter(pl.col("day") == day),
                covers_from=begin,
                site_count=site_count,
            )
        day += timedelta(days=1)


def _causes(
    warehouse: Warehouse, settings: Settings, now: pl.DataFrame, hours: pl.DataFrame, last: date
) -> dict[datetime, pl.DataFrame]:
    """Shared causes of the hours in which several sites are in trouble."""
    alarming = now.filter("is_alarming").group_by("hour").agg(pl.col("site_id").n_unique())
    wanted = alarming.filter(pl.col("site_id") >= MIN_SITES)["hour"].sort().to_list()
    if not wanted:
        return {}
    sites = warehouse.query(
        "SELECT * FROM history.sites WHERE day <= ? "
        "QUALIFY row_number() OVER (PARTITION BY site_id ORDER BY day DESC) = 1",
        [last],
    )
    by_hour = _by_instant(now.filter(pl.col("hour").is_in(wanted)), "hour")
    judged = _by_instant(
        hours.filter(pl.col("hour").is_in(wanted) & (pl.col("state") == "ok")).select(
            "hour", "site_id", "metric"
        ),
        "hour",
    )
    flags = []
    for hour in wanted:
        at = pl.lit(hour + HOUR, pl.Datetime("us", "UTC")).alias("as_of")
        rows, there = by_hour[hour], judged.get(hour)
        if there is not None:
            flags.append(evidence_flags(rows, there, rules.families(settings)).select(at, pl.all()))
        flags.append(silence_flags(rows.with_columns(at), sites.with_columns(at), moment="as_of"))
    together = pl.concat(flags, how="diagonal_relaxed")
    names = settings.organisation.names
    found = incidents(together, sites, base_rates(together.clear()), names=names, moment="as_of")
    return _by_instant(found, "as_of")


def _by_instant(frame: pl.DataFrame, column: str) -> dict[datetime, pl.DataFrame]:
    return {key[0]: rows for key, rows in frame.partition_by(column, as_dict=True).items()}


def number_of_sites(warehouse: Warehouse, first: date, last: date) -> int:
    """How many sites the history of these days knows; 0 where there is none."""
    return int(
        warehouse.query(
            "SELECT count(DISTINCT site_id) FROM history.sites WHERE day BETWEEN ? AND ?", [first, last]
        ).item()
    )
