"""What `doctor` says of ticket systems before there is a ticket."""

from pathlib import Path

import pytest

from mist_pipeline.workflows.doctor.check import DOUBTFUL, WRONG, Verdict
from mist_pipeline.workflows.doctor.telling import sinks
from mist_pipeline_tests.support.fakes.fake_http import FakeHttp
from mist_pipeline_tests.support.fakes.fake_jira import FakeJira
from mist_pipeline_tests.support.fakes.fake_servicenow import FakeServiceNow
from mist_pipeline_tests.support.settings.configurations import load

SECRET = "a-t0ken-that-nobody-may-see"


def said(sink: str, folder: Path) -> list[tuple[Verdict, str, str]]:
    text = f"notifications: {{sinks: {{desk: {sink}}}}}"
    found = list(sinks(load(text, folder, {"TOKEN": SECRET})))
    assert SECRET not in str(found)
    assert all(check.subject == "sink desk" for check in found)
    return [(check.verdict, check.found, check.fix) for check in found]


def jira(url: str) -> str:
    return f"{{type: jira, base_url: '{url}', project: OPS, user: a@example.com, token_from: TOKEN}}"


def servicenow(url: str) -> str:
    return f"{{type: servicenow, base_url: '{url}', user: mist, token_from: TOKEN}}"


def test_a_jira_without_a_priority_is_told_beforehand(tmp_path: Path) -> None:
    with FakeJira() as fake:
        assert said(jira(fake.url), tmp_path) == []
        fake.has_priority = False
        ((verdict, found, fix),) = said(jira(fake.url), tmp_path)
        assert fake.writes() == []
    assert verdict == DOUBTFUL
    assert found == "Jira: Task in OPS has no priority when it is created; tickets get none"
    assert "priorities: {}" in fix


def test_a_table_that_hides_what_a_record_is_found_by_is_told_beforehand(tmp_path: Path) -> None:
    with FakeServiceNow() as fake:
        fake.add(short_description="theirs")
        assert said(servicenow(fake.url), tmp_path) == []
        fake.missing_fields = {"correlation_id"}
        ((verdict, found, _fix),) = said(servicenow(fake.url), tmp_path)
        assert fake.writes() == []
    assert verdict == WRONG
    assert "does not show correlation_id to this account" in found


@pytest.mark.parametrize("sink", [jira, servicenow])
@pytest.mark.parametrize("kind", ["wrong secret", "not there"])
def test_a_ticket_system_that_does_not_answer_is_told_without_the_secret(
    sink: object, kind: str, tmp_path: Path
) -> None:
    assert callable(sink)
    fake: FakeHttp = FakeJira(authorization="x") if sink is jira else FakeServiceNow(authorization="x")
    with fake:
        url = fake.url if kind == "wrong secret" else "http://127.0.0.1:9"
        ((verdict, found, fix),) = said(sink(url), tmp_path)
    assert verdict == WRONG
    assert ("401" in found) == (kind == "wrong secret")
    assert "check base_url, user and secret" in fix


def test_without_tickets_nobody_is_asked(tmp_path: Path) -> None:
    assert list(sinks(load("notifications: {sinks: {out: {type: file}}}", tmp_path, {}))) == []
