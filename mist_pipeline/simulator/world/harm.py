"""What an incident costs the users of a site: when it begins to be felt, when it has done real harm, how much it adds.

Only user-minutes that the incident adds to those degraded anyway count, in expectation: users that would have been
there, times the share that it degrades. Where nobody is, there is no harm. An amount is noticeable
(`LEAST_USER_MINUTES`, `SHARE_OF_AN_HOUR`, `SHARE_OF_A_DAY`) when somebody would call about it. Not here: what is measured,
which is noisy (`measurements`).
"""

from collections.abc import Sequence
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


def harms(model: MeasurementModel, parts: Sequence[Scenario], until: datetime) -> tuple[Harm, ...]:
    """The harm of an incident at each site that it touches, in order of index.

    Args:
        model: Knows the sites and their users.
        parts: The scenarios of the incident, of the model's.
        until: What happens later does not count.
    """
    sites = np.array(sorted({index for part in parts for index in part.sites}), dtype=np.int64)
    ids = model.site_ids(sites.tolist())
    over = {index: max(part.end for part in parts if index in part.sites) for index in sites.tolist()}
    onset, end = min(part.onset for part in parts), max(part.end for part in parts)
    first = opening_hours.hour_of(onset)
    last = opening_hours.hour_of(min(end, until) - timedelta(microseconds=1)) + 3
    if last <= first or not any(part.effects or part.is_silent for part in parts):
        return tuple(Harm(one, None, None, over[at], 0.0) for one, at in zip(ids, over, strict=True))
    share, minutes = _shares(model, parts, sites, np.arange(first, last + 1))
    added = minutes * share
    of_day, day = _rolling(added), _rolling(minutes)
    is_noticeable = (of_day >= LEAST_USER_MINUTES) & (
        (share >= SHARE_OF_AN_HOUR) | (of_day >= SHARE_OF_A_DAY * day)
    )
    # Within its hour the harm is done when the amount is reached: the floor, or the share of the hour.
    need = np.maximum(LEAST_USER_MINUTES - (of_day - added), SHARE_OF_AN_HOUR * minutes)
    with np.errstate(invalid="ignore", divide="ignore"):
        part_of_hour = np.clip(np.where(is_noticeable, need / added, 1.0).min(axis=2), 0.0, 1.0)
    noticed, felt = (
        np.asarray(is_noticeable.any(axis=2)),
        np.asarray((added >= _FELT_USER_MINUTES).any(axis=2)),
    )
    worst = added.sum(axis=1).max(axis=1)
    found = []
    for row, (site_id, index) in enumerate(zip(ids, over, strict=True)):
        felt_at = harm_at = None
        if felt[row].any():
            felt_at = max(opening_hours.moment_of(first + int(felt[row].argmax())), onset)
        if noticed[row].any():
            at = int(noticed[row].argmax())
            into = timedelta(minutes=round(60 * float(part_of_hour[row, at])))
            harm_at = max(opening_hours.moment_of(first + at) + into, onset)
        found.append(Harm(site_id, felt_at, harm_at, over[index], round(float(worst[row]), 1)))
    return tuple(found)


def _shares(
    model: MeasurementModel, parts: Sequence[Scenario], sites: Ints, hours: Ints
) -> tuple[Floats, Floats]:
    """Share that is added to each service level, and the user-minutes that count for it; (S, H, M)."""
    named = sorted({METRICS.index(item.metric) for part in parts for item in part.effects})
    exposure = np.array([PROFILES[METRICS[at]].exposure for at in named])
    if any(part.is_silent for part in parts):
        exposure = np.append(exposure, 1.0)  # all that users do
    kept = np.ones((len(sites), len(hours), len(exposure)))
    for part in parts:
        rows, course = np.isin(sites, part.sites), part.hourly(hours)
        for item in part.effects:
            kept[rows, :, named.index(METRICS.index(item.metric))] *= 1.0 - item.peak * course
        if part.is_silent:
            kept[rows, :, -1] *= 1.0 - course
    share = 1.0 - kept
    share[:, :, : len(named)] *= (model.is_supported(sites)[:, named] * (1.0 - model.base[sites][:, named]))[
        :, None, :
    ]
    return share, model.expected_clients(sites, hours)[:, :, None] * 60.0 * _PRESENT * exposure


def _rolling(minutes: Floats) -> Floats:
    """Sums over the last 24 hours, (S, H, M)."""
    total = np.cumsum(minutes, axis=1)
    total[:, _DAY:] = total[:, _DAY:] - total[:, :-_DAY]
    return total
