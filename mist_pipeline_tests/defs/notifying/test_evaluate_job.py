"""The job ``evaluate`` through real runs: from a kept evaluation to a message; nothing lost, nothing twice."""

from datetime import datetime

import polars as pl
import pytest

from mist_pipeline.alerts.ledger.evaluation_store import EvaluationName, EvaluationStore
from mist_pipeline.alerts.lifecycle.observations import EvaluationInput
from mist_pipeline.alerts.notify.matchers import parse_matchers
from mist_pipeline.alerts.notify.silences import Silence
from mist_pipeline.warehouse.reading import reading as read_published
from mist_pipeline.workflows.ledger_access import SITE_COLUMNS, remember_sites
from mist_pipeline.workflows.present.overview import published_files
from mist_pipeline_tests.support.alerts.histories import HOUR, START, daily, finding, live, reading
from mist_pipeline_tests.support.defs.installation import (
    FILES,
    HOOK,
    HOSTILE,
    Build,
    cells,
    failed,
    metadata,
)
from mist_pipeline_tests.support.defs.runs import broken, job_that
from mist_pipeline_tests.support.fakes.fake_http import FakeHttp, Reply

pytestmark = pytest.mark.slow


def test_a_kept_evaluation_becomes_events_and_its_message_lies_there_after_the_same_run(build: Build) -> None:
    installed = build()
    installed.keep(live(0, finding()))
    result = installed.run("evaluate", 0)
    assert result.success
    (told,) = installed.messages().values()
    assert [(document["reason"], document["incident"]["severity"]) for document in told] == [
        ("first", "major")
    ]
    said = metadata(result, "evaluate_looks")
    assert said["evaluated"] == ["20260302T000000.000000Z-live"]
    assert said["events"]["alert opened"] == said["events"]["incident opened"] == 1
    (notice,) = cells(said["to tell"])
    assert (notice[0], notice[1], notice[3]) == ("people", installed.incident().incident_id, "major")
    assert cells(said["withheld"]) == []
    sent = metadata(result, "notify")
    assert sent["states"] == {"sent": 1}
    assert cells(sent["messages"])[0][0] == "people"


def test_what_was_evaluated_and_sent_is_in_the_tables_after_the_same_run(build: Build) -> None:
    installed = build()
    site = dict.fromkeys(SITE_COLUMNS) | {"site_id": "s1", "name": "Ålesund", "sitegroup_ids": []}
    remember_sites(installed.settings, pl.DataFrame([site]))
    result = installed.evaluates(0, finding())
    assert metadata(result, "publish_alerts")["alerts"] == 1
    with read_published(published_files(installed.settings)) as opened:
        open_now = opened.connection.execute("SELECT site_names, told_sinks FROM open_incidents").fetchall()
        read_at = opened.connection.execute("SELECT evaluated_at FROM ledger_read").fetchall()
    assert open_now == [(["Ålesund"], ["people"])]
    assert read_at == [(START,)]


def test_they_are_there_too_where_nobody_can_be_told(build: Build) -> None:
    with FakeHttp() as hook:
        installed = build(sinks={"hook": HOOK}, HOOK_URL=f"{hook.url}/in")
        hook.script(Reply(503))
        installed.keep(live(0, finding()))
        assert failed(installed.run("evaluate", 0)) <= {"notify"}
    with read_published(published_files(installed.settings)) as opened:
        told = opened.connection.execute("SELECT sink, state FROM tellings").fetchall()
    assert told == [("hook", "failed")]


def test_a_table_that_cannot_be_published_keeps_nobody_from_being_told(build: Build) -> None:
    installed = build()
    folder = installed.settings.published_ledger_path.parent
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.write_text("a file where the folder should be")
    result = installed.evaluates(0, finding())
    assert installed.reasons() == [["first"]]
    assert "The ledger is not published for analysts" in "".join(installed.said(result))


def test_the_same_run_again_notifies_nobody(build: Build) -> None:
    installed = build()
    installed.evaluates(0, finding())
    with installed.ledger() as ledger:
        before = ledger.events()
    again = installed.read("evaluate", 0)
    assert metadata(again, "evaluate_looks")["evaluated"] == []
    assert metadata(again, "evaluate_looks")["events"] == {}
    assert installed.reasons() == [["first"]]
    with installed.ledger() as ledger:
        assert ledger.events() == before


