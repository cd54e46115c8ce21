"""Charts: what is drawn of gaps, extremes and strangers, and that table, CSV and picture say the same."""

import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mist_pipeline.web.charts.bars import stacked_chart
from mist_pipeline.web.charts.chart import WIDTH
from mist_pipeline.web.charts.lines import Band, Behind, Line, Moment, Rule, Span, area, line_chart, path
from mist_pipeline.web.charts.scales import Scale
from mist_pipeline.web.charts.slots import day_slots, hour_slots

BEGIN = datetime(2026, 3, 2, tzinfo=UTC)
PERCENT = st.none() | st.floats(0, 100)


@given(values=st.lists(PERCENT, min_size=1, max_size=40))
def test_a_line_has_a_point_for_every_value_and_a_piece_for_every_run_between_gaps(
    values: list[float | None],
) -> None:
    drawn = path(values, Scale.of_percent(values), 100, len(values))
    known = [value for value in values if value is not None]
    pieces = sum(
        value is not None and (place == 0 or values[place - 1] is None) for place, value in enumerate(values)
    )
    assert (drawn.count("M"), drawn.count("M") + drawn.count("L")) == (pieces, len(known))


def test_a_moment_is_where_its_time_is_and_its_words_are_escaped() -> None:
    moment = Moment(BEGIN + timedelta(hours=6), "<script>")
    chart = line_chart(
        "a", "A", hour_slots(BEGIN, 24, UTC), [Line("Score", [90.0] * 24)], behind=Behind(moments=[moment])
    )
    assert f'<path class="moment" d="M{WIDTH / 4:.5g} 0V150"><title>&lt;script&gt;</title></path>' in str(
        chart.picture
    )
    assert "Configuration change" in {key.words for key in chart.keys}
    assert chart.said.endswith("; 1 configuration change")


@given(
    values=st.lists(st.none() | st.floats(allow_nan=False), min_size=1, max_size=20), is_percent=st.booleans()
)
def test_nothing_is_drawn_outside_of_the_plot(values: list[float | None], is_percent: bool) -> None:
    finite = [value if value is None or abs(value) < 1e12 else None for value in values]
    slots = hour_slots(BEGIN, len(values), UTC)
    chart = line_chart("a", "A", slots, [Line("Score", finite)], is_percent=is_percent, height=100)
    (drawn,) = re.findall(r'class="line series" d="([^"]*)"', str(chart.picture))
    for x, y in re.findall(r"[ML]([-\d.e+]+) ([-\d.e+]+)", drawn):
        assert 0 <= float(x) <= WIDTH
        assert 0 <= float(y) <= 100


@pytest.mark.parametrize("highest", [0, 0.4, 1, 9, 41, 999, 123_456])
def test_a_scale_of_counts_reaches_over_the_highest_and_has_few_whole_steps(highest: float) -> None:
    scale = Scale.of_counts([highest, None])
    assert scale.high >= highest
    assert 2 <= len(scale.ticks) <= 6
    assert all(tick == int(tick) for tick in scale.ticks)


def test_a_band_ends_at_a_gap_and_begins_anew_behind_it() -> None:
    scale = Scale(0, 100, 25)
    drawn = area([10, 10, None, 10], [20, 20, 20, None], scale, 100, 4)
    assert drawn.count("M") == drawn.count("Z") == 1


def test_the_picture_says_what_it_shows_and_holds_no_markup_of_strangers() -> None:
    slots = hour_slots(BEGIN, 3, UTC)
    chart = line_chart("x", "<script>alert(1)</script>", slots, [Line("Score", (91.26, None, 99.99))])
    assert "<script>" not in chart.picture
    assert "style=" not in chart.picture
    assert chart.said.endswith("from 91.2\u202f% to 99.9\u202f%, last 99.9\u202f%")
    assert [row[1] for row in chart.cells] == ["91.2\u202f%", "–", "99.9\u202f%"]
    assert [row[1] for row in chart.values] == [91.26, None, 99.99]


def test_a_threshold_is_drawn_and_named_only_where_it_is_in_sight() -> None:
    slots = hour_slots(BEGIN, 2, UTC)
    rules = [Rule(70, "Critical", "critical"), Rule(90, "Warning", "degraded")]
    calm = line_chart("x", "X", slots, [Line("Score", (99, 98))], behind=Behind(rules=rules))
    bad = line_chart("x", "X", slots, [Line("Score", (65, 98))], behind=Behind(rules=rules))
    assert [key.words for key in calm.keys] == []
    assert [key.words for key in bad.keys] == ["Critical below 70\u202f%", "Warning below 90\u202f%"]


def test_trouble_is_marked_where_it_was_and_not_outside() -> None:
    slots = hour_slots(BEGIN, 10, UTC)
    span = Span(BEGIN - timedelta(days=9), BEGIN + timedelta(hours=5), "critical")
    chart = line_chart("x", "X", slots, [Line("Score", (99.0,) * 10)], behind=Behind(spans=[span]))
    assert 'class="span critical" x="0" y="0" width="500"' in chart.picture


def test_bars_stand_on_each_other_and_nothing_known_is_not_nothing_lost() -> None:
    slots = day_slots(date(2026, 3, 2), 2, UTC)
    chart = stacked_chart("b", "B", slots, [Line("One", (10, None)), Line("Two", (30, 5))], unit="minutes")
    assert str(chart.picture).count('class="bar') == 2
    assert chart.said.endswith("45 minutes together")
    assert stacked_chart("b", "B", slots, [Line("One", (None, None))], unit="minutes").is_empty
    assert not stacked_chart("b", "B", slots, [Line("One", (0, 0))], unit="minutes").is_empty


def test_hours_are_those_of_the_place_also_where_clocks_change() -> None:
    slots = hour_slots(datetime(2026, 3, 29, 0, tzinfo=UTC), 3, ZoneInfo("Europe/Berlin"))
    assert [label[-5:] for label in slots.labels] == ["01:00", "03:00", "04:00"]
    assert slots.zone == "Europe/Berlin"


@pytest.mark.parametrize("days", [1, 7, 30, 97])
def test_few_days_are_labelled(days: int) -> None:
    assert 1 <= len(day_slots(date(2026, 1, 1), days, UTC).ticks) <= 8


def test_a_band_is_a_pair_of_columns() -> None:
    slots = hour_slots(BEGIN, 1, UTC)
    chart = line_chart(
        "x", "X", slots, [Line("Score", (97.0,))], behind=Behind(bands=[Band("Usual", (95.0,), (99.0,))])
    )
    assert chart.columns == ("Time", "Score", "Usual, from", "Usual, to")
    assert chart.cells == [["Mon 2 Mar 00:00", "97.0\u202f%", "95.0\u202f%", "99.0\u202f%"]]
