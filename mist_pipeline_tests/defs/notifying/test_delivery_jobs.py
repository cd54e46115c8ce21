"""Sending through real runs: one broken sink is one broken sink, and what a message brings along."""

import logging
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from mist_pipeline.alerts.notify.outcome import Delivery
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.workflows.notifying.messages import MessageBuilder
from mist_pipeline_tests.support.alerts.histories import START, finding, live
from mist_pipeline_tests.support.defs.installation import (
    FILES,
    HOOK,
    Build,
    Installation,
    cells,
    failed,
    metadata,
    tickets,
)
from mist_pipeline_tests.support.defs.rows import row
from mist_pipeline_tests.support.fakes.fake_http import FakeHttp, Reply
from mist_pipeline_tests.support.fakes.fake_jira import FakeJira

pytestmark = pytest.mark.slow


def test_a_sink_that_does_not_answer_keeps_no_other_from_being_told_and_is_tried_again_later(
    build: Build,
) -> None:
    with FakeHttp() as hook:
        installed = build(sinks={"hook": HOOK, "people": FILES}, HOOK_URL=f"{hook.url}/in")
        hook.script(Reply(503))
        result = installed.evaluates(0, finding())
        assert installed.reasons() == [["first"]]
        assert installed.deliveries("hook") == [("hook", "first", "failed")]
        assert metadata(result, "notify")["states"] == {"failed": 1, "sent": 1}
        (warning,) = installed.said(result)
        assert "hook: first" in warning
        assert "503" in warning
        installed.read("deliver", 0)
        assert len(hook.requests) == 1
        installed.read("deliver", 1)
        assert installed.deliveries("hook") == [("hook", "first", "sent")]
        first, second = hook.requests
    assert first.headers["x-mist-delivery"] == second.headers["x-mist-delivery"]
    assert installed.reasons() == [["first"]]


def test_a_refused_message_becomes_trouble_of_the_pipeline_until_the_sink_accepts_again(build: Build) -> None:
    with FakeHttp() as hook:
        installed = build(sinks={"hook": HOOK, "people": FILES}, HOOK_URL=f"{hook.url}/in")
        hook.script(Reply(400, b"no such channel"))
        result = installed.evaluates(0, finding())
        assert installed.deliveries("hook") == [("hook", "first", "dead")]
        (error,) = installed.said(result, logging.ERROR)
        assert "no such channel" in error
        installed.evaluates(0.25, finding())
        refused = installed.incident("pipeline")
        assert refused.family == "pipeline:delivery:hook"
        told = installed.messages()[refused.incident_id]
        assert [document["reason"] for document in told] == ["first"]
        assert "Sink hook refused its newest message" in told[0]["incident"]["title"]
        assert told[0]["incident"]["scope"] == "pipeline"
        # It lasts, is said once, and hangs on no other news.
        installed.evaluates(0.5, finding())
        assert [document["reason"] for document in installed.messages()[refused.incident_id]] == ["first"]
        # The next message is accepted, and the evaluation after that one says so.
        installed.evaluates(0.75, finding(), finding("s2", "connect"))
        assert installed.deliveries("hook")[-1][2] == "sent"
        installed.evaluates(1, finding(), finding("s2", "connect"))
    told = installed.messages()[refused.incident_id]
    assert [document["reason"] for document in told] == ["first", "all_resolved"]


def test_what_was_given_up_after_a_day_of_trying_is_told_as_well(build: Build) -> None:
    with FakeHttp() as hook:
        installed = build(sinks={"hook": HOOK, "people": FILES}, HOOK_URL=f"{hook.url}/in")
        hook.script(*[Reply(503)] * 3)
        installed.evaluates(0, finding())
        installed.read("deliver", 12)
        installed.read("deliver", 25)
        assert installed.deliveries("hook") == [("hook", "first", "dead")]
        installed.read("evaluate", 25)
        assert installed.incident("pipeline").family == "pipeline:delivery:hook"


