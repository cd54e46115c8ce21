"""Where a command works is said in its first line, and a folder that nobody made is not made by mistake."""

import json
import shutil
import sys
from pathlib import Path

import pytest

from mist_pipeline.cli.demo import _program, present_of
from mist_pipeline.settings import load_settings
from mist_pipeline.settings.recipients import recipients, unused
from mist_pipeline_tests.support.cli.calls import Call

SINKS = """
notifications:
  sinks:
    mail: {type: mail, host: localhost, port: 25, security: none, sender: a@example.com,
           recipients: [noc@example.com, it@example.com, c@example.com, d@example.com]}
    chat: {type: slack, channel: "#net", token_from: CHAT}
    files: {type: file}
    lonely: {type: file, folder: x}
  routes: [{name: all, sinks: [mail], escalation: on call}]
  escalations: {on call: {steps: [{after_minutes: 5, sink: files}, {after_minutes: 9, sink: mail}]}}
"""
TOO_EARLY = ("backfill", "--from", "2000-01-01")
"""Refused after its first line, before anything is done."""


def test_the_first_line_names_data_configuration_and_who_is_told(call: Call, folder: Path) -> None:
    (folder / "mine.yaml").write_text(SINKS, encoding="utf-8")
    (folder / "data" / "organisation.json").write_text(
        json.dumps({"id": "o", "name": "Acme \x1b[1m", "cloud": ""}), encoding="utf-8"
    )
    ended = call(*TOO_EARLY, "--notify", MIST_PIPELINE_CONFIG="mine.yaml", CHAT="xoxb-" + "s" * 20)
    assert ended.out.splitlines()[0] == (
        "Data: data (Acme [1m) · Configuration: mine.yaml · Notifies: "
        "mail (mail: noc@example.com, it@example.com, c@example.com and 1 more); "
        "files (file: messages in the data folder) if nobody reacts"
    )
    assert "xoxb" not in ended.text


@pytest.mark.parametrize(
    ("arguments", "content", "who"),
    [
        (TOO_EARLY, SINKS, "nobody (a backfill notifies people only with --notify)"),
        ((*TOO_EARLY, "--notify"), "", "nobody (no sink is configured)"),
        (
            (*TOO_EARLY, "--notify"),
            "notifications: {sinks: {a: {type: file}}}",
            "nobody (no route is configured)",
        ),
        (("run", "--day", "2000-01-01", "--no-notify"), "", "nobody (--no-notify)"),
        (("run", "--day", "2000-01-01"), "", "nobody (an older day notifies people only with --notify)"),
    ],
)
def test_that_nobody_is_told_is_said_with_the_reason(
    arguments: tuple[str, ...], content: str, who: str, call: Call, folder: Path
) -> None:
    (folder / "data" / "config.yaml").write_text(content, encoding="utf-8")
    ended = call(*arguments, CHAT="xoxb-" + "s" * 20)
    assert ended.out.splitlines()[0] == f"Data: data · Configuration: data/config.yaml · Notifies: {who}"


def test_sinks_to_which_nothing_leads_are_unused(folder: Path) -> None:
    (folder / "mine.yaml").write_text(SINKS, encoding="utf-8")
    notified = load_settings(Path("mine.yaml"), {"CHAT": "xoxb-" + "s" * 20}).notifications
    assert len(recipients(notified)) == 2
    assert unused(notified) == ["chat", "lonely"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("run",),
        ("backfill", "--from", "2026-03-01"),
        ("daemon",),
        ("ui",),
        ("retention",),
        ("alerts", "silence", "severity=info", "--for", "1h"),
    ],
    ids=lambda arguments: arguments[0],
)
def test_a_folder_that_nobody_made_is_refused_and_not_made(
    arguments: tuple[str, ...], call: Call, folder: Path
) -> None:
    (folder / "data").rmdir()
    ended = call(*arguments)
    assert ended.code == 2
    assert "There is no data folder at" in ended.text
    for way in ("init", "demo", "MIST_PIPELINE_DATA"):
        assert way in ended.err
    assert list(folder.iterdir()) == []


def test_a_folder_that_a_variable_names_is_new_and_said_to_be(call: Call) -> None:
    ended = call(*TOO_EARLY, MIST_PIPELINE_DATA="elsewhere")
    assert ended.out.startswith("Data: elsewhere (new) · Configuration: defaults and environment · ")


