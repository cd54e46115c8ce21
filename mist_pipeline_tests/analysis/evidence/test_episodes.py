"""When an excess begins, which hour is its last bad one, and when it is over."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mist_pipeline.analysis.evidence.episodes import (
    ENDS_AT,
    FAST,
    EpisodeHours,
    Episodes,
    EpisodeTrack,
    follow,
)

FIRST = 1000
USERS = 3000.0
NOISE = 0.06


def hours(shares: list[float], users: float = USERS, expected: float = 0.03) -> EpisodeHours:
    """One series with these degraded shares, noise of six points an hour."""
    share = np.array([shares])
    exposure = np.where(np.isnan(share), 0.0, users)
    excess = np.nan_to_num(share - expected) * users
    variance = np.full(share.shape, (NOISE * users) ** 2)
    return EpisodeHours(excess, exposure, variance, np.ones(share.shape, np.bool_))


def track(shares: list[float], state: Episodes | None = None, first: int = FIRST) -> EpisodeTrack:
    return follow(state or Episodes.empty(1), hours(shares), FAST, first_hour=first)


GOOD, BAD = [0.03], [0.5]


def test_a_trouble_is_dated_from_its_first_to_its_last_bad_hour_and_is_over_three_good_hours_later() -> None:
    found = track(GOOD * 5 + BAD * 4 + GOOD * 6)
    assert (found.began[0, -1], found.last_bad[0, -1]) == (FIRST + 5, FIRST + 8)
    assert found.is_on[0].nonzero()[0].tolist() == [5, 6, 7, 8, 9, 10]
    assert found.recovery[0, 8:12].tolist() == [0.0, 1.5 / ENDS_AT, 3.0 / ENDS_AT, 1.0]


def test_a_lone_bad_hour_during_recovery_costs_an_hour_or_two_and_begins_nothing_anew() -> None:
    calm = track(BAD * 5 + GOOD * 6)
    noisy = track(BAD * 5 + GOOD * 2 + [0.3] + GOOD * 5)
    assert calm.is_on[0].sum() + 3 >= noisy.is_on[0].sum()
    assert noisy.last_bad[0, -1] == FIRST + 4


def test_two_dozen_noisy_hours_of_a_healthy_week_hold_nothing_open() -> None:
    week = (GOOD * 6 + [0.25]) * 24
    found = track(BAD * 5 + week)
    assert not found.is_on[0, 5:12].all()
    longest = max(map(len, "".join("x" if on else " " for on in found.is_on[0, 12:]).split()))
    assert longest <= 4


def test_hours_without_users_say_nothing() -> None:
    night = [float("nan")] * 12
    found = track(BAD * 4 + night + GOOD * 4)
    assert found.is_on[0, 4:16].all()
    assert (found.recovery[0, 4:16] == 0).all()
    assert not found.is_on[0, -1]


@pytest.mark.parametrize(("users", "hours_on"), [(3000, 2), (100, 10)])
def test_few_users_take_longer_to_say_that_it_is_over_than_many(users: float, hours_on: int) -> None:
    of = hours(BAD * 40 + GOOD * 60, users)
    # The noise of a share falls with the number of users.
    of = EpisodeHours(of.excess, of.exposure, of.variance * (USERS / users), of.is_surprising)
    found = follow(Episodes.empty(1), of, FAST, FIRST)
    assert not found.is_on[0, -1]
    assert hours_on <= found.is_on[0, 40:].sum() <= 2 * hours_on


def test_half_a_recovery_is_no_end() -> None:
    found = track(BAD * 8 + [0.28] * 24)
    assert found.is_on[0, -1]


def test_a_remainder_that_would_raise_no_alarm_holds_no_episode() -> None:
    def hours_on(remainder: float) -> int:
        return int(track([*[0.03] * 3, *[0.2] * 40, *[0.03 + remainder] * 48]).is_on[0].sum())

    assert hours_on(0.02) < 40 + 24
    assert hours_on(0.12) == 40 + 48


def test_an_outage_on_top_of_a_creeping_trouble_is_over_when_the_outage_is() -> None:
    found = track([0.14] * 72 + [0.9] * 4 + GOOD * 6, state=None)
    assert found.last_bad[0, -1] == FIRST + 75
    assert found.is_on[0, 75:].tolist() == [True, True, True, False, False, False, False]


def test_what_comes_back_after_the_end_is_another_episode() -> None:
    found = track(BAD * 5 + GOOD * 8 + BAD * 3)
    assert (found.began[0, -1], found.last_bad[0, -1]) == (FIRST + 13, FIRST + 15)


def test_the_size_is_what_was_lost_beyond_expectation_until_the_last_bad_hour() -> None:
    found = track(GOOD + BAD * 4 + GOOD * 6)
    assert found.lost[0, -1] == pytest.approx(4 * 0.47 * USERS)


def test_a_crowded_good_hour_between_bad_ones_makes_no_loss_less_than_nothing() -> None:
    users, shares = np.array([[300.0, 60_000.0, 300.0]]), np.array([[0.5, 0.0, 0.5]])
    crowded = EpisodeHours((shares - 0.06) * users, users, (NOISE * users) ** 2, np.ones((1, 3), np.bool_))
    found = follow(Episodes.empty(1), crowded, FAST, FIRST)
    assert found.is_on[0].all()
    assert found.lost[0].tolist() == [pytest.approx(0.44 * 300), pytest.approx(0.44 * 300), 0.0]


def test_a_level_that_is_accepted_ends_its_episode_once_and_says_so() -> None:
    state = Episodes.empty(1)
    track(BAD * 24, state)
    state.accept(np.array([True]))
    after = track(GOOD * 3, state, first=FIRST + 24)
    assert after.is_accepted[0].all()
    assert after.is_followed[0].tolist() == [True, False, False]


@given(
    st.lists(st.sampled_from([0.0, 0.03, 0.1, 0.3, 0.6, 1.0, float("nan")]), min_size=2, max_size=60),
    st.integers(1, 59),
)
def test_it_makes_no_difference_where_the_hours_are_cut_into_blocks(shares: list[float], cut: int) -> None:
    whole = track(shares)
    state = Episodes.empty(1)
    cut = min(cut, len(shares) - 1)
    parts = [track(shares[:cut], state), track(shares[cut:], state, FIRST + cut)]
    for name in vars(whole):
        joined = np.concatenate([getattr(part, name) for part in parts], axis=1)
        assert np.array_equal(joined, getattr(whole, name)), name


@given(st.lists(st.floats(0, 1), min_size=1, max_size=80))
def test_an_episode_never_ends_before_it_began_nor_in_the_future(shares: list[float]) -> None:
    found = track(shares)
    at = np.arange(len(shares)) + FIRST
    known = found.began[0] > 0
    assert (found.began[0][known] <= found.last_bad[0][known]).all()
    assert (found.last_bad[0][known] <= at[known]).all()
    assert ((found.recovery >= 0) & (found.recovery <= 2)).all()