def test_evaluations_that_waited_are_made_up_for_in_order_and_notified_once(build: Build) -> None:
    installed = build()
    installed.keep(*(live(hour, finding()) for hour in range(3)))
    result = installed.read("evaluate", 3)
    assert metadata(result, "evaluate_looks")["evaluated"] == [
        f"20260302T0{hour}0000.000000Z-live" for hour in range(3)
    ]
    assert installed.incident().opened_at == START
    assert installed.reasons() == [["first"]]


def test_evaluations_of_one_instant_are_all_notified_by_a_run_of_that_instant(build: Build) -> None:
    installed = build()
    job_that("daily", broken).execute_in_process(instance=installed.instance, raise_on_error=False)
    installed.keep(daily(0, finding("s1"), covers_from=START - 24 * HOUR), live(0, finding("s2", "connect")))
    result = installed.read("evaluate", 0)
    assert cells(metadata(result, "evaluate_looks")["withheld"]) == []
    assert installed.reasons() == [["first"]] * 3


def test_a_run_that_dies_between_two_evaluations_loses_nothing(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = build()
    installed.keep(live(0, finding()), live(1, finding(), finding("s2", "connect")))
    load = EvaluationStore.load

    def dies(self: EvaluationStore, name: EvaluationName) -> EvaluationInput:
        if name.as_of > START:
            raise OSError("no space left on device")
        return load(self, name)

    with monkeypatch.context() as patch:
        patch.setattr(EvaluationStore, "load", dies)
        broken = installed.run("evaluate", 1)
    assert failed(broken) == {"evaluate_looks"}
    assert installed.messages() == {}
    installed.read("evaluate", 1.1)
    assert installed.reasons() == [["first"], ["first"]]


def test_a_run_that_dies_before_it_sends_leaves_rows_that_are_sent_later(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = build()
    installed.keep(live(0, finding()))
    with monkeypatch.context() as patch:
        patch.setattr("mist_pipeline.workflows.notifying.messages.worker", lambda *_, **__: 1 / 0)
        assert failed(installed.run("evaluate", 0)) == {"notify", "ticket"}
    assert installed.messages() == {}
    assert installed.deliveries() == [("people", "first", "pending")]
    installed.read("deliver", 0.1)
    assert installed.reasons() == [["first"]]


def test_the_end_of_an_incident_is_notified_where_its_beginning_was(build: Build) -> None:
    installed = build()
    down = finding(family="device", kind="site_down", severity="critical", metric="")
    installed.evaluates(0, down, readings=reading("ok"))
    for hour in (1, 2, 3):
        installed.evaluates(hour, readings=reading("ok"))
    assert installed.reasons() == [["first", "all_resolved"]]


def test_without_a_route_nobody_is_notified_and_the_run_says_so(build: Build) -> None:
    installed = build(routes=[])
    result = installed.evaluates(0, finding())
    assert installed.messages() == {}
    assert installed.deliveries() == []
    incident = installed.incident()
    assert str(incident.withheld) == "no_route"
    assert cells(metadata(result, "evaluate_looks")["withheld"]) == [[incident.incident_id, "no_route"]]


@pytest.mark.parametrize("job", ["evaluate", "deliver", "escalate", "read_back"])
def test_without_any_sink_every_job_succeeds(build: Build, job: str) -> None:
    installed = build(sinks={})
    installed.keep(live(0, finding()))
    result = installed.read(job, 0)
    assert metadata(result, "notify")["states"] == metadata(result, "ticket")["states"] == {}
    assert not installed.said(result)


@pytest.mark.parametrize("job", ["evaluate", "deliver", "escalate", "read_back"])
def test_before_the_first_poll_every_job_succeeds(build: Build, job: str) -> None:
    installed = build()
    assert installed.read(job, 0).success
    assert installed.messages() == {}


def test_the_newest_known_sites_give_names_and_labels_without_a_warehouse(build: Build) -> None:
    installed = build(
        routes=[
            {"name": "berlin", "sinks": ["people"], "match": 'site="Berlin <1>"'},
        ]
    )
    sites = pl.DataFrame(
        {
            "site_id": ["s1", "s2"],
            "name": ["Berlin <1>", "Paris"],
            "timezone": ["UTC"] * 2,
            "country_code": ["DE", "FR"],
            "sitegroup_ids": [["g"], []],
            "attributes": ["{}", "{}"],
        }
    )
    remember_sites(installed.settings, sites)
    installed.evaluates(0, finding("s1"), finding("s2", "connect"))
    ((document,),) = installed.messages().values()
    assert "Berlin <1>" in document["incident"]["title"]
    assert not installed.settings.warehouse_path.exists()


def test_what_strangers_typed_cannot_break_out_of_what_a_run_says(build: Build) -> None:
    with FakeHttp() as hook:
        installed = build(
            sinks={"people": FILES, "hook": HOOK},
            routes=[{"name": HOSTILE, "sinks": ["people", "hook"]}],
            maintenance=[{"name": HOSTILE, "match": "site_id=s2", "ends_at": (START + 9 * HOUR).isoformat()}],
            HOOK_URL=f"{hook.url}/in",
        )
        hook.script(Reply(400, HOSTILE.encode()))
        result = installed.evaluates(
            0, finding("s1", summary=HOSTILE), finding("s2", "connect", summary=HOSTILE)
        )
    shown = [metadata(result, step) for step in ("evaluate_looks", "notify")]
    tables = [text for said in shown for text in said.values() if isinstance(text, str)]
    assert len(tables) == 4
    assert cells(shown[1]["failing sinks"])[0][0] == "hook"
    for text in tables:
        heads, *rows = text.splitlines()
        assert len(rows) >= 2
        assert all(line.count("|") == heads.count("|") for line in rows)
        assert not set("<`*") & set(text)
        assert "](" not in text
    (withheld,) = cells(shown[0]["withheld"])
    assert withheld[1].startswith("silenced_by: <img")
    refused = next(row for row in cells(shown[1]["messages"]) if row[0] == "hook")
    assert "400" in refused[-1]


# One sink fails


def test_a_run_without_an_instant_of_its_own_keeps_the_present_time(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    later: datetime = START + HOUR
    monkeypatch.setattr("mist_pipeline.defs.alert_jobs.utc_now", lambda: later)
    installed = build()
    installed.keep(live(0, finding()))
    result = installed.definitions.resolve_job_def("evaluate").execute_in_process(instance=installed.instance)
    assert result.success
    with installed.ledger() as ledger:
        (row_,) = ledger.frames()["deliveries"].rows(named=True)
    assert row_["created_at"] == row_["sent_at"] == later


# Silences and hysteresis, from a look to the file that people would read


def test_a_silence_silences_for_as_long_as_it_says_and_not_a_moment_longer(build: Build) -> None:
    installed = build()
    silence = Silence(
        silence_id="",
        matchers=parse_matchers('site_id="s1"'),
        starts_at=START + HOUR,
        ends_at=START + 3 * HOUR,
    )
    with installed.ledger() as ledger:
        ledger.add_silence(silence)
    for hour in (1.0, 2.0, 2.75):
        installed.evaluates(hour, finding())
        assert installed.messages() == {}, f"silenced at {hour} h"
    assert str(installed.incident().withheld).startswith("silenced_by")
    installed.evaluates(3, finding())
    assert installed.reasons() == [["first"]]


def test_a_silence_in_a_planned_window_silences_inside_of_it_alone(build: Build) -> None:
    nightly = {"begins": "01:00", "lasts_hours": 2, "zone": "UTC"}
    installed = build(maintenance=[{"name": "nightly", "match": 'family="radio"', "window": nightly}])
    installed.evaluates(0.5, finding("s2", family="connect"))
    installed.evaluates(2, finding(), finding("s2", family="connect"))
    assert installed.reasons() == [["first"]], "what the window names is silent, the other family is not"
    installed.evaluates(3, finding(), finding("s2", family="connect"))
    assert installed.reasons() == [["first"], ["first"]]


def test_an_incident_that_hovers_at_its_line_is_notified_once_and_ends_above_the_recovery_line(
    build: Build,
) -> None:
    installed = build(alerts={"raises": {"threshold": "critical"}})
    low = finding(kind="threshold", severity="critical", evidence='{"threshold_pct": 70.0}')
    for hour in range(4):
        installed.evaluates(hour, low, readings=reading("ok", 68.0))
    assert installed.reasons() == [["first"]]
    # A run evaluates every hour that is kept, one after the other; a run for each takes ten seconds and shows no more.
    for hour in range(4, 39):
        hovering = hour % 2 == 0
        rows = [low] if hovering else []
        installed.keep(live(hour, *rows, readings=reading("ok", 69.0 if hovering else 71.0)))
    installed.evaluates(39, readings=reading("ok", 71.0))
    assert installed.reasons() == [["first"]], "above the line, but not above the recovery line"
    for hour in range(40, 89):
        installed.keep(live(hour, readings=reading("ok", 95.0)))
    installed.evaluates(89, readings=reading("ok", 95.0))
    assert installed.reasons() == [["first", "all_resolved"]]
