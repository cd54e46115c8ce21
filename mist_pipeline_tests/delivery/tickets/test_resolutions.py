"""What a person says of an alert by closing its ticket."""

import pytest

from mist_pipeline.delivery.tickets.jira.answers import issue_of
from mist_pipeline.delivery.tickets.jira.config import JiraConfig
from mist_pipeline.delivery.tickets.servicenow.config import ServiceNowConfig

JIRA = {
    "type": "jira",
    "base_url": "https://x.example",
    "project": "OPS",
    "user": "a@b.c",
    "token_from": "TOKEN",
}
SERVICENOW = {"type": "servicenow", "base_url": "https://x.example", "user": "a", "token_from": "WORD"}


@pytest.mark.parametrize(
    ("resolution", "says"),
    [
        ("Done", "right"),
        ("won't do", "wrong"),
        (" Cannot Reproduce ", "wrong"),
        ("Falscher Alarm", "wrong"),
        ("Duplicate", "known"),
        ("Later", None),
        ("", None),
    ],
)
def test_a_resolution_says_something_of_the_alert_by_its_name(resolution: str, says: str | None) -> None:
    config = JiraConfig.model_validate(
        {**JIRA, "resolutions": {"Falscher Alarm": "wrong", "DUPLICATE": "known"}}
    )
    assert config.judgement(resolution) == says


def test_close_codes_of_both_generations_are_known() -> None:
    config = ServiceNowConfig.model_validate(SERVICENOW)
    assert {config.judgement(code) for code in ("Solution provided", "Solved (Permanently)")} == {"right"}


@pytest.mark.parametrize(
    ("category", "resolution", "found"),
    [
        ("done", {"name": "Won't Do"}, "Won't Do"),
        ("done", None, ""),
        ("indeterminate", {"name": "Done"}, ""),
    ],
)
def test_only_a_closed_issue_has_a_resolution(category: str, resolution: object, found: str) -> None:
    issue = issue_of(
        {
            "key": "OPS-1",
            "id": "1",
            "fields": {
                "status": {"id": "3", "statusCategory": {"key": category}},
                "created": "2026-03-01T10:00:00.000+0000",
                "resolution": resolution,
            },
        }
    )
    assert issue.resolution == found
