"""What messages say is what the tables have, and what advice and times mean is there."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
import yaml

from mist_pipeline.delivery.message import Message
from mist_pipeline.delivery.rendering import wording
from mist_pipeline.overview.wording import what
from mist_pipeline_tests.support.delivery.messages import incident
from mist_pipeline_tests.support.delivery.messages import message as message_about
from mist_pipeline_tests.support.facts.claims import Passage, falsehoods
from mist_pipeline_tests.support.facts.organisations import told
from mist_pipeline_tests.support.facts.readers.message_reader import (
    advice_falsehoods,
    message_falsehoods,
    time_falsehoods,
)
from mist_pipeline_tests.support.facts.series import BELOW_ITS_LEVEL, DROPPED, UNDER
from mist_pipeline_tests.support.facts.told_messages import SHIPPED, message_of_findings
from mist_pipeline_tests.support.facts.truth import Truth
from mist_pipeline_tests.support.notification.rows import alert, subject


def message(truth: Truth, *, dated: bool = True) -> Message:
    found = message_of_findings(truth, dated=dated)
    assert found is not None
    return found


def test_every_form_of_a_message_agrees_with_the_tables() -> None:
    truth = told(a_coverage=DROPPED, b_coverage=UNDER, c_capacity=BELOW_ITS_LEVEL)
    assert message_falsehoods(message(truth), truth) == []


def test_a_table_of_another_day_is_found() -> None:
    truth = told(a_coverage=DROPPED)
    undated = message_falsehoods(message(truth, dated=False), truth)
    assert undated == ["mail: “Coverage: what the cloud blames” does not say of which day"]


def test_a_number_that_the_tables_do_not_have_is_found() -> None:
    truth, other = told(a_coverage=DROPPED), told(a_coverage=[*DROPPED[:-1], 57.0])
    wrong = message_falsehoods(message(truth), other)
    for surface in ("mail", "text", "ticket", "Slack", "PagerDuty", "webhook"):
        assert any(one.startswith(surface) for one in wrong)


def test_no_advice_leads_to_steps_that_are_not_there() -> None:
    assert list(advice_falsehoods(("Follow the steps for coverage at the access points named.",)))
    document = yaml.safe_load(SHIPPED.read_text(encoding="utf-8"))
    steps = [
        step
        for section in document.values()
        for entry in section.values()
        for found in (entry.get("steps", []), *entry.get("classifiers", {}).values())
        for step in found
    ]
    assert len(steps) > 50
    assert list(advice_falsehoods(tuple(steps))) == []


@pytest.mark.parametrize(("said", "is_false"), [("1 min", True), ("1 h", False)])
def test_a_recovery_is_told_with_how_long_it_lasted(said: str, *, is_false: bool) -> None:
    began = datetime(2026, 11, 22, 9, tzinfo=UTC)
    assert (
        bool(list(time_falsehoods(f"RESOLVED after {said}: it", began, began + timedelta(hours=1))))
        is is_false
    )


def test_a_message_of_what_is_over_says_how_long_the_trouble_lasted_not_how_long_we_knew() -> None:
    end = datetime(2026, 11, 22, 10, tzinfo=UTC)
    over = replace(
        incident(),
        status="resolved",
        began_at=end - timedelta(hours=1),
        opened_at=end - timedelta(minutes=1),
        last_bad_at=end,
        resolved_at=end + timedelta(hours=2),
        updated_at=end + timedelta(hours=2),
    )
    text = wording.plain_text(message_about(over, "all_resolved"))
    assert "RESOLVED after 1 h" in text
    assert list(time_falsehoods(text, end - timedelta(hours=1), end)) == []


def test_the_lists_of_the_command_line_say_what_the_tables_have() -> None:
    truth = told(a_coverage=DROPPED, b_coverage=UNDER)
    assert truth.data.findings is not None
    passages = []
    for row in truth.data.findings.filter(pl.col("metric") != "").rows(named=True):
        one = alert(1, site_id=row["site_id"], metric=row["metric"], summary=row["summary"])
        passages.append(Passage("CLI", what(subject(one).incident, [one]), row["site_id"], row["metric"]))
    assert len(passages) > 3
    assert falsehoods(passages, truth) == []
