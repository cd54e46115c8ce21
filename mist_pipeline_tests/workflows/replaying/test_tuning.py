"""Suggestions for a wish: chosen on some days, told of others, and refused where too little is known."""

from datetime import datetime
from pathlib import Path
from typing import Any, cast

import pytest

from mist_pipeline.scorecard.replays import Quality
from mist_pipeline.settings import Settings, SettingsError, load_settings
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.workflows.replaying import tuning
from mist_pipeline.workflows.replaying.tuning import Wish, candidates, suggestion
from mist_pipeline.workflows.replaying.writing import write_keys
from mist_pipeline_tests.support.workflows.small_past import DAYS, small_past

NOW = datetime.fromisoformat("2026-03-31T09:00:00+00:00")


def quality(**more: Any) -> Quality:
    empty = dict.fromkeys(Quality.__annotations__)
    counts = {"n_judged": 0, "n_false": 0, "n_duplicate": 0, "n_troubles": 0, "n_missed": 0}
    return cast("Quality", empty | counts | {"alerts": 40, "messages_per_day": 4.0} | more)


def tried(name: str, value: float | None, *, keys: int = 1, **more: Any) -> tuning.Tried:
    found = quality(**more)
    return tuning.Tried(name, {f"{name}.{at}": "low" for at in range(keys)}, found, found, value, value)


@pytest.mark.parametrize(
    ("options", "most", "name", "is_reached"),
    [
        (
            [tried("now", 5.0, keys=0), tried("few", 1.0, alerts=5), tried("more", 2.0, alerts=9)],
            3.0,
            "more",
            True,
        ),
        ([tried("now", 2.0, keys=0), tried("same", 2.0)], 3.0, "now", True),
        ([tried("now", 5.0, keys=0), tried("less", 4.0), tried("least", 3.5)], 3.0, "least", False),
        (
            [
                tried("now", 5.0, keys=0),
                tried("hears", 2.0, alerts=5, n_troubles=12, n_missed=1),
                tried("many", 2.0, alerts=9, n_troubles=12, n_missed=4),
            ],
            3.0,
            "hears",
            True,
        ),
        (
            [
                tried("now", 5.0, keys=0),
                tried("hears of few", 2.0, alerts=5, n_troubles=3),
                tried("many", 2.0, alerts=9, n_troubles=3, n_missed=2),
            ],
            3.0,
            "many",
            True,
        ),
        ([tried("now", None, keys=0), tried("other", None)], 3.0, None, False),
        ([tried("now", 5.0, keys=0), tried("unknown", None)], 3.0, "now", False),
    ],
    ids=[
        "most alerts",
        "no change",
        "nearest",
        "troubles first",
        "few troubles do not count",
        "nothing known",
        "unknown is left out",
    ],
)
def test_of_what_fulfils_the_wish_the_one_that_tells_most(
    options: list[tuning.Tried], most: float, name: str | None, is_reached: bool
) -> None:
    place, reached = tuning._best(options, most)
    assert (None if place is None else options[place].name) == name
    assert reached == is_reached


def test_false_alerts_a_week_are_estimated_by_hand_and_not_from_few() -> None:
    wish = Wish(false_alerts_a_week=1.0)
    # 40 alerts in four weeks, of 12 judged ones 2 wrong and 1 duplicate: 10 a week, a quarter of them false.
    assert wish.value(quality(n_judged=11, n_false=2, n_duplicate=1), 28.0) == 2.5
    assert wish.value(quality(n_judged=7, n_false=2, n_duplicate=1), 28.0) is None
    assert Wish(messages_a_day=1.0).value(quality(), 28.0) == 4.0


def test_candidates_are_sensitivities_alone_and_with_one_stricter_rule() -> None:
    settings = load_settings(environment={"MIST_PIPELINE__ALERTS__RAISES": "{threshold: critical}"})
    made = list(candidates(settings))
    assert made[0][1] == {}
    keys = [tuple(sorted(one.items())) for _, one in made]
    assert len(set(keys)) == len(keys) == 15
    assert (("alerts.raises.evidence", "major"), ("alerts.sensitivity", "low")) in keys
    for configuration, _ in made:
        assert configuration.settings.alerts.raises["threshold"] == "critical"


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> tuple[Warehouse, Settings]:
    return small_past(tmp_path_factory.mktemp("tuning"))


@pytest.mark.slow
def test_it_is_chosen_on_some_days_and_told_of_the_others(
    past: tuple[Warehouse, Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tuning, "MIN_DAYS", 3)
    warehouse, settings = past
    found = suggestion(warehouse, settings, Wish(messages_a_day=0.5), DAYS[0], DAYS[-1])
    assert found.held_out_from == DAYS[2]
    # The trouble of the third day and its messages are no reason for the choice.
    now = found.tried[0]
    assert (now.choosing["alerts"], now.held_out["alerts"]) == (1, 1)
    assert found.chosen is not None
    assert not found.chosen.keys or found.chosen.value == 0.0
    assert sum(found.changes.values()) <= 1
    assert found.document()["tried"][0]["keys"] == {}


@pytest.mark.slow
def test_without_judgements_a_wish_for_false_alerts_suggests_nothing(
    past: tuple[Warehouse, Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tuning, "MIN_DAYS", 3)
    found = suggestion(*past, Wish(false_alerts_a_week=1.0), DAYS[0], DAYS[-1])
    assert (found.chosen, found.is_reached, found.changes) == (None, False, {})


def test_too_few_days_are_refused(past: tuple[Warehouse, Settings]) -> None:
    with pytest.raises(SettingsError, match="3 days are too few"):
        suggestion(*past, Wish(messages_a_day=1.0), DAYS[0], DAYS[-1])


WRITTEN = "# Our rules\nalerts:\n  keep_days: 40   # six weeks\n  raises: {threshold: critical}\n"
KEYS = {"alerts.sensitivity": "low", "alerts.raises.evidence": "major"}


def test_keys_are_written_beside_what_people_wrote_and_a_copy_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(WRITTEN)
    file.chmod(0o640)
    copy = write_keys(load_settings(file, {}), KEYS, NOW)
    assert (copy.name, copy.read_text()) == ("config.yaml.20260331T090000Z.bak", WRITTEN)
    assert file.stat().st_mode & 0o777 == 0o640
    assert "# Our rules" in file.read_text()
    assert "keep_days: 40   # six weeks" in file.read_text()
    alerts = load_settings(file, {}).alerts
    assert (alerts.sensitivity, alerts.raises) == ("low", {"threshold": "critical", "evidence": "major"})


def test_what_a_variable_wins_over_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(WRITTEN)
    monkeypatch.setenv("MIST_PIPELINE__ALERTS__SENSITIVITY", "high")
    with pytest.raises(SettingsError, match=r"alerts\.sensitivity is set by a variable"):
        write_keys(load_settings(file), KEYS, NOW)
    assert [one.name for one in tmp_path.iterdir()] == ["config.yaml"]
    assert file.read_text() == WRITTEN


def test_without_a_file_there_is_nothing_to_write() -> None:
    with pytest.raises(SettingsError, match="mist-pipeline init"):
        write_keys(
            load_settings(environment={"MIST_PIPELINE_DATA": "/nowhere"}).model_copy(update={"source": None}),
            KEYS,
            NOW,
        )
