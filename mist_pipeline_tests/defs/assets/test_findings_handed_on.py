"""What of a day's findings is handed on to the alerts: yesterday, once; a backfill only if it is asked to."""

import shutil
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from mist_pipeline.alerts.ledger.evaluation_store import EvaluationName
from mist_pipeline.alerts.ledger.pending import evaluate_pending
from mist_pipeline.alerts.lifecycle.observations import EvaluationInput
from mist_pipeline.defs.assets import findings as module
from mist_pipeline.defs.assets.findings import findings_asset
from mist_pipeline.defs.partitions import daily_partitions
from mist_pipeline.defs.resources import RUN, RunOptions, run_config
from mist_pipeline.defs.scope import ALONE
from mist_pipeline.settings import Settings, load_settings
from mist_pipeline.simulator.world.world import World
from mist_pipeline.tables import BY_NAME, analysis, history
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.workflows.analysis.detect_day import (
    BACKFILL_TAG,
    evaluation_input_of_day,
    is_about_now,
    may_notify,
)
from mist_pipeline.workflows.ledger_access import (
    kept_evaluations,
    known_sites,
    notification_rules,
    open_ledger,
)
from mist_pipeline_tests.support.defs.rows import row

pytestmark = pytest.mark.slow

YESTERDAY = date(2026, 3, 28)
BEFORE = YESTERDAY - timedelta(days=1)
MORNING = datetime(2026, 3, 29, 2, 30, tzinfo=UTC)
SITES = 4


# Which runs


@pytest.mark.parametrize(
    ("tags", "asked", "days", "expected"),
    [
        pytest.param({}, None, [YESTERDAY], True, id="yesterday by itself"),
        pytest.param({"dagster/schedule_name": "every_morning"}, None, [YESTERDAY], True, id="by the clock"),
        pytest.param({}, None, [BEFORE], False, id="an older day"),
        pytest.param({}, None, [BEFORE, YESTERDAY], False, id="a range that ends yesterday"),
        pytest.param({}, None, [], False, id="no day"),
        pytest.param({}, None, [YESTERDAY + timedelta(days=1)], False, id="a day that is not over"),
        pytest.param({BACKFILL_TAG: "abc"}, None, [YESTERDAY], False, id="a backfill of yesterday"),
        pytest.param({BACKFILL_TAG: "abc"}, None, [BEFORE, YESTERDAY], False, id="a backfill"),
        pytest.param({BACKFILL_TAG: "abc"}, True, [BEFORE, YESTERDAY], True, id="one asked to tell"),
        pytest.param({}, True, [BEFORE], True, id="an older day on purpose"),
        pytest.param({}, True, [BEFORE, YESTERDAY], True, id="a range on purpose"),
        pytest.param({}, False, [YESTERDAY], False, id="yesterday, but quietly"),
    ],
)
def test_yesterday_alone_is_about_now_and_what_was_asked_wins(
    tags: Mapping[str, str], asked: bool | None, days: Sequence[date], expected: bool
) -> None:
    assert is_about_now(tags, asked, days, YESTERDAY) == expected


@pytest.mark.parametrize("tags", [{}, {BACKFILL_TAG: "a"}])
@pytest.mark.parametrize("asked", [None, True, False])
def test_what_is_about_now_may_notify(tags: Mapping[str, str], asked: bool | None) -> None:
    assert may_notify(tags, asked) or not is_about_now(tags, asked, [YESTERDAY], YESTERDAY)