def test_a_sink_that_fails_for_minutes_is_told_to_the_others_and_ends_when_it_accepts_again(
    build: Build,
) -> None:
    with FakeHttp() as hook:
        installed = build(sinks={"hook": HOOK, "people": FILES}, HOOK_URL=f"{hook.url}/in")
        hook.script(*[Reply(503, b"down for maintenance")] * 4)
        installed.evaluates(0, finding())
        installed.read("evaluate", 9 / 60)
        assert all(not name.startswith("pipeline") for name in families(installed))
        result = installed.read("evaluate", 11 / 60)
        failing = installed.incident("pipeline")
        assert failing.family == "pipeline:delivery:hook"
        (told,) = installed.messages()[failing.incident_id]
        title = told["incident"]["title"]
        assert title.startswith(f"Sink hook has not accepted any message since {START:%Y-%m-%d %H:%M} UTC")
        assert "503: down for maintenance" in title
        assert [to for to, reason, _ in installed.deliveries() if reason == "first"].count("hook") == 1
        assert "Sink hook has not accepted any message" in installed.said(result)[-1]
        (row_,) = cells(metadata(result, "notify")["failing sinks"])
        assert row_[0] == "hook"
        # It lasts: one incident, told once.
        installed.read("evaluate", 14 / 60)
        assert len(installed.messages()[failing.incident_id]) == 1
        installed.read("deliver", 1)
        assert installed.deliveries("hook") == [("hook", "first", "sent")]
        installed.read("evaluate", 1.25)
    told_of_it = installed.messages()[failing.incident_id]
    assert [document["reason"] for document in told_of_it] == ["first", "all_resolved"]


def families(installed: Installation) -> list[str]:
    with installed.ledger() as ledger:
        return [one.family for one in ledger.lifecycle_state(START).incidents.values()]


def test_where_routes_lead_only_to_the_sink_that_fails_all_others_hear_of_it(build: Build) -> None:
    with FakeHttp() as hook, FakeJira() as jira:
        installed = build(
            sinks={"hook": HOOK, "people": FILES, **tickets(jira)},
            routes=[{"name": "all", "sinks": ["hook"]}],
            HOOK_URL=f"{hook.url}/in",
        )
        hook.script(*[Reply(503)] * 3)
        installed.evaluates(0, finding())
        installed.read("evaluate", 0.25)
        assert installed.deliveries("people") == [("people", "first", "sent")]
        assert installed.deliveries("jira") == []


def test_when_no_sink_accepts_anything_the_run_itself_fails_and_says_so(build: Build) -> None:
    with FakeHttp() as hook:
        installed = build(sinks={"hook": HOOK}, HOOK_URL=f"{hook.url}/in")
        hook.script(*[Reply(503)] * 5)
        installed.evaluates(0, finding())
        result = installed.run("evaluate", 0.25)
        assert not result.success
        assert failed(result) == {"notify"}
        (row_,) = cells(metadata(result, "notify")["failing sinks"])
        assert row_[0] == "hook"
        assert row_[2] == "1"


def test_a_sink_that_is_not_configured_any_more_is_no_trouble(build: Build) -> None:
    with FakeHttp() as hook:
        installed = build(sinks={"hook": HOOK, "people": FILES}, HOOK_URL=f"{hook.url}/in")
        hook.script(Reply(400))
        installed.evaluates(0, finding())
        installed.read("evaluate", 0.25)
        assert installed.incident("pipeline").is_active
    installed = build()
    installed.read("evaluate", 0.5)
    assert not installed.incident("pipeline").is_active


