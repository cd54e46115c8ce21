"""One past under several configurations: what each would have told, and what is different."""

import json
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from mist_pipeline.alerts.lifecycle.replay import replay
from mist_pipeline.settings import Settings, SettingsError
from mist_pipeline.tables import alerts, analysis, history, scorecard
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.workflows.analysis import replay as closed
from mist_pipeline.workflows.replaying import runs
from mist_pipeline.workflows.replaying.comparison import comparison, curve
from mist_pipeline.workflows.replaying.days_again import days_under
from mist_pipeline.workflows.replaying.runs import Configuration, Runs, at_sensitivity, replays
from mist_pipeline_tests.support.workflows.small_past import BEGIN, DAYS, STRONG, WEAK, ZONE, rows, small_past

pytestmark = pytest.mark.slow

HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> tuple[Warehouse, Settings]:
    return small_past(tmp_path_factory.mktemp("past"))


@pytest.fixture(scope="module")
def levels(past: tuple[Warehouse, Settings]) -> Runs:
    warehouse, settings = past
    wanted = [at_sensitivity(settings, level) for level in ("low", "normal", "high")]
    return replays(warehouse, settings, wanted, DAYS[0], DAYS[-1])


def changed(settings: Settings, **sections: dict[str, object]) -> Settings:
    update = {name: getattr(settings, name).model_copy(update=keys) for name, keys in sections.items()}
    return settings.model_copy(update=update)


def test_a_higher_sensitivity_tells_more(levels: Runs) -> None:
    told = [sorted(one.alerts["site_id"]) for one in levels.outcomes]
    assert told == [[STRONG, STRONG], [STRONG, STRONG], [STRONG, STRONG, WEAK]]


@pytest.mark.parametrize("place", [0, 1, 2])
def test_several_at_once_give_the_events_that_each_gives_alone(
    place: int, levels: Runs, past: tuple[Warehouse, Settings]
) -> None:
    one = levels.outcomes[place]
    settings = one.configuration.settings
    days = days_under(*past, settings, DAYS[0], DAYS[-1])
    inputs = closed.evaluation_inputs(days, settings, DAYS[0], DAYS[-1])
    alone = replay(inputs, settings.alerts.policy())
    assert one.replay.events == alone.events
    assert len(alone.events) > 10


def test_history_and_evidence_are_read_once_whatever_is_compared(
    past: tuple[Warehouse, Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse, settings = past
    weeks, detections = [], []
    read, detect = closed.ClosedHours.read.__func__, closed.detect_hours  # type: ignore[attr-defined]
    monkeypatch.setattr(
        closed.ClosedHours,
        "read",
        classmethod(lambda cls, *given, **more: weeks.append(given) or read(cls, *given, **more)),
    )
    monkeypatch.setattr(
        closed, "detect_hours", lambda *given, **more: detections.append(given) or detect(*given, **more)
    )
    never = changed(settings, alerts={"raises": {"evidence": "never"}})
    wanted = [Configuration("now", settings), Configuration("never", never), at_sensitivity(settings, "high")]
    told = [one.alerts.height for one in replays(warehouse, settings, wanted, DAYS[0], DAYS[-1]).outcomes]
    assert told == [2, 0, 3]
    assert len(weeks) == 1
    assert len(detections) == 2, "what differs in which findings raise alerts detects alike"


def test_messages_are_counted_by_the_routes_of_each_configuration(
    past: tuple[Warehouse, Settings], tmp_path: Path
) -> None:
    warehouse, settings = past
    _, routed = small_past(
        tmp_path,
        MIST_PIPELINE__NOTIFICATIONS=json.dumps(
            {
                "sinks": {"a": {"type": "file"}, "b": {"type": "file"}},
                "routes": [{"name": "all", "sinks": ["a", "b"]}],
            }
        ),
    )
    wanted = [Configuration("one", settings), Configuration("two", routed)]
    one, two = replays(warehouse, settings, wanted, DAYS[0], DAYS[-1]).outcomes
    assert len(one.messages) == 4, "a beginning and an end of two alerts, to everybody"
    assert len(two.messages) == 8


def test_another_configuration_of_thresholds_makes_the_findings_of_days_again(tmp_path: Path) -> None:
    warehouse, settings = small_past(tmp_path)
    score = {
        "site_id": STRONG,
        "metric": "coverage",
        "score_pct": 79.0,
        "num_users": 50,
        "total_user_minutes": 9000.0,
    }
    daily = rows(
        history.SLE_DAILY, *({**score, "day": day, "state": "ok", "severity": "major"} for day in DAYS)
    )
    warehouse.replace_days(history.SLE_DAILY, daily, DAYS)
    strict = settings.model_copy(
        update={
            "sle_thresholds": {"default": settings.bands_of("coverage").model_copy(update={"critical": 79.5})}
        }
    )
    again = days_under(warehouse, settings, strict, DAYS[0], DAYS[-1])
    kinds = again.read_days(analysis.FINDINGS, DAYS[0], DAYS[-1]).filter(pl.col("kind") == "threshold")
    assert kinds["severity"].unique().to_list() == ["critical"]
    assert again.read_days(history.SLE_DAILY, DAYS[0], DAYS[0], columns=["severity"]).rows() == [
        ("critical",)
    ]
    kept = warehouse.read_days(analysis.FINDINGS, DAYS[0], DAYS[-1])
    assert "threshold" not in set(kept["kind"]), "the warehouse keeps what it has"
    assert warehouse.read_days(history.SLE_DAILY, DAYS[0], DAYS[0])["severity"].to_list() == ["major"]
    assert days_under(warehouse, settings, settings, DAYS[0], DAYS[-1]) is warehouse


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"organisation": {"timezone": "UTC"}}, "organisation.timezone is Europe/Berlin in one"),
        ({"organisation": {"holidays": (DAYS[0],)}}, "organisation.holidays is empty in one"),
        ({"thresholds": {"forecast_days": 5}}, "thresholds.forecast_days is 3 in one"),
    ],
)
def test_what_a_replay_cannot_make_again_is_refused_by_its_key(
    changes: dict[str, dict[str, object]], key: str, past: tuple[Warehouse, Settings]
) -> None:
    warehouse, settings = past
    other = [Configuration("other", changed(settings, **changes))]
    with pytest.raises(SettingsError, match=key):
        replays(warehouse, settings, other, DAYS[0], DAYS[-1])