def test_a_file_is_no_data_folder(call: Call, folder: Path) -> None:
    (folder / "elsewhere").write_text("", encoding="utf-8")
    for command in (("run",), ("init",)):
        ended = call(*command, MIST_PIPELINE_DATA="elsewhere")
        assert ended.code == 2
        assert "is no folder" in ended.text


@pytest.mark.parametrize("arguments", [("run",), ("backfill", "--from", "2026-03-01"), ("daemon",)], ids=str)
def test_a_configuration_of_another_cloud_is_refused_before_anything_starts(
    arguments: tuple[str, ...], call: Call, folder: Path
) -> None:
    pin = {"id": "o-1", "name": "Simulated", "cloud": "http://127.0.0.1:1"}
    (folder / "data" / "organisation.json").write_text(json.dumps(pin), encoding="utf-8")
    ended = call(*arguments, MIST_API_TOKEN="t" * 30)
    assert ended.code == 2
    said = " ".join(ended.err.split())
    assert "belongs to Simulated (o-1, cloud http://127.0.0.1:1), and this would ask the organisation" in said
    assert "https://api.mist.com" in said
    assert [path.name for path in (folder / "data").iterdir()] == ["organisation.json"]


def test_doctor_leaves_no_folder_behind(call: Call, folder: Path) -> None:
    (folder / "data").rmdir()
    ended = call("doctor", MIST_BASE_URL="http://127.0.0.1:9")
    assert ended.code == 1
    assert "there is none at" in ended.text
    assert list(folder.iterdir()) == []


class TestInit:
    def test_it_makes_the_folder_and_then_a_run_works_there(self, call: Call, folder: Path) -> None:
        (folder / "data").rmdir()
        ended = call("init")
        assert "Data folder: data (new)." in ended.out
        assert (folder / "data").is_dir()
        assert call(*TOO_EARLY).out.startswith("Data: data · Configuration: config/config.yaml")

    def test_a_configuration_that_is_there_is_kept_where_only_the_folder_is_missing(
        self, call: Call, folder: Path
    ) -> None:
        (folder / "data").rmdir()
        (folder / "config").mkdir()
        (folder / "config" / "config.yaml").write_text("history: {keep_days: 9}", encoding="utf-8")
        ended = call("init")
        assert (ended.code, (folder / "data").is_dir()) == (0, True)
        assert "Kept config/config.yaml" in ended.out
        assert "keep_days: 9" in (folder / "config" / "config.yaml").read_text(encoding="utf-8")

    def test_in_the_folder_of_a_demonstration_it_says_how_to_leave(self, call: Call, folder: Path) -> None:
        (folder / "demo").mkdir()
        (folder / "demo" / "organisation.json").write_text(
            '{"id": "o", "name": "Simulated", "cloud": "http://x"}'
        )
        (folder / "demo" / "config.yaml").write_text("")
        ended = call("init", MIST_PIPELINE_DATA="demo")
        assert "which holds the data of Simulated (o, cloud http://x)" in ended.text
        assert "unset MIST_PIPELINE_DATA" in ended.text
        assert "demo/config.yaml is read instead of config/config.yaml" in ended.text


@pytest.mark.parametrize(
    ("called", "is_on_path", "typed"),
    [
        (".venv/bin/mist-pipeline", False, ".venv/bin/mist-pipeline"),
        ("/opt/mist/bin/mist-pipeline", False, "/opt/mist/bin/mist-pipeline"),
        ("/opt/mist/bin/mist-pipeline", True, "mist-pipeline"),
        ("/opt/mist/lib/mist_pipeline/cli/__main__.py", False, "mist-pipeline"),
    ],
)
def test_the_demonstration_says_what_to_type_next_where_it_was_called(
    called: str, is_on_path: bool, typed: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", [called])
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}" if is_on_path else None)
    assert _program() == typed


def test_the_demonstration_is_never_ahead_of_the_clock() -> None:
    from datetime import UTC, datetime, timedelta

    for minute in range(0, 180, 7):
        now = datetime(2026, 3, 1, 23, 0, 5, tzinfo=UTC) + timedelta(minutes=minute)
        assert timedelta(0) <= now - present_of(now) < timedelta(hours=1)
        assert present_of(now).minute == 25
