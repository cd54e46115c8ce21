"""What a scenario costs the users of a site: when it begins to be felt, when it has done real harm, how much it adds.

Only user-minutes that the scenario adds to those degraded anyway count, in expectation: users that would have been
there, times the share that it degrades. Where nobody is, there is no harm. An amount is noticeable
(`LEAST_USER_MINUTES`, `SHARE_OF_AN_HOUR`, `SHARE_OF_A_DAY`) when somebody would call about it. Not here: what is measured,
which is noisy (`measurements`).
"""

from datetime import datetime, timedelta
from typing import Final

import numpy as np

from mist_pipeline.simulator.world import opening_hours
from mist_pipeline.simulator.world.measurements import MeasurementModel
from mist_pipeline.simulator.world.metric_profiles import METRICS, PROFILES
from mist_pipeline.simulator.world.randomness import Floats, Ints
from mist_pipeline.simulator.world.scenario import Harm, Scenario

LEAST_USER_MINUTES: Final = 60.0
"""Less than an hour of one user within 24 hours is not noticed."""
SHARE_OF_AN_HOUR: Final = 0.10
"""A tenth of the user-minutes of an hour: the step between two severities, ten points of the score …"""
SHARE_OF_A_DAY: Final = 0.05
"""… or, for what is small and lasts, a twentieth of those of 24 hours."""

_DAY: Final = 24
_PRESENT: Final = 0.85
"""Mean share of an hour that a user is there."""
_FELT_USER_MINUTES: Final = 1.0


def harms(model: MeasurementModel, scenario: Scenario, until: datetime) -> tuple[Harm, ...]:
    """The harm of a scenario at each of its sites, in their order.

    Args:
        model: Knows the sites and their users.
        scenario: One of the model's.
        until: What happens later does not count.
    """
    sites = np.array(scenario.sites, dtype=np.int64)
    ids = model.site_ids(scenario.sites)
    first = opening_hours.hour_of(scenario.onset)
    last = opening_hours.hour_of(min(scenario.end, until) - timedelta(microseconds=1)) + 3
    if last <= first or not (scenario.effects or scenario.is_silent):
        return tuple(Harm(site_id, None, None, 0.0) for site_id in ids)
    hours = np.arange(first, last + 1)
    share, exposure = _shares(model, scenario, hours)
    minutes = model.expected_clients(sites, hours)[:, :, None] * 60.0 * _PRESENT * exposure
    added = minutes * share
    of_day, day = _rolling(added), _rolling(minutes)
    with np.errstate(invalid="ignore", divide="ignore"):
        is_noticeable = (of_day >= LEAST_USER_MINUTES) & (
            (share >= SHARE_OF_AN_HOUR) | (of_day >= SHARE_OF_A_DAY * day)
        )
    noticed = np.asarray(is_noticeable.any(axis=2))
    felt = np.asarray((added >= _FELT_USER_MINUTES).any(axis=2))
    worst = added.sum(axis=1).max(axis=1)
    # Within its hour the harm is done when the amount is reached: the floor, or the share of the hour.
    need = np.maximum(LEAST_USER_MINUTES - (of_day - added), SHARE_OF_AN_HOUR * minutes)
    with np.errstate(invalid="ignore", divide="ignore"):
        part = np.clip(np.where(is_noticeable, need / added, 1.0).min(axis=2), 0.0, 1.0)
    found = []
    for row, site_id in enumerate(ids):
        at = int(noticed[row].argmax())
        felt_at = opening_hours.moment_of(first + int(felt[row].argmax())) if felt[row].any() else None
        harm_at = None
        if noticed[row].any():
            harm_at = opening_hours.moment_of(first + at) + timedelta(
                minutes=round(60 * float(part[row, at]))
            )
        found.append(
            Harm(
                site_id,
                None if felt_at is None else max(felt_at, scenario.onset),
                None if harm_at is None else max(harm_at, scenario.onset),
                round(float(worst[row]), 1),
            )
        )
    return tuple(found)


def _shares(model: MeasurementModel, scenario: Scenario, hours: Ints) -> tuple[Floats, Floats]:
    """Added share of each service level, (S, H, M), and the user-minutes that count for it as a share of all, (M,)."""
    course = scenario.hourly(hours)
    if scenario.is_silent:
        everything = np.broadcast_to(course[None, :, None], (len(scenario.sites), len(hours), 1))
        return np.asarray(everything, dtype=np.float64), np.ones(1)
    metrics = [METRICS.index(item.metric) for item in scenario.effects]
    base = model.base[list(scenario.sites)][:, metrics]
    known = model.is_supported(np.array(scenario.sites, dtype=np.int64))[:, metrics]
    peaks = np.array([item.peak for item in scenario.effects])
    share = course[None, :, None] * (peaks * (1.0 - base) * known)[:, None, :]
    return np.asarray(share), np.array([PROFILES[item.metric].exposure for item in scenario.effects])


def _rolling(minutes: Floats) -> Floats:
    """Sums over the last 24 hours, (S, H, M)."""
    total = np.cumsum(minutes, axis=1)
    total[:, _DAY:] = total[:, _DAY:] - total[:, :-_DAY]
    return total