def test_a_defect_of_ours_fails_its_step_and_tickets_are_opened_all_the_same(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FakeJira() as jira:
        installed = build(
            sinks={"people": FILES, "other": {**FILES, "folder": "/dev/null/x"}, **tickets(jira)}
        )
        message = MessageBuilder.message

        def defective(self: MessageBuilder, delivery: Delivery) -> Any:
            if delivery.sink == "people":
                raise ZeroDivisionError("a defect")
            return message(self, delivery)

        installed.keep(live(0, finding()))
        with monkeypatch.context() as patch:
            patch.setattr(MessageBuilder, "message", defective)
            result = installed.run("evaluate", 0)
        assert not result.success
        assert failed(result) == {"notify"}
        assert len(jira.open_keys()) == 1
        said = metadata(result, "notify")
        assert said["states"] == {"failed": 2}
        assert [line[0] for line in cells(said["messages"])] == ["other", "people"]
        installed.read("deliver", 1)
    assert installed.reasons() == [["first"]]


def published(installed: Installation) -> None:
    """A published copy that knows a month of one service level."""
    warehouse = Warehouse(installed.settings.published_path)
    days = [START.date() - timedelta(days=back) for back in range(30, 0, -1)]
    from mist_pipeline.tables import history

    rows = [
        row(
            history.SLE_DAILY,
            day=day,
            site_id="s1",
            metric="coverage",
            state="ok",
            score_pct=90.0 + number % 5,
        )
        for number, day in enumerate(days)
    ]
    frame = history.SLE_DAILY.conform(pl.DataFrame(rows, schema=history.SLE_DAILY.polars_schema()))
    warehouse.replace_days(history.SLE_DAILY, frame, days)


def test_a_message_for_who_shows_pictures_brings_the_month_of_its_service_level(build: Build) -> None:
    installed = build()
    published(installed)
    installed.evaluates(0, finding())
    (page,) = (installed.settings.data / "messages").glob("*/*.html")
    assert "data:image/png;base64," in page.read_text(encoding="utf-8")


@pytest.fixture
def no_warehouse(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever opens a database fails, but for the ledger's tables, which are published after the messages."""
    connect = duckdb.connect

    def ledger_only(path: object = "", **options: Any) -> duckdb.DuckDBPyConnection:
        assert "ledger" in Path(str(path)).name, "a warehouse was opened"
        return connect(str(path), **options)

    monkeypatch.setattr(duckdb, "connect", ledger_only)


@pytest.mark.usefixtures("no_warehouse")
def test_without_a_published_copy_no_warehouse_is_opened(build: Build) -> None:
    installed = build()
    installed.evaluates(0, finding())
    for job in ("deliver", "escalate", "read_back"):
        installed.read(job, 0)
    assert installed.reasons() == [["first"]]
    assert not installed.settings.warehouse_path.exists()
    assert not installed.settings.published_path.exists()


def test_a_sink_without_pictures_does_not_open_the_published_copy(
    build: Build, request: pytest.FixtureRequest
) -> None:
    with FakeHttp() as hook:
        installed = build(sinks={"hook": HOOK}, HOOK_URL=f"{hook.url}/in")
        published(installed)
        request.getfixturevalue("no_warehouse")
        installed.evaluates(0, finding())
    assert installed.deliveries() == [("hook", "first", "sent")]


CHILD = """
import sys
import warnings

warnings.simplefilter("ignore")
import dagster as dg

from mist_pipeline.definitions import build_defs
from mist_pipeline.settings import load_settings

definitions = build_defs(load_settings())
for job in ("evaluate", "deliver", "escalate", "read_back"):
    with dg.DagsterInstance.ephemeral() as instance:
        result = definitions.resolve_job_def(job).execute_in_process(
            instance=instance, run_config={"resources": {"run": {"config": {"as_of": sys.argv[1]}}}}
        )
    assert result.success
heavy = {"pmdarima", "sklearn", "statsmodels", "altair", "vl_convert", "distributed", "numba"} & set(sys.modules)
assert not heavy, f"telling people imports {sorted(heavy)}"
"""


def test_notifying_imports_neither_forecasts_nor_forests_nor_drawings(build: Build) -> None:
    installed = build()
    installed.keep(live(0, finding()))
    ended = subprocess.run(
        [sys.executable, "-c", CHILD, START.isoformat()],
        capture_output=True,
        text=True,
        check=False,
        env={"MIST_PIPELINE_DATA": str(installed.settings.data), "PATH": ""},
    )
    assert ended.returncode == 0, ended.stderr[-3000:]
    assert installed.reasons() == [["first"]]
