"""When an incident is asked about: once when it opens, when it grows, every hour, once when it is over."""

from datetime import timedelta

import pytest

from mist_pipeline.alerts.impacts.due import due_incidents, occasion
from mist_pipeline.alerts.impacts.model import Impact, Occasion
from mist_pipeline.domain.severity import Severity
from mist_pipeline_tests.support.alerts.histories import HOUR, START, finding, live, run


def impact(why: Occasion = "opened", severity: Severity = "major", sites: int = 1) -> Impact:
    return Impact(
        incident_id="i",
        as_of=START,
        occasion=why,
        severity=severity,
        num_sites=sites,
        num_sites_asked=0,
        window_start=START,
        window_end=START,
    )


@pytest.mark.parametrize(
    ("before", "severity", "sites", "active", "minutes", "expected"),
    [
        (None, "major", 1, True, 0, "opened"),
        (impact(), "major", 1, True, 15, None),
        (impact(), "major", 1, True, 60, "hourly"),
        (impact(), "critical", 1, True, 15, "worse"),
        (impact(), "major", 2, True, 15, "worse"),
        (impact(sites=3), "warning", 2, True, 15, None),
        (impact(), "major", 1, False, 15, "over"),
        (None, "major", 1, False, 0, "over"),
        (impact("over"), "major", 1, False, 600, None),
        (impact("over"), "major", 1, True, 15, "hourly"),
    ],
    ids=[
        "new",
        "just asked",
        "an hour later",
        "more severe",
        "more sites",
        "milder",
        "ended",
        "ended unseen",
        "over and asked",
        "back again",
    ],
)
def test_an_incident_is_asked_about_when_there_is_news(
    before: Impact | None,
    severity: Severity,
    sites: int,
    active: bool,
    minutes: int,
    expected: Occasion | None,
) -> None:
    now = START + timedelta(minutes=minutes)
    assert occasion(before, severity, sites, is_active=active, now=now) == expected


def test_the_worst_incident_comes_first_and_the_pipelines_own_trouble_never() -> None:
    steps = [
        live(
            hour,
            finding("s1", severity="major"),
            finding("s2", "connect", severity="critical", metric="successful-connect"),
        )
        for hour in range(3)
    ]
    own = live(3, finding("", "collector", "collector", "critical", ""))
    state, _ = run([*steps, own])
    due = due_incidents(state, {}, START + 3 * HOUR)
    assert [(one.severity, one.site_ids) for one in due][:2] == [("critical", ("s2",)), ("major", ("s1",))]
    assert all(alert.family != "collector" for one in due for alert in one.alerts)
