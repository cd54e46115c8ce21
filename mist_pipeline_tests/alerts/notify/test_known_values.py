"""Matchers that can match nothing are named; what may come is not."""

import re
from pathlib import Path

import pytest

from mist_pipeline.alerts.notify.fixed_values import OWN_SUBJECTS
from mist_pipeline.alerts.notify.known_values import Known, mismatch
from mist_pipeline.alerts.notify.matchers import parse_matchers
from mist_pipeline.workflows import self_monitoring
from mist_pipeline.workflows.self_monitoring.checks import CHECKS
from mist_pipeline.workflows.self_monitoring.jobs import SETTINGS, WATCH, WATCHED

OWN = {
    "site_id": ("",), "family": ("radio",), "metric": ("coverage",), "kind": ("baseline", "evidence"),
    "severity": ("major",), "classifier": ("",), "scope": ("site",),
}  # fmt: skip
KNOWN = Known(
    {
        "s1": {"site": ("Cologne",), "country": ("DE",), "site_group": ("North", "Stores")},
        "s2": {"site": ("Bonn",), "country": ("DE",), "site_group": ("South",)},
    },
    (
        {**OWN, "family": ("pipeline:delivery:chat",), "kind": ("pipeline",), "scope": ("pipeline",)},
        {**OWN, "site_id": ("s1",), "classifier": ("brand-new",)},
    ),
)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("severity=critical,severity=major", "no alert fulfils all of severity="),
        ('severity!~".*"', 'no alert can fulfil severity!~".*": it excludes everything'),
        ("severity!=info,severity!=warning,severity!=major,severity!=critical", "no alert fulfils all of"),
        ('severity=~"major|critical",severity=~"info|warning"', "no alert fulfils all of"),
        ("scope=site,scope=pipeline", "no alert fulfils all of scope="),
        ("metric=coverage,metric!=coverage", "no alert fulfils all of metric="),
        ('metric!~".*"', "no alert can fulfil metric"),
        ("classifier=nope", "no classifier is 'nope'"),
        ("classifier=weak_signal", "did you mean 'weak-signal'"),
        ("kind=site_down,kind=evidence", "no alert fulfils all of kind="),
        ("kind=evidence,kind!=evidence", "no alert fulfils all of kind="),
        ('kind!~".*"', "no alert can fulfil kind"),
        ("family=pipeline:xyz", "no family is 'pipeline:xyz'"),
        ('family="pipeline:daily@2026-03-02"', "did you mean 'pipeline:daily'"),
        ("family=radio,family=wan", "no alert fulfils all of family="),
        ("family=pipeline:delivery:a,family=pipeline:delivery:b", "no alert fulfils all of family="),
        ('site!~".*"', 'no alert can fulfil site!~".*"'),
        ('site_id!~".*"', "no alert can fulfil site_id"),
        ("site=Bonn,site_group=North", "no site fulfils all of"),
        ("country=DE,country!=DE", "no site fulfils all of"),
    ],
)
def test_what_can_never_match_is_named(text: str, said: str) -> None:
    assert said in mismatch(parse_matchers(text), KNOWN)


@pytest.mark.parametrize(
    "text",
    [
        'severity=~"major|critical",severity!=major',
        'scope!="pipeline"',
        "kind=evidence,kind=baseline",
        "kind=site_down,kind=mist_alarm",
        "kind=threshold,kind!=evidence",
        "family=pipeline:daily",
        'family=~"pipeline:.*"',
        "family=pipeline:delivery:chat",
        "family=pipeline:delivery:still-to-come",
        'family=~"pipeline:delivery:.*"',
        "family!=pipeline:delivery:still-to-come",
        'family=""',
        "classifier=weak-signal",
        "classifier=brand-new",
        'classifier!~".+"',
        'metric=""',
        "site_group=North,site_group=Stores",
        "site!=Bonn,site!=Cologne",
        'site!~".+"',
        'site!=Bonn,site!=Cologne,site!=""',
        'country=~".*"',
    ],
)
def test_what_matches_something_known_or_may_come_is_accepted(text: str) -> None:
    assert mismatch(parse_matchers(text), KNOWN) == ""


def test_everything_that_the_pipeline_reports_of_itself_is_known() -> None:
    written = {
        subject
        for path in Path(self_monitoring.__path__[0]).glob("*.py")
        for subject in re.findall(r"\bTrouble\(\s*\"([a-z_]+)\"", path.read_text(encoding="utf-8"))
    }
    assert len(written) > 5
    assert {*written, *WATCHED, WATCH, SETTINGS, CHECKS} <= set(OWN_SUBJECTS)
