"""A quarter of predicted crossings and the person who acts on some of them, with known true rates, as the warehouse would have it.

Each event is a series of its own: a score that declines and is warned of, or falls without a warning. What becomes of it is drawn: it crosses,
somebody repairs it and says so or does not, it comes back by itself, or it stays where it is. Some are acted on though it changes nothing.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl

from mist_pipeline.scorecard.crossings import NOBODY_ACTED, crossings

DAYS = 90
LAST = date(2026, 3, 31)
THRESHOLD, WARNED_AT, USUAL, FALLEN = 80.0, 85.0, 92.0, 77.0


@dataclass(frozen=True)
class CrossingRates:
    """What is true of the world and of the operator; the shares are of all events.

    Attributes:
        events: Predicted crossings, and those that nobody predicted, in the quarter.
        hit: It comes as predicted.
        prevented: Somebody acts, and says so; it would have come.
        silent: Somebody acts, and nobody knows; it would have come.
        recovered: It comes back by itself.
        false_alarm: It stays where it is.
        missed: It comes without a warning.
        in_vain: Share of hits and false alarms on which somebody acts, which changes nothing.
    """

    events: int = 240
    hit: float = 0.3
    prevented: float = 0.2
    silent: float = 0.08
    recovered: float = 0.12
    false_alarm: float = 0.15
    missed: float = 0.15
    in_vain: float = 0.3

    @property
    def true(self) -> float:
        """Share of warnings whose crossing came."""
        return self.hit / (1 - self.missed)

    @property
    def prevention(self) -> float:
        """Share of what would have come that somebody prevented, whether it is known or not."""
        repaired = self.prevented + self.silent
        return repaired / (repaired + self.hit + self.missed)


def decided(rates: CrossingRates, seed: int) -> pl.DataFrame:
    """``scorecard.crossings`` of the quarter, day by day."""
    rng = np.random.default_rng(seed)
    names = ("hit", "prevented", "silent", "recovered", "false_alarm", "missed")
    shares = np.array([getattr(rates, name) for name in names])
    first = LAST - timedelta(days=DAYS)
    readings, warned, acts = [], [], []
    for number, kind in enumerate(rng.choice(names, rates.events, p=shares / shares.sum())):
        site = f"s{number:04d}"
        # What is warned of in the last week is not decided in the quarter.
        at = int(rng.integers(10, DAYS - 8))
        day = first + timedelta(days=at)
        falls = at + int(rng.integers(2, 6))
        score = np.full(DAYS + 1, USUAL) + rng.normal(0, 0.3, DAYS + 1)
        if kind == "missed":
            score[at:] = FALLEN
        else:
            score[at - 5 : at + 1] = np.linspace(USUAL, WARNED_AT, 6)
            score[at + 1 :] = {"hit": FALLEN, "false_alarm": WARNED_AT - 1}.get(str(kind), USUAL)
            if kind != "false_alarm":
                score[at + 1 : falls] = np.linspace(WARNED_AT, THRESHOLD + 1, falls - at)[1:]
            warned.append((day, site, "crossing", 4.0, 2.0, 6.0, 0.7, WARNED_AT))
            if kind == "prevented" or (kind in {"hit", "false_alarm"} and rng.random() < rates.in_vain):
                acted = datetime(day.year, day.month, day.day, 9, tzinfo=UTC) + timedelta(days=1)
                acts.append((site, "coverage", acted, "acknowledged"))
        readings += [
            (first + timedelta(days=on), site, float(value), "critical" if value < THRESHOLD else "major")
            for on, value in enumerate(score)
        ]
    level = pl.lit("coverage").alias("metric")
    columns = {"day": pl.Date, "site_id": pl.String}
    daily = pl.DataFrame(
        readings, schema={**columns, "score_pct": pl.Float64, "severity": pl.String}, orient="row"
    ).with_columns(level)
    numbers = dict.fromkeys(("days", "days_low", "days_high", "probability", "score_pct"), pl.Float64)
    issued = pl.DataFrame(
        warned, schema={**columns, "state": pl.String, **numbers}, orient="row"
    ).with_columns(
        level,
        is_pre_warning=pl.lit(value=True),
        is_withheld=pl.lit(value=False),
        threshold_pct=pl.lit(THRESHOLD),
        issued_at=pl.col("day").cast(pl.Datetime("us", "UTC")) + timedelta(hours=26),
    )
    actions = pl.DataFrame(acts, schema=NOBODY_ACTED.schema, orient="row")
    return pl.concat(
        crossings(issued, daily, actions, first + timedelta(days=on)) for on in range(10, DAYS + 1)
    )
