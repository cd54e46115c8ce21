"""Over any organisation, whatever is said agrees with the tables: findings, report (page, text, document), messages."""

from collections.abc import Mapping

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from mist_pipeline_tests.support.facts.organisations import simulated, told
from mist_pipeline_tests.support.facts.readers.message_reader import message_falsehoods
from mist_pipeline_tests.support.facts.readers.report_reader import finding_falsehoods, report_falsehoods
from mist_pipeline_tests.support.facts.told_messages import message_of_findings
from mist_pipeline_tests.support.facts.truth import Truth

METRICS = ("coverage", "capacity", "roaming", "successful_connect")


def everything(truth: Truth) -> list[str]:
    """What any surface says of the day that is not so."""
    message = message_of_findings(truth)
    return [
        *finding_falsehoods(truth),
        *report_falsehoods(truth),
        *(message_falsehoods(message, truth) if message else ()),
    ]


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_what_is_said_of_a_simulated_organisation_is_so(seed: int) -> None:
    assert everything(simulated(seed)) == []


@st.composite
def histories(draw: st.DrawFn) -> list[float | None]:
    """Two months at some level, with days that have no users, and an end that goes anywhere."""
    level = draw(st.floats(60, 100))
    noise = draw(st.lists(st.floats(-1.5, 1.5), min_size=12, max_size=12))
    past = [min(level + noise[day % 12], 100.0) for day in range(52)]
    kind = draw(st.sampled_from(["steady", "falling", "rising", "dropped", "anything"]))
    step = draw(st.floats(0.1, 4.0))
    ends: Mapping[str, list[float]] = {
        "steady": [level] * 8,
        "falling": [level - step * day for day in range(1, 9)],
        "rising": [level - 8 * step + step * day for day in range(1, 9)],
        "dropped": [level] * 6 + [level - 8 * step] * 2,
    }
    end = ends.get(kind) or draw(st.lists(st.floats(0, 100), min_size=8, max_size=8))
    scores: list[float | None] = [min(max(score, 0.0), 100.0) for score in [*past, *end]]
    for day in draw(st.lists(st.integers(0, 59), max_size=4)):
        scores[day] = None
    return scores


@pytest.mark.slow
@settings(deadline=None, max_examples=10, phases=[Phase.generate])
@given(
    st.dictionaries(
        st.sampled_from([f"{site}_{metric}" for site in "ab" for metric in METRICS]),
        histories(),
        min_size=1,
        max_size=3,
    )
)
def test_what_is_said_of_any_series_is_so(series: dict[str, list[float | None]]) -> None:
    assert everything(told(**series)) == []


def test_what_is_said_of_an_organisation_without_scores_is_so() -> None:
    assert everything(told(a_coverage=[None] * 60)) == []
