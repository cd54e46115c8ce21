"""When an excess began, which hour was its last bad one, and whether it is over: sequential tests, hour by hour.

Here: two cumulative sums (CUSUM) of log-likelihood ratios for every series, against its fast and against its lagged
expectation. The first, of Page (Biometrika 41, 1954), asks whether there is an excess and dates its onset: the hour after
the sum last stood at zero is the maximum-likelihood estimate of the change point. The second asks, once there is one,
whether it is over: each hour weighs "back at the expectation" against "half of the episode's recent excess goes on". Its
last zero dates the end. So recovery is decided by all fresh hours together, each by its user-minutes: a lone bad hour among
good ones costs some of the sum and does not begin it anew, and hours without users say nothing.

Hours of one day are alike, so their sum varies more than independent hours would; the ratio of the variance of a day to that
of its hours tempers every step. A single hour counts within limits: tails are heavy.

Not here: whether an excess is worth an alarm (`gates`).

A site with 3,000 user-minutes an hour, 3 % of them degraded, for four hours 50 %:

>>> users, share = np.full((1, 12), 3000.0), np.array([[0.03] * 3 + [0.5] * 4 + [0.03] * 5])
>>> hours = EpisodeHours(3000 * (share - 0.03), users, np.full((1, 12), 200.0**2), np.ones((1, 12), np.bool_))
>>> track = follow(Episodes.empty(1), hours, FAST, first_hour=100)
>>> track.began[0, 9], track.last_bad[0, 9], track.is_on[0].astype(int)
(np.float64(103.0), np.float64(106.0), array([0, 0, 0, 1, 1, 1, 1, 1, 1, 0, 0, 0]))
>>> track.lost[0, 9].round()
np.float64(5640.0)
"""

from dataclasses import dataclass, fields

import numpy as np

from mist_pipeline.analysis.stats.arrays import Flags, Floats, Ints

FAST, SLOW = 0, 1
"""Position of the episodes against the fast and against the lagged expectation."""

MIN_EFFECT = 0.05
"""Least excess of the degraded share that is looked for; the smallest gates ask for a little more."""
LEAST_LEFT = 0.075
"""Least excess that may hold an episode: what would raise no alarm for a day (``gates``) does not hold one either."""
BEGINS_AT = 2.0
"""Sum at which an excess counts as an episode: one very bad hour is enough. An alarm asks for much more (`gates`)."""
ENDS_AT = 4.0
"""Sum at which an episode is over: odds of 55 to 1."""
_RISE, _FALL = 2.0, 1.5
"""Largest step of the sums by one hour, towards trouble and towards its end: an end needs three hours at least."""
_SHARE = 0.5
"""Of its recent mean excess that must be gone: what is left is a milder trouble, not the same."""
_RECENT = 0.5 ** (1 / 12)
"""Factor of each bad hour on what those before it say of the present excess: a half-life of twelve. An outage on top of a
creeping trouble, and a decline at its worst, are over when *that* is gone."""


