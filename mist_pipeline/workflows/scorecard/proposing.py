"""Proposals of days.

Here: what a stricter setting is called, which alerts of a site are known. Not here: when something is proposed (``scorecard.proposals``),
the sentences (``scorecard.summary``), reading both (``overview.past.graded``).
"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import get_args

import polars as pl

from mist_pipeline.alerts.lifecycle.policy import DEFAULT_RULES
from mist_pipeline.scorecard import proposals
from mist_pipeline.scorecard.alert_quality import judged
from mist_pipeline.settings import Settings
from mist_pipeline.settings.notifications import RaisedFrom
from mist_pipeline.tables import alerts
from mist_pipeline.tables import scorecard as table
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.workflows.analysis.days import back
from mist_pipeline.workflows.scorecard.quality import copied, end_of

_LEVELS: tuple[str, ...] = get_args(RaisedFrom)


def proposal_rows(warehouse: Warehouse, settings: Settings, days: Sequence[date]) -> pl.DataFrame:
    """``scorecard.proposals`` of these days."""
    with warehouse.reading():
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
