"""``alerts``: help, wrong calls, an empty ledger and one that cannot be used."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
import typer.main

from mist_pipeline.alerts.ledger.ledger import Ledger
from mist_pipeline.alerts.lifecycle.replay import ALERT_COLUMNS
from mist_pipeline.cli.alerts.app import app
from mist_pipeline.settings import Settings
from mist_pipeline.workflows.ledger_access import open_ledger
from mist_pipeline_tests.support.cli.alert_calls import (
    THREE,
    Alerts,
    parsed,
    record,
    refused,
)
from mist_pipeline_tests.support.cli.calls import Call

COMMANDS = sorted(typer.main.get_command(app).commands)  # type: ignore[attr-defined]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_with_an_example(command: str, call: Call) -> None:
    ended = call("alerts", command, "--help")
    assert ended.code == 0
    assert f"Example: mist-pipeline alerts {command}" in ended.text.replace("│", "")


@pytest.mark.parametrize(
    "arguments",
    [
        ("list", "--severity", "dreadful"),
        ("list", "--state", "gone"),
        ("show",),
        ("silence",),
        ("test-route",),
    ],
    ids=" ".join,
)
def test_what_is_no_choice_or_is_missing_is_called_wrongly(
    arguments: tuple[str, ...], alerts: Alerts
) -> None:
    assert alerts(*arguments).code == 2


class TestBeforeAnythingWasEvaluated:
    def test_a_list_is_empty_says_why_and_leaves_no_ledger_behind(self, alerts: Alerts, folder: Path) -> None:
        ended = alerts("list")
        assert ended.code == 0
        assert "There is no ledger at data/ledger.db yet" in ended.text
        assert "mist-pipeline daemon" in ended.text
        assert [path.name for path in folder.rglob("*")] == ["data"]

    def test_programs_get_lists_that_are_empty(self, alerts: Alerts) -> None:
        assert parsed(alerts("list", "--json")) == []
        assert parsed(alerts("list", "--all", "--json")) == []
        assert parsed(alerts("silences", "--json")) == []
        assert parsed(alerts("retry", "--json")) == []
        assert alerts("list", "--all", "--csv").out == ",".join(ALERT_COLUMNS) + "\n"
        assert len(alerts("list", "--csv").out.splitlines()) == 1

    @pytest.mark.parametrize("command", ["show", "ack", "resolve", "unsilence"])
    def test_an_id_cannot_be_known_and_the_reason_is_told(self, command: str, alerts: Alerts) -> None:
        assert "There is no ledger at data/ledger.db yet" in refused(alerts(command, "3f2a"))

    def test_a_silence_may_come_before_the_first_trouble(self, alerts: Alerts, settings: Settings) -> None:
        made = parsed(alerts("silence", "site_id=s4", "--for", "2h", "--json"))
        assert [one["silence_id"] for one in parsed(alerts("silences", "--json"))] == [
            made["silence_id"],
            "works",
        ]
        assert "Nothing was ever evaluated." in alerts("list").text


class TestTheLedgerCannotBeUsed:
    @pytest.mark.parametrize(
        "command", [("list",), ("list", "--all"), ("show", "3f"), ("silence", "site=a", "--for", "1h")]
    )
    def test_a_file_that_is_no_database_is_a_failure_without_a_traceback(
        self, command: tuple[str, ...], alerts: Alerts, folder: Path
    ) -> None:
        (folder / "notes.txt").write_text(
            "not a database, but long enough to be looked at" * 30, encoding="utf-8"
        )
        ended = alerts(*command, MIST_PIPELINE__ALERTS__LEDGER="notes.txt")
        assert ended.code == 1
        assert "Failed: the ledger notes.txt is damaged, or none: file is not a database. End" in ended.text
        assert "mkdir damaged && mv notes.txt* damaged/" in ended.text

    def test_a_later_version_is_named(self, alerts: Alerts, settings: Settings) -> None:
        record(settings, *THREE)
        with open_ledger(settings) as ledger, ledger.engine.begin() as connection:
            connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
        ended = alerts("list")
        assert ended.code == 1
        assert "version 9999, which this program does not know. Update mist-pipeline." in ended.text

    def test_a_server_that_does_not_answer_is_told_without_the_password(self, alerts: Alerts) -> None:
        ended = alerts("list", MIST_PIPELINE__ALERTS__LEDGER="postgresql://ada:hush-hush@127.0.0.1:9/x")
        assert ended.code == 1
        assert "Failed:" in ended.err
        assert "hush-hush" not in ended.text


def test_without_an_instant_it_is_now(call: Call, settings: Settings) -> None:
    before = datetime.now(UTC)
    made = json.loads(call("alerts", "silence", "site_id=s1", "--for", "2h", "--json").out)
    assert datetime.fromisoformat(made["starts_at"]) >= before.replace(microsecond=0)
    with Ledger(settings.ledger) as ledger:
        assert [one.silence_id for one in ledger.silences()] == [made["silence_id"]]


def test_a_wrong_configuration_is_told_before_anything_is_done(alerts: Alerts, settings: Settings) -> None:
    ended = alerts("silence", "site=x", "--for", "2h", MIST_PIPELINE__ALERTS__LEGDER="x")
    assert ended.code == 2
    assert ended.err.startswith("Configuration:")
    assert not settings.data.joinpath("ledger.db").exists()
