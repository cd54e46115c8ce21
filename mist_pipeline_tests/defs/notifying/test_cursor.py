"""What the cursor of ``degradation_sensor`` becomes: each event that may notify is followed by a run, a backfill by none."""

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mist_pipeline.defs.sensors import (
    newest_after,
)

LIVE, DAY = "live/findings", "analysis/findings"


@pytest.mark.parametrize(
    ("seen", "found", "after", "wanted"),
    [
        pytest.param({}, {}, {}, None, id="nothing happened ever"),
        pytest.param({}, {LIVE: []}, {}, None, id="no look yet"),
        pytest.param({}, {LIVE: [(3, True)]}, {LIVE: 3}, 3, id="the first look"),
        pytest.param({LIVE: 3}, {LIVE: []}, {LIVE: 3}, None, id="nothing new"),
        pytest.param({LIVE: 3}, {LIVE: [(3, True)]}, {LIVE: 3}, None, id="the same again"),
        pytest.param({LIVE: 3}, {LIVE: [(4, True), (7, True)]}, {LIVE: 7}, 7, id="two looks, one run"),
        pytest.param({LIVE: 3}, {LIVE: [(7, False)]}, {LIVE: 7}, None, id="a backfill"),
        pytest.param({LIVE: 3}, {LIVE: [(4, True), (7, False)]}, {LIVE: 7}, 4, id="a backfill behind a look"),
        pytest.param({LIVE: 3}, {LIVE: [(7, False), (4, True)]}, {LIVE: 7}, 4, id="newest first"),
        pytest.param(
            {LIVE: 3},
            {LIVE: [(4, True)], DAY: [(9, True), (8, True)]},
            {LIVE: 4, DAY: 9},
            9,
            id="a look and a day",
        ),
        pytest.param(
            {LIVE: 3, DAY: 9}, {LIVE: [(12, True)], DAY: []}, {LIVE: 12, DAY: 9}, 12, id="each its own cursor"
        ),
        pytest.param({LIVE: 9}, {LIVE: [(4, True)]}, {LIVE: 9}, None, id="a cursor never goes back"),
        pytest.param(
            {"old/asset": 5}, {LIVE: [(6, True)]}, {"old/asset": 5, LIVE: 6}, 6, id="a renamed asset"
        ),
    ],
)
def test_the_newest_event_that_may_tell_is_wanted_and_the_cursor_passes_all(
    seen: Mapping[str, int],
    found: Mapping[str, Sequence[tuple[int, bool]]],
    after: Mapping[str, int],
    wanted: int | None,
) -> None:
    assert newest_after(seen, found) == (after, wanted)


@given(st.lists(st.tuples(st.sampled_from([LIVE, DAY]), st.booleans(), st.booleans())))
def test_however_ticks_fall_between_events_each_that_may_tell_is_followed_by_a_run(
    history: list[tuple[str, bool, bool]],
) -> None:
    seen: dict[str, int] = {}
    happened: dict[str, list[tuple[int, bool]]] = {LIVE: [], DAY: []}
    is_owed = False
    for number, (asset, is_telling, is_tick) in enumerate(history, 1):
        happened[asset].append((number, is_telling))
        is_owed |= is_telling
        if is_tick:
            found = {
                name: [event for event in events if event[0] > seen.get(name, 0)]
                for name, events in happened.items()
            }
            seen, wanted = newest_after(seen, found)
            assert (wanted is not None) == is_owed
            is_owed = False