@dataclass
class Episodes:
    """State of all series, each field series × 2 (fast, slow); hours are numbers since the epoch.

    Attributes:
        up: Sum of the first test.
        since: First hour of the present excursion of ``up`` from zero.
        began: First hour of the newest episode; 0 before the first.
        last_bad: Its last bad hour so far.
        drop: Sum of the second test.
        lost: Degraded user-minutes beyond expectation up to the last bad hour.
        recent_lost: The same, of which older bad hours are forgotten …
        recent_exposed: … with the user-minutes of these hours: together the present rate of the excess.
        tail_lost: Beyond expectation since the last bad hour …
        tail_exposed: … which belong to the episode if another bad hour comes.
        is_on: 1 while the episode is not over.
        is_strong: 1 where some window inside it was surprising enough to be worth following.
        is_accepted: 1 where it ended because its level was accepted as the new normal.
    """

    up: Floats
    since: Floats
    began: Floats
    last_bad: Floats
    drop: Floats
    lost: Floats
    recent_lost: Floats
    recent_exposed: Floats
    tail_lost: Floats
    tail_exposed: Floats
    is_on: Floats
    is_strong: Floats
    is_accepted: Floats

    @classmethod
    def empty(cls, lines: int) -> "Episodes":
        """No excess in any of these series."""
        return cls(**{one.name: np.zeros((lines, 2)) for one in fields(cls)})

    def of(self, chunk: slice) -> "Episodes":
        """A copy of some series."""
        return Episodes(**{name: values[chunk].copy() for name, values in vars(self).items()})

    def accept(self, is_accepted: Flags) -> None:
        """End the episodes of series whose level has become normal."""
        ends = is_accepted[:, None] & (self.is_on > 0)
        self.is_on[ends], self.up[ends], self.drop[ends] = 0.0, 0.0, 0.0
        self.is_accepted[ends] = 1.0

    def put(self, chunk: slice, some: "Episodes") -> None:
        """Take over the state of some series."""
        for name, values in vars(some).items():
            getattr(self, name)[chunk] = values


@dataclass(frozen=True)
class EpisodeHours:
    """What a block of hours says, series × hours.

    Attributes:
        excess: Degraded user-minutes beyond expectation.
        exposure: All user-minutes; hours without any say nothing.
        variance: Of the excess, tempered for what hours of one day have in common.
        is_surprising: Whether a window that ends here is worth following.
    """

    excess: Floats
    exposure: Floats
    variance: Floats
    is_surprising: Flags


@dataclass(frozen=True)
class EpisodeTrack:
    """The newest episode as each hour saw it, series × hours.

    Attributes:
        began: First hour; 0 before the first episode.
        last_bad: Last bad hour.
        rises_since: First hour of an excursion that is no episode yet; 0 where there is none.
        recovery: 0 at a bad hour … 1 over.
        lost: Degraded user-minutes beyond expectation until the last bad hour; 0 where good hours between outweigh the bad ones.
        is_on: It goes on, or is recovering.
        is_followed: It goes on and was surprising at some hour so far; the hour that ends it is the last.
        is_accepted: It ended because its level was accepted.
    """

    began: Floats
    last_bad: Floats
    rises_since: Floats
    recovery: Floats
    lost: Floats
    is_on: Flags
    is_followed: Flags
    is_accepted: Flags


def follow(state: Episodes, hours: EpisodeHours, column: int, first_hour: int) -> EpisodeTrack:
    """Walk through a block of hours; the state is changed in place.

    Args:
        state: Of the series at the block's beginning.
        hours: The block.
        column: `FAST` or `SLOW`.
        first_hour: Number of the block's first hour.
    """
    # Hour by hour over all series, so an hour's cells lie side by side.
    shape = hours.excess.shape[::-1]
    began, last_bad, rises_since, recovery, lost = (np.zeros(shape) for _ in range(5))
    is_on, is_followed, is_accepted = (np.zeros(shape, np.bool_) for _ in range(3))
    now = {name: values[:, column].copy() for name, values in vars(state).items()}
    excess, exposure = np.ascontiguousarray(hours.excess.T), np.ascontiguousarray(hours.exposure.T)
    variance = np.maximum(np.ascontiguousarray(hours.variance.T), 1e-6)
    for at in range(shape[0]):
        _step(now, excess[at], exposure[at], variance[at], first_hour + at)
        on = now["is_on"] > 0
        now["is_strong"][on & hours.is_surprising[:, at]] = 1.0
        began[at], last_bad[at] = now["began"], now["last_bad"]
        # A crowded good hour between two bad ones weighs as much as any other in what rises and falls, and here by its minutes.
        lost[at] = np.maximum(now["lost"], 0.0)
        rises_since[at] = np.where(~on & (now["up"] > 0), now["since"], 0.0)
        recovery[at] = np.where(on, now["drop"] / ENDS_AT, 1.0)
        is_on[at], is_followed[at] = on, now["is_strong"] > 0
        is_accepted[at] = ~on & (now["is_accepted"] > 0)
        now["is_strong"][~on] = 0.0
    for name, values in now.items():
        getattr(state, name)[:, column] = values
    return EpisodeTrack(
        began.T, last_bad.T, rises_since.T, recovery.T, lost.T, is_on.T, is_followed.T, is_accepted.T
    )


