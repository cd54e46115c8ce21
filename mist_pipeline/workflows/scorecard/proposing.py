"""Proposals of days, and the scorecard of the newest one.

Here: what a stricter setting is called, which alerts of a site are known, reading what the sentences are about. Not here: when something is
proposed (``scorecard.proposals``), the sentences (``scorecard.summary``).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import get_args

import polars as pl

from mist_pipeline.alerts.lifecycle.policy import DEFAULT_RULES
from mist_pipeline.domain.site_names import display_names
from mist_pipeline.scorecard import proposals, summary
from mist_pipeline.scorecard.alert_quality import judged
from mist_pipeline.settings import Settings
from mist_pipeline.settings.notifications import RaisedFrom
from mist_pipeline.tables import alerts, history
from mist_pipeline.tables import scorecard as table
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.workflows.analysis.days import back
from mist_pipeline.workflows.scorecard.quality import copied, end_of

_LEVELS: tuple[str, ...] = get_args(RaisedFrom)


@dataclass(frozen=True)
class Scorecard:
    """Was it right, up to a day?

    Attributes:
        day: The newest graded day.
        lines: Answers, the most important first.
        proposals: What to consider, in words.
    """

    day: date
    lines: Sequence[summary.Line]
    proposals: Sequence[str]


def proposal_rows(warehouse: Warehouse, settings: Settings, days: Sequence[date]) -> pl.DataFrame:
    """``scorecard.proposals`` of these days."""
    quality = warehouse.read_days(table.ALERT_QUALITY, days[0], days[-1])
    truths = warehouse.read_days(table.TRUTHS, back(days, proposals.WINDOW_DAYS), days[-1])
    opened = copied(warehouse, alerts.ALERTS).filter(
        pl.col("opened_at").is_not_null() & (pl.col("site_id") != "")
    )
    rows = [table.PROPOSALS.empty()]
    for day in days:
        end = end_of(settings, day)
        begin = end - timedelta(days=proposals.WINDOW_DAYS)
        of_window = opened.filter(pl.col("opened_at").is_between(begin, end, closed="left"))
        known = known_of_sites(of_window, truths.filter(pl.col("said_at") <= end))
        rows.append(proposals.proposals(quality, known, stricter(settings), day))
    return pl.concat(rows)


def known_of_sites(opened: pl.DataFrame, truths: pl.DataFrame) -> pl.DataFrame:
    """Of the alerts of each site how many people called known, and how many were judged: site_id, n_known, n_judged."""
    said = judged(opened, truths.filter(pl.col("source").is_in(["feedback", "ticket"])))
    return (
        opened.join(said, on="alert_id")
        .group_by("site_id")
        .agg(n_known=(pl.col("verdict") == "known").sum(), n_judged=(pl.col("verdict") != "duplicate").sum())
    )


def stricter(settings: Settings) -> dict[str, str]:
    """Rule → the setting that is one step stricter than that of now; rules that never raise an alert are left out."""
    found: dict[str, str] = {}
    for name, rule in DEFAULT_RULES.items():
        own = settings.alerts.raises.get(name) or rule.alone or rule.corroborated or rule.hinted
        if name == "evidence" and settings.alerts.sensitivity != "low":
            found[name] = (
                f"alerts.sensitivity: {'low' if settings.alerts.sensitivity == 'normal' else 'normal'}"
            )
        elif own is not None and own != _LEVELS[-1]:
            found[name] = f"alerts.raises: {{{name}: {_LEVELS[_LEVELS.index(own) + 1]}}}"
    return found


def scorecard(published: Warehouse, settings: Settings, day: date | None = None) -> Scorecard | None:
    """The scorecard of a day of the published copy, the newest by default; None where nothing was graded yet."""
    if not _has_grades(published):
        return None
    if day is None:
        day = published.query("SELECT max(day) AS day FROM scorecard.alert_quality")["day"][0]
    if day is None:
        return None
    first = back([day], summary.OUTCOME_DAYS - 1)
    grades = summary.Grades(
        crossings=published.read_days(table.CROSSINGS, first, day),
        probabilities=published.read_days(table.PROBABILITIES, first, day),
        accuracy=published.read_days(
            table.FORECAST_ACCURACY,
            back([day], summary.ACCURACY_DAYS - 1),
            day,
            where="model = '' AND site_group = ''",
        ),
        quality=published.read_days(table.ALERT_QUALITY, day, day),
        forecast_days=settings.thresholds.forecast_days,
    )
    rows = published.read_days(table.PROPOSALS, day, day).to_dicts()
    sites = published.read_days(history.SITES, day, day, columns=("site_id", "name")) if rows else None
    names = {} if sites is None else display_names(dict(sites.iter_rows()))
    said = [proposals.sentence(row, names.get(row["subject"], "")) for row in rows]
    return Scorecard(day, summary.summary(grades), said)


def _has_grades(published: Warehouse) -> bool:
    """Whether the copy has the newest of these tables; one that an earlier version published has not."""
    found = published.query(
        "SELECT 1 FROM information_schema.tables WHERE table_schema = $schema AND table_name = $name",
        {"schema": table.PROPOSALS.schema, "name": table.PROPOSALS.name},
    )
    return not found.is_empty()