def test_a_comparison_names_what_is_different_by_rule_site_and_alert(
    past: tuple[Warehouse, Settings],
) -> None:
    warehouse, settings = past
    wanted = [Configuration("now.yaml", settings), at_sensitivity(settings, "high")]
    found = comparison(warehouse, settings, replays(warehouse, settings, wanted, DAYS[0], DAYS[-1]))
    assert found["differences"] == [{"key": "alerts.sensitivity", "base": "normal", "other": "high"}]
    assert found["changes"] == {"same": 2, "earlier": 0, "later": 0, "more": 1, "fewer": 0}
    (row,) = found["changed"]
    assert (row["change"], row["site_id"], row["rule"], row["base"]) == ("more", WEAK, "evidence", None)
    assert [(one["name"], one["base_alerts"], one["other_alerts"]) for one in found["by_rule"]] == [
        ("evidence", 2, 3)
    ]
    assert found["by_site"][0]["more"] == 1
    assert json.loads(json.dumps(found)) == found


def test_a_configuration_compared_with_itself_differs_in_nothing(past: tuple[Warehouse, Settings]) -> None:
    warehouse, settings = past
    wanted = [Configuration("a", settings), Configuration("a", settings)]
    found = comparison(warehouse, settings, replays(warehouse, settings, wanted, DAYS[0], DAYS[-1]))
    assert (found["differences"], found["changed"]) == ([], [])
    assert found["configurations"][0] == found["configurations"][1]


def test_what_people_said_of_an_alert_counts_for_the_replayed_alert_of_the_same_trouble(
    tmp_path: Path,
) -> None:
    warehouse, settings = small_past(tmp_path)
    told = {
        "alert_id": "live-1", "incident_id": "live-i", "site_id": STRONG, "family": "coverage", "kind": "evidence",
        "highest": "major", "opened_at": BEGIN + 11.25 * HOUR, "began_at": BEGIN + 10 * HOUR, "resolved_at": BEGIN + 21 * HOUR,
    }  # fmt: skip
    said = {
        "day": DAYS[-1], "source": "feedback", "truth_id": "1", "verdict": "wrong", "weight": 1.0, "alert_id": "live-1",
        "said_by": "ada", "said_at": BEGIN + 60 * HOUR, "comment": "",
    }  # fmt: skip
    family = (
        replays(warehouse, settings, [Configuration("now", settings)], DAYS[0], DAYS[-1])
        .outcomes[0]
        .alerts["family"][0]
    )
    warehouse.replace_tables({alerts.ALERTS: rows(alerts.ALERTS, {**told, "family": family})})
    warehouse.replace_days(scorecard.TRUTHS, rows(scorecard.TRUTHS, said), DAYS)
    found = replays(warehouse, settings, [Configuration("now", settings)], DAYS[0], DAYS[-1])
    assert found.outcomes[0].alerts.sort("opened_at")["verdict"].to_list() == ["wrong", None]
    (row,) = curve(settings, found)["configurations"]
    assert (row["n_false"], row["n_unjudged"], row["precision"]) == (1, 1, None), "one case gives no share"
    assert row["false_per_site_week"] == pytest.approx(1 / (3 * found_days(found) / 7))


def found_days(found: Runs) -> float:
    """The three days have 71 hours."""
    return (found.end - found.begin) / timedelta(days=1)


def test_nothing_is_notified_and_no_ledger_is_made(past: tuple[Warehouse, Settings], levels: Runs) -> None:
    assert levels.outcomes
    assert not Path(str(past[1].ledger)).exists()
    assert runs.EVERYBODY.sinks == ("everybody",)
    assert past[1].organisation.timezone == ZONE