def _ratio(rate: Floats | float, excess: Floats, exposure: Floats, variance: Floats) -> Floats:
    """Log-likelihood ratio of an excess at this rate against none, by the normal approximation."""
    size = rate * exposure
    value: Floats = size * (excess - 0.5 * size) / variance
    return value


def _step(now: dict[str, Floats], excess: Floats, exposure: Floats, variance: Floats, hour: int) -> None:
    """One hour of all series, in place; most have no episode, so what goes on is worked out for those alone that have one."""
    on, seen = now["is_on"] > 0, exposure > 0
    _look(now, ~on & seen, excess, exposure, variance, hour)
    (going,) = np.nonzero(on & seen)
    if going.size:
        _go_on(now, going, excess[going], exposure[going], variance[going], hour)


def _look(
    now: dict[str, Floats], looking: Flags, excess: Floats, exposure: Floats, variance: Floats, hour: int
) -> None:
    """Is there an excess?"""
    gain = np.clip(_ratio(MIN_EFFECT, excess, exposure, variance), -_RISE, _RISE)
    before = now["up"]
    up = np.where(looking, np.maximum(before + gain, 0.0), before)
    grows = looking & (up > 0)
    starts = grows & (before <= 0)
    kept = grows & ~starts
    now["since"][starts] = hour
    for tail, more in (("tail_lost", excess), ("tail_exposed", exposure)):
        now[tail] = np.where(looking, np.where(kept, now[tail], 0.0) + np.where(grows, more, 0.0), now[tail])
    now["up"] = up
    (opens,) = np.nonzero(grows & (up >= BEGINS_AT))
    if not opens.size:
        return
    now["began"][opens], now["last_bad"][opens], now["is_on"][opens] = now["since"][opens], hour, 1.0
    now["lost"][opens] = now["recent_lost"][opens] = now["tail_lost"][opens]
    now["recent_exposed"][opens] = now["tail_exposed"][opens]
    for name in ("up", "drop", "is_strong", "is_accepted", "tail_lost", "tail_exposed"):
        now[name][opens] = 0.0


def _go_on(
    now: dict[str, Floats], going: Ints, excess: Floats, exposure: Floats, variance: Floats, hour: int
) -> None:
    """Is it over? Of the series with an episode alone."""
    rate = np.maximum(
        LEAST_LEFT, _SHARE * now["recent_lost"][going] / np.maximum(now["recent_exposed"][going], 1e-9)
    )
    fall = np.clip(-_ratio(rate, excess, exposure, variance), -_FALL, _FALL)
    drop = np.maximum(now["drop"][going] + fall, 0.0)
    tail_lost, tail_exposed = now["tail_lost"][going] + excess, now["tail_exposed"][going] + exposure
    bad, over = drop <= 0, drop >= ENDS_AT
    now["drop"][going] = drop
    now["lost"][going] += np.where(bad, tail_lost, 0.0)
    for recent, tail in (("recent_lost", tail_lost), ("recent_exposed", tail_exposed)):
        was = now[recent][going]
        now[recent][going] = np.where(bad, _RECENT * was + tail, was)
    now["last_bad"][going[bad]] = hour
    now["tail_lost"][going] = np.where(bad | over, 0.0, tail_lost)
    now["tail_exposed"][going] = np.where(bad | over, 0.0, tail_exposed)
    now["is_on"][going[over]] = 0.0
    now["up"][going[over]] = 0.0
