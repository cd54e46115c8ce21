"""The job ``escalate`` through real runs: who is called if nobody reacts."""

from typing import Any

import pytest

from mist_pipeline_tests.support.alerts.histories import HOUR, START, finding
from mist_pipeline_tests.support.defs.installation import (
    FILES,
    HOOK,
    MINUTE,
    Build,
    Installation,
    cells,
    metadata,
    on_call,
)
from mist_pipeline_tests.support.fakes.fake_http import FakeHttp, Reply

pytestmark = pytest.mark.slow


def escalating(build: Build, **route: Any) -> Installation:
    way = {"name": "everybody", "sinks": ["people"], "escalation": "on call", **route}
    return build(routes=[way], escalations=on_call())


def is_due(installed: Installation, hour: float) -> bool:
    """What the sensor asks."""
    with installed.ledger() as ledger:
        return ledger.is_due(START + hour * HOUR)


def test_a_step_is_told_when_it_is_due_and_once_also_after_a_restart(build: Build) -> None:
    installed = escalating(build)
    installed.evaluates(0, finding())
    assert not is_due(installed, 0.2)
    early = installed.read("escalate", 0.2)
    assert cells(metadata(early, "escalate_steps")["steps"]) == []
    assert is_due(installed, 0.3)
    due = installed.read("escalate", 0.3)
    assert [line[2] for line in cells(metadata(due, "escalate_steps")["steps"])] == ["escalation"]
    assert not is_due(installed, 0.3)
    # Every run opens the ledger anew, as a restarted process does.
    again = installed.read("escalate", 0.4)
    assert cells(metadata(again, "escalate_steps")["steps"]) == []
    assert installed.reasons() == [["first", "escalation"]]
    assert is_due(installed, 1.1)
    installed.read("escalate", 1.1)
    assert installed.reasons() == [["first", "escalation", "escalation"]]


def test_a_step_that_was_decided_before_the_process_died_is_notified_by_the_next_one(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = escalating(build)
    installed.evaluates(0, finding())
    with monkeypatch.context() as patch:
        patch.setattr("mist_pipeline.workflows.notifying.messages.worker", lambda *_, **__: 1 / 0)
        installed.run("escalate", 0.3)
    assert installed.reasons() == [["first"]]
    installed.read("deliver", 0.4)
    assert installed.reasons() == [["first", "escalation"]]


def test_nobody_is_called_after_somebody_has_taken_it(build: Build) -> None:
    installed = escalating(build, tells_acknowledgement=False)
    installed.evaluates(0, finding())
    with installed.ledger() as ledger:
        ledger.acknowledge(installed.incident().incident_id, "ada", START + 5 * MINUTE)
    for hour in (0.3, 1.1, 3):
        assert not is_due(installed, hour)
        installed.read("escalate", hour)
    assert installed.reasons() == [["first"]]


def test_a_step_that_waits_to_be_sent_is_withdrawn_when_somebody_takes_the_incident(build: Build) -> None:
    with FakeHttp() as hook:
        installed = build(
            sinks={"people": FILES, "hook": HOOK},
            routes=[{"name": "all", "sinks": ["people"], "escalation": "on call"}],
            escalations={"on call": {"steps": [{"after_minutes": 15, "sink": "hook"}]}},
            HOOK_URL=f"{hook.url}/in",
        )
        installed.evaluates(0, finding())
        hook.script(Reply(503))
        installed.read("escalate", 0.3)
        assert installed.deliveries("hook") == [("hook", "escalation", "failed")]
        with installed.ledger() as ledger:
            ledger.acknowledge(installed.incident().incident_id, "ada", START + 0.5 * HOUR)
        installed.read("deliver", 2)
        assert len(hook.requests) == 1
        installed.read("evaluate", 2)
    # It was withdrawn, not refused: nothing is wrong with the sink.
    assert installed.deliveries("hook") == [("hook", "escalation", "dead")]
    assert [one for one in installed.deliveries() if one[1] == "first"] == [("people", "first", "sent")]


def test_what_waited_for_the_group_is_told_when_its_time_has_come(build: Build) -> None:
    installed = build(routes=[{"name": "all", "sinks": ["people"], "group_wait_minutes": 10}])
    result = installed.evaluates(0, finding())
    assert installed.messages() == {}
    (withheld,) = cells(metadata(result, "evaluate_looks")["withheld"])
    assert withheld[1].startswith("not_yet")
    assert not is_due(installed, 0.1)
    installed.read("escalate", 0.1)
    assert installed.messages() == {}
    assert is_due(installed, 0.2)
    told = installed.read("escalate", 0.2)
    assert [line[2] for line in cells(metadata(told, "escalate_steps")["news"])] == ["first"]
    assert not is_due(installed, 0.2)
    assert installed.reasons() == [["first"]]


def test_when_quiet_hours_end_what_goes_on_is_one_message(build: Build) -> None:
    night = {"begins": "22:00", "until": "06:00", "zone": "UTC"}
    installed = build(routes=[{"name": "all", "sinks": ["people"], "quiet_hours": [night]}])
    installed.evaluates(0, finding(), finding("s2", "connect"))
    assert installed.messages() == {}
    assert not is_due(installed, 5.9)
    assert is_due(installed, 6)
    installed.read("escalate", 6)
    assert installed.reasons() == [["digest"]]
    assert not is_due(installed, 6)


# Tickets
