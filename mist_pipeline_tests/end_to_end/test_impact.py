"""An outage in the simulated cloud: who is hit and what it costs, by the pipeline and by the truth."""

from datetime import timedelta
from pathlib import Path

import pytest

from mist_pipeline.settings import load_settings
from mist_pipeline.simulator.cloud.server import serve
from mist_pipeline.simulator.world.clock import Clock
from mist_pipeline.simulator.world.scenario import sudden_outage
from mist_pipeline.simulator.world.world import World
from mist_pipeline.tables import BY_NAME
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.workflows.analysis.detect_hour import live_evaluation
from mist_pipeline.workflows.analysis.evidence_walk import store_evidence
from mist_pipeline.workflows.impact.ask import ask_who_is_hit
from mist_pipeline.workflows.impact.losses import remember_losses
from mist_pipeline.workflows.ledger_access import open_ledger
from mist_pipeline_tests.support.alerts.histories import HOUR

DAYS, HIT = 24, 0
HOURLY = ("sle_hourly", "classifiers_hourly", "site_hourly")

pytestmark = pytest.mark.slow


def degraded(world: World, metric: str) -> float:
    """Degraded user-minutes of the last day at the site that is hit."""
    day = world.first_day + timedelta(days=DAYS - 1)
    hours = world.history(day, day)["sle_hourly"]
    return float(
        hours.filter(site_id=world.sites()[HIT].site_id, metric=metric)["degraded_user_minutes"].sum()
    )


def test_the_size_of_an_outage_is_that_of_the_truth(tmp_path: Path) -> None:
    quiet = World(6, DAYS, 3, quiet=True, timezones=["UTC"])
    noon = quiet.midnight(quiet.first_day + timedelta(days=DAYS - 1)) + timedelta(hours=11)
    world = World(
        6, DAYS, 3, quiet=True, timezones=["UTC"], scenarios=[sudden_outage([HIT], noon, 6.0, peak=0.9)]
    )
    site = world.sites()[HIT]
    days = [world.first_day + timedelta(days=offset) for offset in range(DAYS)]
    with serve(world, clock=Clock(noon + 9 * HOUR)) as cloud:
        settings = load_settings(
            environment={
                "MIST_PIPELINE_DATA": str(tmp_path),
                "MIST_BASE_URL": cloud.base_url,
                "MIST_API_TOKEN": cloud.token,
            }
        )
        warehouse = Warehouse(settings.warehouse_path)
        history = world.history(days[0], days[-2])
        warehouse.replace_all(
            {BY_NAME[f"history.{name}"]: frame for name, frame in history.items()}, days[:-1]
        )
        store_evidence(warehouse, settings, days[:-1])
        today = world.history(days[-1], days[-1])
        warehouse.replace_tables({BY_NAME[f"live.{name}"]: today[name] for name in HOURLY})
        sizes = []
        for hour in range(1, 10):
            now = noon + hour * HOUR + timedelta(minutes=5)
            evaluation = live_evaluation(warehouse, settings, now)
            remember_losses(settings, evaluation.detected.losses, now)
            with open_ledger(settings) as ledger:
                ledger.record_evaluation(evaluation.evaluation_input())
            sizes += ask_who_is_hit(settings, now, warn=pytest.fail).impacts
    own = [one for one in sizes if any(device.site_id == site.site_id for device in one.devices)]
    assert own, [one.unknown for one in sizes]
    first, last = own[0], own[-1]
    assert first.occasion == "opened"
    assert last.unknown == ""
    for one in own:
        assert one.num_users is not None
        assert one.total_users is not None
        assert one.num_aps is not None
        assert 0 < one.num_users <= one.total_users
        assert 0 < one.num_aps <= site.num_aps
        assert all(device.name.startswith("ap-") for device in one.devices)
    lost = [one.lost_user_minutes for one in own if one.lost_user_minutes is not None]
    assert lost == sorted(lost), "it runs with the incident"
    # Users of two service levels of a site are mostly the same: the larger loss counts.
    metrics = [effect.metric for effect in world.scenarios[0].effects]
    truth = max(degraded(world, metric) - degraded(quiet, metric) for metric in metrics)
    assert lost[-1] == pytest.approx(truth, rel=0.25)
