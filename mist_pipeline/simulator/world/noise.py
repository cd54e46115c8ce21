"""Noise families of a messy organisation: what the healthy hours of a site are like, apart from the usual.

Each family moves the share of degraded minutes of a healthy site, without a cause that anybody should be told of. Neighbour:
`measurements` applies it.

- heavy_tails: few sessions make most of the trouble: episodes are five times as long, and an hour in twenty doubles the share.
- night_bursts: backups and updates fill the air on one night in three, when nearly nobody is there.
- two_states: two uplinks or servers in turn, one of them worse; each keeps for half a day or so.
"""

from typing import Final

import numpy as np

from mist_pipeline.domain.metrics import CATALOGUE
from mist_pipeline.simulator.world import randomness
from mist_pipeline.simulator.world.metric_profiles import METRICS
from mist_pipeline.simulator.world.organisation import Noise
from mist_pipeline.simulator.world.randomness import Floats, Ints

LONGER_EPISODES: Final = 5.0
"""Session lengths of Wi-Fi clients are heavy-tailed: a few that last the day outweigh the many of minutes."""
_TAIL: Final = 0.35
_BURST_SHARE: Final = 0.30
_BURST_NIGHTS: Final = 1 / 3
_BURST_LOCAL_HOURS: Final = (1.0, 4.0)
_BURST_METRICS: Final = ("capacity", "throughput")
_WORSE: Final = 2.2
_BETTER: Final = 0.75
_STATE_HOURS: Final = 12
_STATE_LIMIT: Final = 0.6
_STATE_FAMILIES: Final = ("radio", "connect")


def share_of(
    noise: Noise, share: Floats, metrics: Ints, local: Floats, days: Ints, hours: Ints, sites: Ints, key: int
) -> Floats:
    """The expected share of degraded minutes of sites of one family, (S, H, M).

    Args:
        noise: The family.
        share: That of the usual sites, (S, H, M).
        metrics: Positions of the metrics in the catalogue, (M,).
        local: Hour of the local day, (S, H).
        days: Local day since the epoch, (S, H).
        hours: Since the epoch, (H,).
        sites: Indices, (S,).
        key: Of a stream of random numbers.
    """
    if noise == "heavy_tails":
        word = randomness.cells(key, sites[:, None, None], hours[None, :, None], metrics[None, None, :])
        return np.asarray(share * (1.0 - _TAIL) * np.exp(_TAIL * -np.log(randomness.uniform(word))))
    if noise == "night_bursts":
        is_burst_night = randomness.uniform(randomness.cells(key, sites[:, None], days)) < _BURST_NIGHTS
        is_night = (local >= _BURST_LOCAL_HOURS[0]) & (local < _BURST_LOCAL_HOURS[1])
        is_hit = np.array([METRICS[at] in _BURST_METRICS for at in metrics])
        burst = _BURST_SHARE * (is_burst_night & is_night)[:, :, None] * is_hit
        return np.asarray(1.0 - (1.0 - np.clip(share, 0.0, 0.9)) * (1.0 - burst))
    if noise == "two_states":
        state = randomness.drift(key, hours, _STATE_HOURS, sites[:, None])
        is_hit = np.array([CATALOGUE[METRICS[at]].family in _STATE_FAMILIES for at in metrics])
        factor = np.where(state > _STATE_LIMIT, _WORSE, _BETTER)[:, :, None]
        return np.asarray(share * np.where(is_hit, factor, 1.0))
    return share
