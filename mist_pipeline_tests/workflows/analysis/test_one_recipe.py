"""The day, the live evaluation and the replay run one recipe: over the same span they give the same rows.

The last day of a simulated organisation has a failing DHCP service at a site group, a site that is offline, and trouble
of one site alone. Each of its hours is evaluated live, from the warehouse as it was at the end of that hour. Then the day
is stored and analysed, and replayed.

The live evaluation legitimately knows more than closed hours, and the tests leave that aside where they say so:

- findings of kind ``baseline``, ``anomaly``, ``mist_alarm`` and ``collector``: weeks of the same hour, a forest, the
  cloud's alarms and the list of sites are asked for now, not for hours of the past;
- causes while fewer than three sites alarm, which a replay does not search for.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import mist_pipeline
from mist_pipeline.alerts.lifecycle.observations import EvaluationInput
from mist_pipeline.analysis.detection import (
    MIN_ALARMING_SITES,
    causes_of_days,
    findings_of_days,
    flags_of_days,
)
from mist_pipeline.analysis.findings.inputs import SpanFrames
from mist_pipeline.analysis.scores.live_status import live_status
from mist_pipeline.settings import Settings, load_settings
from mist_pipeline.simulator.world.scenario import dhcp_failure, site_offline, sudden_outage
from mist_pipeline.simulator.world.world import World
from mist_pipeline.tables import BY_NAME, analysis
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.workflows.analysis import rules
from mist_pipeline.workflows.analysis.analyse_day import baseline_rows, deviation_rows
from mist_pipeline.workflows.analysis.detect_day import (
    candidate_cause_rows,
    evaluation_input_of_day,
    finding_rows,
)
from mist_pipeline.workflows.analysis.detect_hour import live_evaluation
from mist_pipeline.workflows.analysis.evidence_walk import store_evidence
from mist_pipeline.workflows.analysis.replay import DAILY_AFTER, HOUR, evaluation_inputs, span

SITES, DAYS = 12, 24
GROUP = range(5)
OFFLINE, ALONE = 7, 9
LIVE_ALONE = ("baseline", "anomaly", "mist_alarm", "collector")
HOURLY = ("sle_hourly", "classifiers_hourly", "site_hourly")


@dataclass(frozen=True)
class Evaluated:
    """The same day three times, and what it was made of."""

    warehouse: Warehouse
    settings: Settings
    day: date
    live: Mapping[datetime, EvaluationInput]
    replayed: Mapping[datetime, EvaluationInput]

    @property
    def pairs(self) -> Iterator[tuple[EvaluationInput, EvaluationInput]]:
        """The live evaluation of each hour's end and the replayed one."""
        return ((self.live[instant], self.replayed[instant]) for instant in sorted(self.live))


def small_world() -> World:
    quiet = World(SITES, DAYS, 3, quiet=True, timezones=["UTC"])
    noon = quiet.midnight(quiet.first_day + timedelta(days=DAYS - 1)) + timedelta(hours=11)
    group = quiet.sites()[0].sitegroup_ids[0]
    scenarios = [
        dhcp_failure(GROUP, noon, 4.0, sitegroup_id=group, peak=0.9),
        site_offline([OFFLINE], noon + timedelta(hours=1), 3.0),
        sudden_outage([ALONE], noon - timedelta(hours=1), 3.0, family="radio", peak=0.9),
    ]
    return World(SITES, DAYS, 3, quiet=True, timezones=["UTC"], scenarios=scenarios)


