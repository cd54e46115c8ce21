"""The ticket systems that the table of situations runs against."""

from collections.abc import Iterator

import pytest

from mist_pipeline_tests.support.delivery.ticket_systems import JiraUnderTest, ServiceNowUnderTest, UnderTest
from mist_pipeline_tests.support.fakes.fake_jira import FakeJira
from mist_pipeline_tests.support.fakes.fake_servicenow import FakeServiceNow


@pytest.fixture(params=["jira", "servicenow"])
def system(request: pytest.FixtureRequest) -> Iterator[UnderTest]:
    """Jira Cloud and ServiceNow; ``jira datacenter`` where a test asks for it."""
    if request.param == "servicenow":
        with FakeServiceNow() as servicenow:
            yield ServiceNowUnderTest(servicenow)
    else:
        with FakeJira("datacenter" if "datacenter" in request.param else "cloud") as jira:
            yield JiraUnderTest(jira)