# What


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder whose warehouse knows two days of a few sites."""
    data: Path = tmp_path_factory.mktemp("handed") / "data"
    settings = load_settings(environment={"MIST_PIPELINE_DATA": str(data)})
    warehouse = Warehouse(settings.warehouse_path)
    warehouse.prepare()
    world = World(SITES, 3, 3, quiet=True, timezones=["UTC"], start=BEFORE)
    days = [BEFORE, YESTERDAY]
    made = world.history(*days)
    warehouse.replace_all({BY_NAME[f"history.{name}"]: frame for name, frame in made.items()}, days)
    shared = row(
        analysis.INCIDENTS,
        day=YESTERDAY,
        cause_fingerprint="cause-1",
        scope="infrastructure",
        p_value=0.01,
        site_ids=made["sites"]["site_id"].unique().sort().to_list(),
    )
    frame = pl.DataFrame([shared], schema=analysis.INCIDENTS.polars_schema())
    warehouse.replace_days(analysis.INCIDENTS, frame, days)
    return data


def environment(data: Path, zone: str = "UTC") -> dict[str, str]:
    return {
        "MIST_PIPELINE_DATA": str(data),
        "MIST_PIPELINE__HISTORY__START": "2026-03-01",
        "MIST_PIPELINE__ORGANISATION__TIMEZONE": zone,
    }


@pytest.fixture
def settings(filled: Path, tmp_path: Path) -> Settings:
    shutil.copytree(filled, tmp_path / "data")
    return load_settings(environment=environment(tmp_path / "data"))


def found(day: date, site_id: str, **more: object) -> dict[str, object]:
    told = {
        "kind": "evidence",
        "severity": "critical",
        "family": "radio",
        "summary": "Bad.",
        "evidence": "{}",
    }
    return row(analysis.FINDINGS, day=day, site_id=site_id, metric="coverage", **{**told, **more})


def store(settings: Settings, *rows: dict[str, object]) -> None:
    frame = pl.DataFrame(list(rows), schema=analysis.FINDINGS.polars_schema())
    Warehouse(settings.warehouse_path).replace_days(analysis.FINDINGS, frame, [BEFORE, YESTERDAY])


def test_a_day_becomes_an_evaluation_input_of_its_findings_readings_and_causes(settings: Settings) -> None:
    store(settings, found(YESTERDAY, "s1"), found(BEFORE, "s2"))
    warehouse = Warehouse(settings.warehouse_path)
    given = evaluation_input_of_day(warehouse, settings, YESTERDAY, MORNING)
    assert (given.as_of, given.source, given.site_count) == (MORNING, "daily", SITES)
    assert given.covers_from == datetime(2026, 3, 28, tzinfo=UTC)
    assert given.findings["site_id"].to_list() == ["s1"]
    assert given.support is None
    assert given.readings is not None
    assert given.readings.columns == ["site_id", "metric", "state", "score_pct"]
    day = pl.col("day") == YESTERDAY
    assert given.readings.height == warehouse.query("FROM history.sle_daily").filter(day).height
    assert given.causes is not None
    assert given.causes["cause_fingerprint"].to_list() == ["cause-1"]


def test_a_day_begins_at_midnight_of_the_organisation(settings: Settings) -> None:
    zone = load_settings(environment=environment(settings.data, "Asia/Kathmandu"))
    given = evaluation_input_of_day(Warehouse(zone.warehouse_path), zone, YESTERDAY, MORNING)
    assert given.covers_from == datetime(2026, 3, 27, 18, 15, tzinfo=UTC)


def test_a_day_of_which_nothing_is_known_is_an_empty_evaluation_input(settings: Settings) -> None:
    given = evaluation_input_of_day(Warehouse(settings.warehouse_path), settings, date(2026, 3, 1), MORNING)
    assert (given.findings.height, given.site_count) == (0, 0)


# The asset


def analyse(
    settings: Settings,
    first: date = YESTERDAY,
    last: date | None = None,
    instant: datetime = MORNING,
    tags: Mapping[str, str] | None = None,
    notify: bool | None = None,
) -> dg.ExecuteInProcessResult:
    """A run that makes ``analysis/findings`` of some days."""
    job = dg.define_asset_job("analyse", selection=["analysis/findings"])
    definitions = dg.Definitions(
        assets=[findings_asset(ALONE, daily_partitions(settings))],
        jobs=[job],
        resources={"settings": settings, "warehouse": Warehouse(settings.warehouse_path), RUN: RunOptions()},
    )
    span = {
        "dagster/asset_partition_range_start": first.isoformat(),
        "dagster/asset_partition_range_end": (last or first).isoformat(),
    }
    with dg.DagsterInstance.ephemeral() as instance:
        return definitions.resolve_job_def("analyse").execute_in_process(
            instance=instance,
            tags={**span, **(tags or {})},
            run_config=run_config(instant, notify=notify),
            raise_on_error=False,
        )


def kept(settings: Settings) -> list[EvaluationName]:
    return kept_evaluations(settings).names()


def test_yesterday_is_kept_once_with_the_sites_that_it_is_about(settings: Settings) -> None:
    assert analyse(settings).success
    assert kept(settings) == [EvaluationName(MORNING, "daily")]
    given = kept_evaluations(settings).load(kept(settings)[0])
    expected = evaluation_input_of_day(Warehouse(settings.warehouse_path), settings, YESTERDAY, MORNING)
    assert_same_input(given, expected)
    sites = known_sites(settings)
    assert sites.height == SITES
    assert sites["name"].null_count() == 0


def assert_same_input(one: EvaluationInput, other: EvaluationInput) -> None:
    assert (one.as_of, one.source, one.covers_from, one.site_count) == (
        other.as_of,
        other.source,
        other.covers_from,
        other.site_count,
    )
    for frame in ("findings", "readings", "causes"):
        assert_frame_equal(getattr(one, frame), getattr(other, frame))


def test_a_run_that_is_repeated_as_of_the_same_instant_keeps_nothing_more(settings: Settings) -> None:
    analyse(settings)
    assert analyse(settings).success
    assert kept(settings) == [EvaluationName(MORNING, "daily")]


def test_yesterday_analysed_again_later_is_kept_anew(settings: Settings) -> None:
    later = MORNING + timedelta(hours=3)
    analyse(settings)
    analyse(settings, instant=later)
    assert kept(settings) == [EvaluationName(MORNING, "daily"), EvaluationName(later, "daily")]


@pytest.mark.parametrize(
    ("first", "last", "tags", "notify", "expected"),
    [
        (BEFORE, BEFORE, {}, None, 0),
        (BEFORE, YESTERDAY, {}, None, 0),
        (YESTERDAY, YESTERDAY, {BACKFILL_TAG: "abc"}, None, 0),
        (YESTERDAY, YESTERDAY, {}, False, 0),
        (BEFORE, YESTERDAY, {}, True, 1),
        (BEFORE, BEFORE, {}, True, 1),
    ],
)
def test_other_runs_keep_their_last_day_if_they_are_asked_to_and_else_nothing(
    settings: Settings, first: date, last: date, tags: dict[str, str], notify: bool | None, expected: int
) -> None:
    assert analyse(settings, first, last, tags=tags, notify=notify).success
    assert len(kept(settings)) == expected
    assert settings.sites_path.exists() == (expected > 0)
    for name in kept(settings):
        begins = kept_evaluations(settings).load(name).covers_from
        assert begins is not None
        assert begins.date() == last


@pytest.mark.parametrize(
    ("zone", "instant", "is_kept"),
    [
        ("UTC", datetime(2026, 3, 28, 23, 59, tzinfo=UTC), False),
        ("UTC", datetime(2026, 3, 29, 0, 0, tzinfo=UTC), True),
        ("UTC", datetime(2026, 3, 29, 23, 59, tzinfo=UTC), True),
        ("UTC", datetime(2026, 3, 30, 0, 0, tzinfo=UTC), False),
        ("America/Los_Angeles", datetime(2026, 3, 29, 6, 59, tzinfo=UTC), False),
        ("America/Los_Angeles", datetime(2026, 3, 29, 9, 30, tzinfo=UTC), True),
        # The night in which the clocks of Berlin change.
        ("Europe/Berlin", datetime(2026, 3, 29, 22, 0, tzinfo=UTC), False),
        ("Europe/Berlin", datetime(2026, 3, 29, 21, 59, tzinfo=UTC), True),
    ],
)
def test_yesterday_is_the_organisations(
    settings: Settings, zone: str, instant: datetime, is_kept: bool
) -> None:
    there = load_settings(environment=environment(settings.data, zone))
    analyse(there, instant=instant)
    assert bool(kept(there)) == is_kept


def test_findings_that_could_not_be_stored_are_not_handed_on(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(Warehouse, "replace_days", refuse)
    assert not analyse(settings).success
    assert kept(settings) == []


def test_a_run_that_dies_after_it_stored_hands_on_when_it_is_repeated(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(module, "kept_evaluations", lambda _: 1 / 0)
        assert not analyse(settings).success
    assert kept(settings) == []
    assert analyse(settings).success
    assert kept(settings) == [EvaluationName(MORNING, "daily")]


def test_what_is_handed_on_raises_its_alert(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    site = Warehouse(settings.warehouse_path).query("FROM history.sites")["site_id"].min()
    rows = pl.DataFrame([found(YESTERDAY, str(site))], schema=analysis.FINDINGS.polars_schema())
    monkeypatch.setattr(module, "finding_rows", lambda *_: rows)
    analyse(settings)
    with open_ledger(settings) as ledger:
        taken = evaluate_pending(ledger, kept_evaluations(settings), notification_rules(settings), MORNING)
        assert taken.names == (EvaluationName(MORNING, "daily"),)
        (alert,) = ledger.lifecycle_state(MORNING).alerts.values()
    assert (alert.site_id, alert.source, alert.state) == (site, "daily", "open")


def test_the_history_that_is_read_is_of_the_day_alone(settings: Settings) -> None:
    warehouse = Warehouse(settings.warehouse_path)
    assert set(warehouse.read_days(history.SITES, BEFORE, YESTERDAY)["day"]) == {BEFORE, YESTERDAY}
    given = evaluation_input_of_day(warehouse, settings, BEFORE, MORNING)
    assert given.site_count == SITES
    assert given.causes is not None
    assert given.causes.is_empty()