def evaluated_live(
    warehouse: Warehouse, settings: Settings, today: Mapping[str, pl.DataFrame], instant: datetime
) -> EvaluationInput:
    """The live evaluation at the end of an hour, the warehouse knowing today up to then."""
    frames = {name: today[name].filter(pl.col("hour") < instant) for name in HOURLY}
    frames["status"] = live_status(
        warehouse.query("SELECT * FROM live.status"),
        frames["sle_hourly"],
        frames["site_hourly"],
        instant,
        bands=rules.default_bands(settings),
        by_metric=rules.bands_by_metric(settings),
    )
    warehouse.replace_tables({BY_NAME[f"live.{name}"]: frame for name, frame in frames.items()})
    return live_evaluation(warehouse, settings, instant).evaluation_input()


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory: pytest.TempPathFactory) -> Evaluated:
    data: Path = tmp_path_factory.mktemp("recipe")
    settings = load_settings(environment={"MIST_PIPELINE_DATA": str(data)})
    warehouse, world = Warehouse(settings.warehouse_path), small_world()
    days = [world.first_day + timedelta(days=offset) for offset in range(DAYS)]
    past, day = days[:-1], days[-1]
    made = {BY_NAME[f"history.{name}"]: frame for name, frame in world.history(past[0], day).items()}
    before = {table: frame.filter(pl.col("day") < day) for table, frame in made.items()}
    today = {table.name: frame.filter(pl.col("day") == day) for table, frame in made.items()}
    warehouse.replace_all(before, past)
    store_evidence(warehouse, settings, past)
    begin, _ = span(settings, day, day)
    instants = [begin + hour * HOUR for hour in range(9, 19)]
    by_hour = {instant: evaluated_live(warehouse, settings, today, instant) for instant in instants}
    warehouse.replace_all({BY_NAME[f"history.{name}"]: frame for name, frame in today.items()}, [day])
    store_evidence(warehouse, settings, [day])
    for table, compute in (
        (analysis.BASELINES, baseline_rows),
        (analysis.DEVIATIONS, deviation_rows),
        (analysis.INCIDENTS, candidate_cause_rows),
        (analysis.FINDINGS, finding_rows),
    ):
        warehouse.replace_days(table, compute(warehouse, settings, days), days)
    replayed = {one.as_of: one for one in evaluation_inputs(warehouse, settings, day, day)}
    return Evaluated(warehouse, settings, day, by_hour, replayed)


def sorted_rows(frame: pl.DataFrame | None, like: pl.DataFrame) -> pl.DataFrame:
    """A frame in one order, its numbers to 9 digits; none at all is one without rows.

    Tables keep 12 significant digits of every number; a live evaluation has not stored its evidence when it writes it
    into a finding.
    """
    chosen = like.clear() if frame is None else frame.select(like.columns)
    if "evidence" in like.columns:
        chosen = chosen.with_columns(pl.col("evidence").map_elements(shortened, return_dtype=pl.String))
    return chosen.sort([name for name in like.columns if not chosen.schema[name].is_nested()])


def shortened(evidence: str) -> str:
    return re.sub(r"\d+\.\d+(e-?\d+)?", lambda found: f"{float(found[0]):.9g}", evidence)


def alarming_sites(one: EvaluationInput) -> int:
    found = one.findings.filter(pl.col("kind").is_in(["evidence", "site_down"]))
    return found["site_id"].n_unique()


def test_findings_inputs_are_made_in_one_place() -> None:
    package = Path(mist_pipeline.__file__).parent
    places = [
        path.relative_to(package).as_posix()
        for path in sorted(package.rglob("*.py"))
        for line in path.read_text(encoding="utf-8").splitlines()
        if "FindingInputs(" in line and not line.startswith(("class ", ">>> "))
    ]
    assert places == ["analysis/detection.py"]


@pytest.mark.slow
def test_the_day_has_something_to_compare(evaluated: Evaluated) -> None:
    findings = pl.concat(one.findings for one in evaluated.live.values())
    assert {"threshold", "evidence", "site_down", "correlation"} <= set(findings["kind"])
    assert any(one.support is not None and one.support.height for one in evaluated.live.values())


@pytest.mark.slow
def test_hour_and_replay_give_the_same_findings(evaluated: Evaluated) -> None:
    for now, again in evaluated.pairs:
        common = now.findings.filter(~pl.col("kind").is_in(LIVE_ALONE))
        if alarming_sites(now) < MIN_ALARMING_SITES:
            common = common.filter(pl.col("kind") != "correlation")
        assert_frame_equal(sorted_rows(again.findings, common), sorted_rows(common, common))


