"""A configuration for a wish: so many messages a day, or so many false alerts a week, and what it costs.

Every sensitivity is replayed, alone and with one rule that raises alerts from a higher severity on. Which of them is suggested is
decided on the first two thirds of the days; what it would have cost is told of the last third, on which nothing was chosen. Not here:
replaying (`runs`), editing the file (`writing`), printing (``cli``).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, get_args

import polars as pl

from mist_pipeline.alerts.lifecycle.policy import DEFAULT_RULES
from mist_pipeline.domain.severity import SEVERITIES, rank
from mist_pipeline.report.document.replay_model import ReplayQuality
from mist_pipeline.scorecard.replays import MIN_CASES, Quality, changes, n_heard
from mist_pipeline.settings import Settings, SettingsError
from mist_pipeline.settings.notifications import Sensitivity
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.workflows.analysis.replay import span
from mist_pipeline.workflows.progress import Progress, silent
from mist_pipeline.workflows.replaying.comparison import quality_of
from mist_pipeline.workflows.replaying.runs import Configuration, Outcome, replays

IN_FORCE = "in force"
CHOOSING_SHARE = 2 / 3
MIN_DAYS = 6
"""Fewer days are not cut in two."""

SENSITIVITY = "alerts.sensitivity"
RAISES = "alerts.raises"
_NOT_OF_SITES = ("collector", "pipeline")


@dataclass(frozen=True)
class Wish:
    """What is wished: one of the two, at most so many."""

    messages_a_day: float | None = None
    false_alerts_a_week: float | None = None

    @property
    def most(self) -> float:
        """The number that was wished."""
        return next(one for one in (self.messages_a_day, self.false_alerts_a_week) if one is not None)

    @property
    def what(self) -> str:
        """Of what."""
        return "messages a day" if self.messages_a_day is not None else "false alerts a week"

    def value(self, found: Quality, days: float) -> float | None:
        """What came of it in some days; None where too few alerts are judged to say.

        False alerts are estimated: all alerts, times the share of the judged ones that were wrong or duplicates.
        """
        if self.messages_a_day is not None:
            return found["messages_per_day"]
        judged = found["n_judged"] + found["n_duplicate"]
        if judged < MIN_CASES:
            return None
        return found["alerts"] / (days / 7) * (found["n_false"] + found["n_duplicate"]) / judged


@dataclass(frozen=True)
class Tried:
    """One configuration on both parts of the days.

    Attributes:
        name: What is different.
        keys: Key → value that differs from the configuration in force.
        choosing: On the days for choosing.
        held_out: On the others.
        value: What is wished, on the days for choosing.
        held_out_value: The same on the others.
    """

    name: str
    keys: Mapping[str, str]
    choosing: Quality
    held_out: Quality
    value: float | None
    held_out_value: float | None


@dataclass(frozen=True)
class Suggestion:
    """What to change for a wish.

    Attributes:
        wish: The wish.
        first: First day.
        held_out_from: First day of those that were not used for choosing.
        last: Last day.
        tried: Every configuration; the first is in force.
        chosen: The suggested one; None where too few alerts are judged to say.
        is_reached: Whether it fulfils the wish on the days for choosing.
        changes: Of the alerts of the held-out days how many are the same, earlier, later, more and fewer under the chosen one.
        later_median_hours: By how much later, of those that are.
    """

    wish: Wish
    first: date
    held_out_from: date
    last: date
    tried: Sequence[Tried]
    chosen: Tried | None
    is_reached: bool
    changes: Mapping[str, int]
    later_median_hours: float | None

    def document(self) -> dict[str, Any]:
        """The suggestion for programs."""
        chosen = self.chosen
        return {
            "wish": {"most": self.wish.most, "what": self.wish.what},
            "first": self.first.isoformat(),
            "held_out_from": self.held_out_from.isoformat(),
            "last": self.last.isoformat(),
            "keys": None if chosen is None else dict(chosen.keys),
            "is_reached": self.is_reached,
            "changes": dict(self.changes),
            "later_median_hours": self.later_median_hours,
            "tried": [
                {
                    "keys": dict(one.keys),
                    "value": one.value,
                    "held_out_value": one.held_out_value,
                    "choosing": one.choosing,
                    "held_out": one.held_out,
                }
                for one in self.tried
            ],
        }


def named(tried: Tried, found: Quality) -> ReplayQuality:
    """How good a configuration was on a part of the days, as tables take it."""
    return {"name": "suggested" if tried.keys else IN_FORCE, **found}


def candidates(settings: Settings) -> Iterator[tuple[Configuration, dict[str, str]]]:
    """The configuration in force, then every sensitivity, alone and with one rule that is stricter; with the keys that differ."""
    now = settings.alerts
    yield Configuration(IN_FORCE, settings), {}
    # The most sensitive first: of equals it is taken.
    for level in reversed(get_args(Sensitivity)):
        for raises in (dict[str, str](), *_stricter(settings)):
            keys = {f"{RAISES}.{kind}": severity for kind, severity in raises.items()}
            if level != now.sensitivity:
                keys = {SENSITIVITY: level, **keys}
            if keys:
                alerts = now.model_copy(update={"sensitivity": level, "raises": {**now.raises, **raises}})
                name = ", ".join(f"{key.removeprefix('alerts.')}: {value}" for key, value in keys.items())
                yield Configuration(name, settings.model_copy(update={"alerts": alerts})), keys


def _stricter(settings: Settings) -> Iterator[Mapping[str, str]]:
    """Each rule that raises alerts by itself, from each higher severity on."""
    rules = settings.alerts.policy().rules
    for kind in DEFAULT_RULES:
        alone = rules[kind].alone
        if alone is not None and kind not in _NOT_OF_SITES:
            yield from ({kind: severity} for severity in SEVERITIES if rank(severity) > rank(alone))


def suggestion(
    warehouse: Warehouse,
    settings: Settings,
    wish: Wish,
    first: date,
    last: date,
    progress: Progress = silent,
) -> Suggestion:
    """What to change so that a wish would have been fulfilled.

    Of the configurations that fulfil it on the days for choosing the one that heard of the most known troubles is suggested (where
    enough are known), then the one with the most alerts, then the one with the fewest changes, then the most sensitive. If none does, the nearest.

    Args:
        warehouse: With the analysed days.
        settings: The configuration in force.
        wish: The wish.
        first: First day.
        last: Last day.
        progress: Hears of every week.

    Raises:
        SettingsError: There are too few days to keep some back.
    """
    days = (last - first).days + 1
    if days < MIN_DAYS:
        raise SettingsError(
            f"{days} days are too few to choose on some and try on others; give {MIN_DAYS} at least"
        )
    held_out_from = first + timedelta(days=round(days * CHOOSING_SHARE))
    wanted = list(candidates(settings))
    runs = replays(warehouse, settings, [one for one, _ in wanted], first, last, progress)
    begin, middle = span(settings, first, held_out_from - timedelta(days=1))

    def of(outcome: Outcome, keys: Mapping[str, str]) -> Tried:
        parts = ((begin, middle), (middle, runs.end))
        choosing, held_out = (quality_of(runs, outcome, *part) for part in parts)
        value, later = (
            wish.value(found, (end - start) / timedelta(days=1))
            for found, (start, end) in zip((choosing, held_out), parts, strict=True)
        )
        return Tried(outcome.configuration.name, keys, choosing, held_out, value, later)

    tried = [of(outcome, keys) for outcome, (_, keys) in zip(runs.outcomes, wanted, strict=True)]
    place, is_reached = _best(tried, wish.most)
    kinds, later = ({}, None) if place is None else _cost(runs.outcomes[0], runs.outcomes[place], middle)
    chosen = None if place is None else tried[place]
    return Suggestion(wish, first, held_out_from, last, tried, chosen, is_reached, kinds, later)


def _best(tried: Sequence[Tried], most: float) -> tuple[int | None, bool]:
    """Place of the suggested configuration, and whether it fulfils the wish."""
    known = [(place, one, one.value) for place, one in enumerate(tried) if one.value is not None]
    if not known:
        return None, False
    fits = [(place, one) for place, one, value in known if value <= most]
    if not fits:
        return min(known, key=lambda one: one[2])[0], False

    def worth(one: Tried) -> tuple[int, int, int]:
        heard = n_heard(one.choosing) if one.choosing["n_troubles"] >= MIN_CASES else 0
        return heard, one.choosing["alerts"], -len(one.keys)

    return max(fits, key=lambda pair: worth(pair[1]))[0], True


def _cost(base: Outcome, other: Outcome, since: datetime) -> tuple[dict[str, int], float | None]:
    """How the alerts that opened from an instant on differ, and the median hours of those that are later."""
    changed = changes(base.alerts, other.alerts).filter(
        pl.min_horizontal("base_opened_at", "other_opened_at") >= since
    )
    kinds = dict(changed.group_by("change").len().iter_rows())
    later = changed.filter(pl.col("change") == "later")["shift_hours"].median()
    return {kind: kinds.get(kind, 0) for kind in ("same", "earlier", "later", "more", "fewer")}, (
        float(later) if isinstance(later, float) else None
    )
