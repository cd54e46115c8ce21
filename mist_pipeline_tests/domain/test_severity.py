"""One order of severities, and a status word for each."""

import pytest

from mist_pipeline.domain.severity import (
    RANKS,
    SEVERITIES,
    SEVERITY_OF_STATUS,
    STATUS_OF_SEVERITY,
    STATUSES,
    TROUBLE,
    UNRANKED,
    WORST_FIRST,
    milder,
    rank,
    status_of,
    worst,
)


def test_every_list_of_severities_has_the_same_order() -> None:
    assert sorted(SEVERITIES, key=rank) == list(SEVERITIES)
    assert list(RANKS) == list(SEVERITIES)
    assert tuple(reversed(SEVERITIES)) == WORST_FIRST == tuple(STATUS_OF_SEVERITY)
    assert WORST_FIRST[: len(TROUBLE)] == TROUBLE
    assert min(RANKS.values()) > UNRANKED


def test_a_status_is_what_people_call_a_severity() -> None:
    assert [SEVERITY_OF_STATUS[status] for status in STATUSES[:-1]] == list(WORST_FIRST)
    assert (status_of("critical"), status_of("nonsense"), status_of(None)) == (
        "CRITICAL",
        "UNKNOWN",
        "UNKNOWN",
    )


def test_the_worst_and_the_milder_are_found() -> None:
    assert worst(["info", "critical", "major"]) == "critical"
    assert worst([]) == "info"
    assert milder("warning", "critical") == "warning"


def test_a_word_that_is_no_severity_is_refused_with_the_choice() -> None:
    with pytest.raises(ValueError, match="use one of info, warning, major, critical"):
        rank("fatal")