@pytest.mark.slow
def test_hour_and_replay_name_the_same_causes_where_several_sites_alarm(evaluated: Evaluated) -> None:
    compared = 0
    for now, again in evaluated.pairs:
        assert now.causes is not None
        if alarming_sites(now) < MIN_ALARMING_SITES:
            assert again.causes is None
            continue
        assert_frame_equal(sorted_rows(again.causes, now.causes), sorted_rows(now.causes, now.causes))
        compared += now.causes.filter(pl.col("scope") == "infrastructure").height
    assert compared


@pytest.mark.slow
@pytest.mark.parametrize("frame", ["support", "readings"])
def test_hour_and_replay_hand_on_the_same(frame: str, evaluated: Evaluated) -> None:
    for now, again in evaluated.pairs:
        mine = getattr(now, frame)
        assert_frame_equal(sorted_rows(getattr(again, frame), mine), sorted_rows(mine, mine))


@pytest.mark.slow
def test_replay_hands_on_the_day_as_the_daily_run_does(evaluated: Evaluated) -> None:
    _, end = span(evaluated.settings, evaluated.day, evaluated.day)
    as_of = end + DAILY_AFTER
    once = evaluation_input_of_day(evaluated.warehouse, evaluated.settings, evaluated.day, as_of)
    again = evaluated.replayed[as_of]
    assert (once.begins, once.source, once.site_count) == (again.begins, again.source, again.site_count)
    for frame in ("findings", "readings", "causes"):
        assert_frame_equal(getattr(once, frame), getattr(again, frame))


@pytest.mark.slow
def test_a_day_finds_what_its_hours_found(evaluated: Evaluated) -> None:
    """Evidence of a day is the strongest of its hours: every row of the day is one of an hour, and no site is missing."""
    of_hours = pl.concat(
        one.findings.select("site_id", "kind", "family", "severity", "summary", "evidence", "fingerprint")
        for one in evaluated.replayed.values()
        if one.source == "live"
    )
    of_day = evaluated.warehouse.read_days(analysis.FINDINGS, evaluated.day, evaluated.day)
    mine = of_day.filter(pl.col("kind") == "evidence").select(of_hours.columns)
    assert mine.height
    assert mine.join(of_hours, on=of_hours.columns, how="anti").is_empty()
    for kind in ("evidence", "site_down"):
        day, hours = (
            set(frame.filter(pl.col("kind") == kind).select("site_id", "family").iter_rows())
            for frame in (of_day, of_hours)
        )
        assert day == hours


@pytest.mark.slow
def test_a_day_alone_gives_the_rows_of_a_backfill_and_of_its_stored_frames(evaluated: Evaluated) -> None:
    """The stored rows came from a run over all days; the day by itself, and its frames by hand, give the same."""
    warehouse, settings, day = evaluated.warehouse, evaluated.settings, evaluated.day
    first = day - timedelta(days=DAYS)

    def of(table: str) -> pl.DataFrame:
        return warehouse.read_days(BY_NAME[table], first, day)

    frames = SpanFrames(
        readings=of("history.sle_daily"),
        classifiers=of("history.classifiers_daily"),
        sites=of("history.sites"),
        site_hourly=of("history.site_hourly"),
        trends=of("analysis.trends"),
        deviations=of("analysis.deviations"),
        risks=of("analysis.risks"),
        anomalies=of("analysis.anomalies"),
        health_scores=of("analysis.health_scores"),
        alarms=of("history.alarms"),
    )
    chosen = rules.detection_rules(settings)
    flags = flags_of_days(frames, of("analysis.evidence"), chosen)
    causes = causes_of_days(flags, of("history.sites"), [day], chosen)
    findings = findings_of_days(frames, of("analysis.evidence"), causes, [day], chosen)
    for table, alone, by_hand in (
        (analysis.INCIDENTS, candidate_cause_rows(warehouse, settings, [day]), causes),
        (analysis.FINDINGS, finding_rows(warehouse, settings, [day]), findings),
    ):
        stored = table.conform(warehouse.read_days(table, day, day))
        assert stored.height
        for rows in (alone, by_hand):
            assert_frame_equal(sorted_rows(table.conform(rows), stored), sorted_rows(stored, stored))
