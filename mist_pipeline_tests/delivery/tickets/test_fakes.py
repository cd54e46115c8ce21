"""The fakes of the ticket systems themselves, driven by other people's clients."""

from datetime import timedelta
from typing import Any, Literal

import pytest
from jira import JIRA, JIRAError
from pysnc import ServiceNowClient
from pysnc.exceptions import AuthenticationException, RoleException
from requests import PreparedRequest, Response, Session
from requests.adapters import HTTPAdapter

from mist_pipeline.delivery.tickets.jira.markup import adf
from mist_pipeline_tests.support.fakes.fake_jira import FakeJira
from mist_pipeline_tests.support.fakes.fake_servicenow import FakeServiceNow
from mist_pipeline_tests.support.fakes.jira_workflows import (
    STRICT,
)

TOKEN = "token"


@pytest.mark.parametrize("kind", ["cloud", "datacenter"])
def test_the_fake_is_a_jira_to_the_jira_library(kind: Literal["cloud", "datacenter"]) -> None:
    with FakeJira(kind, workflow=STRICT) as fake:
        options: dict[str, Any] = {"rest_api_version": "3" if kind == "cloud" else "2"}
        client = JIRA(fake.url, options=options, token_auth=TOKEN, max_retries=0)
        body: Any = adf("words") if kind == "cloud" else "words"
        fields = {
            "project": {"key": "OPS"},
            "issuetype": {"name": "Task"},
            "summary": "s",
            "description": body,
            "labels": ["l"],
        }
        issue = client.create_issue(fields=fields)
        assert issue.key == "OPS-1"
        assert issue.fields.status.statusCategory.key == "new"
        assert [found.key for found in client.search_issues('project = "OPS" AND labels = "l"')] == ["OPS-1"]
        client.add_comment(issue, body)
        assert len(client.comments(issue)) == 1
        client.transition_issue(issue, "21")
        with pytest.raises(JIRAError, match="erforderlich"):
            client.transition_issue(issue, "31")
        client.transition_issue(issue, "31", fields={"resolution": {"id": "7"}})
        assert client.issue("OPS-1").fields.status.statusCategory.key == "done"
        with pytest.raises(JIRAError, match="CONTENT_LIMIT_EXCEEDED"):
            client.add_comment(issue, adf("x" * 40_000) if kind == "cloud" else "x" * 40_000)
        fake.lag = timedelta(minutes=1)
        client.create_issue(fields=fields)
        assert len(client.search_issues('project = "OPS" AND labels = "l"')) == 0
        fake.clock.advance(minutes=2)
        assert len(client.search_issues('project = "OPS" AND labels = "l"')) == 2


class _Plain(HTTPAdapter):
    """That library insists on https; on this machine it is spoken in the clear."""

    def send(self, request: PreparedRequest, *args: Any, **options: Any) -> Response:
        request.url = str(request.url).replace("https://", "http://", 1)
        return super().send(request, *args, **options)


def pysnc_client(fake: FakeServiceNow, password: str) -> ServiceNowClient:
    session = Session()
    session.auth = ("mist", password)
    session.mount("https://", _Plain())
    return ServiceNowClient(fake.url.replace("http://", "https://"), session, auto_retry=False)


def test_the_fake_is_an_instance_to_the_pysnc_library() -> None:
    with FakeServiceNow(authorization="Basic bWlzdDpwYXNz") as fake:
        client = pysnc_client(fake, "pass")
        record = client.GlideRecord("incident")
        record.initialize()
        record.short_description = "words"
        record.correlation_id = "ours"
        sys_id = record.insert()
        assert sys_id in fake.records
        other = fake.add(short_description="theirs", correlation_id="theirs")

        found = client.GlideRecord("incident")
        found.add_query("correlation_id", "ours")
        found.query()
        assert [row.sys_id for row in found] == [sys_id]

        ignored = client.GlideRecord("incident")
        ignored.add_query("corelation_id", "ours")
        ignored.query()
        assert {row.sys_id for row in ignored} == {sys_id, other}

        one = client.GlideRecord("incident")
        assert one.get(sys_id)
        assert one.get_display_value("state") == "Neu"
        one.state = "6"
        with pytest.raises(RoleException, match="Data Policy"):
            one.update()
        assert fake.records[sys_id]["state"] == "1"
        one.close_code, one.close_notes = "Solution provided", "done"
        one.update()
        assert fake.records[sys_id]["state"] == "6"
        fake.records[sys_id]["state"] = "7"
        assert one.get(sys_id)
        one.short_description = "too late"
        with pytest.raises(RoleException):
            one.update()
        assert fake.records[sys_id]["short_description"] == "words"

        stranger = pysnc_client(fake, "wrong").GlideRecord("incident")
        with pytest.raises(AuthenticationException):
            stranger.query()
