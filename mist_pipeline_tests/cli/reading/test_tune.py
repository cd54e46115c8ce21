"""``tune`` as somebody types it."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from mist_pipeline.cli.app import app
from mist_pipeline.workflows.replaying import tuning
from mist_pipeline_tests.support.workflows.small_past import DAYS, ZONE, small_past

pytestmark = pytest.mark.slow

SPAN = ("--from", DAYS[0].isoformat(), "--to", DAYS[-1].isoformat())


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("tune") / "data"
    folder.mkdir()
    small_past(folder)
    return folder


@pytest.fixture
def typed(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    file = tmp_path / "config.yaml"
    file.write_text(f"organisation: {{timezone: {ZONE}}}  # ours\nalerts: {{sensitivity: high}}  # loud\n")
    monkeypatch.setenv("MIST_PIPELINE_DATA", str(data))
    monkeypatch.setenv("MIST_PIPELINE_CONFIG", str(file))
    monkeypatch.setattr(tuning, "MIN_DAYS", 3)
    return lambda *words: CliRunner().invoke(
        app, ["tune", *SPAN, *words], catch_exceptions=False, env={"COLUMNS": "200"}
    )


def test_a_suggestion_is_written_only_when_asked_and_a_copy_is_kept(typed: Any, tmp_path: Path) -> None:
    wish = ("--messages-a-day", "1.5")
    done = typed(*wish)
    assert done.exit_code == 0
    for said in (
        "At most 1.5 messages a day",
        "alerts.sensitivity: normal",
        "On the days not used for choosing",
        "--write",
    ):
        assert said in done.stdout
    assert [one.name for one in tmp_path.iterdir()] == ["config.yaml"]
    found = json.loads(typed(*wish, "--write", "--json").stdout)
    assert found["keys"] == {"alerts.sensitivity": "normal"}
    assert found["is_reached"]
    assert Path(found["copy"]).exists()
    written = (tmp_path / "config.yaml").read_text()
    assert written == f"organisation: {{timezone: {ZONE}}}  # ours\nalerts: {{sensitivity: normal}}  # loud\n"


def test_without_judged_alerts_a_wish_for_false_alerts_says_how_many_are_missing(typed: Any) -> None:
    done = typed("--false-alerts-a-week", "1", "--write")
    assert "Too few cases: 0 of 2 alerts on the days for choosing are judged, 10 are needed." in done.stdout


def test_what_fulfils_the_wish_already_is_left_alone(typed: Any, tmp_path: Path) -> None:
    found = json.loads(typed("--messages-a-day", "3", "--json").stdout)
    assert found["is_reached"]
    assert found["keys"] == {}


@pytest.mark.parametrize("words", [(), ("--messages-a-day", "1", "--false-alerts-a-week", "1")])
def test_one_wish_is_needed(words: tuple[str, ...], typed: Any) -> None:
    done = typed(*words)
    assert done.exit_code == 2
    assert "give one wish" in " ".join(done.output.replace("│", " ").split())
