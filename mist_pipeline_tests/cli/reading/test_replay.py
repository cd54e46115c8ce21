"""``replay`` under several configurations, as somebody types it."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from mist_pipeline.cli.app import app
from mist_pipeline_tests.support.workflows.small_past import DAYS, NAMES, WEAK, ZONE, small_past

pytestmark = pytest.mark.slow

SPAN = ("--from", DAYS[0].isoformat(), "--to", DAYS[-1].isoformat())


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("replay") / "data"
    folder.mkdir()
    small_past(folder)
    return folder


@pytest.fixture
def typed(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MIST_PIPELINE_DATA", str(data))
    monkeypatch.setenv("MIST_PIPELINE__ORGANISATION__TIMEZONE", ZONE)
    (tmp_path / "high.yaml").write_text("alerts: {sensitivity: high}\n")
    return lambda *words: CliRunner().invoke(
        app, ["replay", *SPAN, *words], catch_exceptions=False, env={"COLUMNS": "200"}
    )


def test_a_comparison_is_a_table_with_the_names_of_sites_as_they_are(typed: Any) -> None:
    done = typed("--compare", "high.yaml", "--page", "page.html", "--export", "out")
    assert done.exit_code == 0
    for said in (
        "high.yaml: 1 alert more; 2 are the same.",
        "alerts.sensitivity: normal → high",
        NAMES[WEAK],
        "nothing known",
    ):
        assert said in done.stdout
    assert "<script" not in Path("page.html").read_text()
    assert sorted(str(one) for one in Path("out").rglob("*.csv")) == [
        "out/defaults/alerts.csv", "out/defaults/events.csv", "out/high.yaml/alerts.csv", "out/high.yaml/events.csv",
    ]  # fmt: skip


def test_a_curve_is_json_for_programs(typed: Any) -> None:
    found = json.loads(typed("--sensitivity", "high,low", "--json").stdout)
    assert [(one["name"], one["alerts"]) for one in found["configurations"]] == [("low", 2), ("high", 3)]
    assert (found["first"], found["days"], found["sites"]) == (DAYS[0].isoformat(), 3, 3)


def test_another_configuration_alone_finds_what_it_tells(typed: Any) -> None:
    found = json.loads(typed("--settings", "high.yaml", "--json").stdout)
    assert sum(one["alerts"] for one in found["by_severity"]) == 3
    assert found["files"] == {}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--sensitivity", "extreme"), "extreme: use low, normal, high"),
        (("--sensitivity", ","), "is empty"),
        (("--compare", "high.yaml", "--sensitivity", "low"), "ask one at a time"),
        (("--page", "x.html"), "--page needs"),
    ],
)
def test_questions_that_cannot_be_answered_are_refused(words: tuple[str, ...], said: str, typed: Any) -> None:
    done = typed(*words)
    assert done.exit_code == 2
    assert said in " ".join(done.output.replace("│", " ").split())
