"""User-hours: what evidence said of its episodes is kept for the runs that notify."""

from pathlib import Path

import polars as pl

from mist_pipeline.settings import load_settings
from mist_pipeline.workflows.impact.ask import ask_who_is_hit
from mist_pipeline.workflows.impact.losses import remember_losses
from mist_pipeline.workflows.ledger_access import open_ledger
from mist_pipeline_tests.support.alerts.histories import HOUR, START, finding, live

EPISODE = {
    "site_id": "s1",
    "family": "radio",
    "metric": "coverage",
    "classifier": "",
    "is_slow": False,
    "recovery": 0.0,
    "is_accepted": False,
}


def told(hour: float, lost: float) -> pl.DataFrame:
    """What evidence says at an hour of an episode that began at the first."""
    at = START + hour * HOUR
    return pl.DataFrame(
        [{"hour": at, **EPISODE, "began_at": START, "last_bad_at": at, "lost_user_minutes": lost}]
    ).with_columns(pl.col("hour", "began_at", "last_bad_at").cast(pl.Datetime("us", "UTC")))


def test_user_hours_run_with_the_incident_and_stay_when_it_is_over(tmp_path: Path) -> None:
    settings = load_settings(environment={"MIST_PIPELINE_DATA": str(tmp_path)})
    lost: list[float | None] = []
    for hour, minutes in ((0, 60.0), (1, 150.0), (2, 240.0)):
        remember_losses(settings, told(hour, minutes), START + hour * HOUR)
        with open_ledger(settings) as ledger:
            ledger.record_evaluation(live(hour, finding(severity="critical")))
        found = ask_who_is_hit(settings, START + hour * HOUR, warn=print).impacts
        lost += [one.lost_user_minutes for one in found]
    with open_ledger(settings) as ledger:
        [incident] = ledger.lifecycle_state(START).incidents
        ledger.resolve(incident, "ada", START + 3 * HOUR)
    remember_losses(settings, told(0, 1.0).clear(), START + 3 * HOUR)
    [over] = ask_who_is_hit(settings, START + 3 * HOUR, warn=print).impacts
    assert lost[-1] == 240.0
    assert lost == sorted(one for one in lost if one is not None)
    assert (over.occasion, over.lost_user_minutes) == ("over", 240.0)
    assert "user-hours" not in over.unknown


def test_nothing_is_remembered_for_ever(tmp_path: Path) -> None:
    settings = load_settings(environment={"MIST_PIPELINE_DATA": str(tmp_path)})
    remember_losses(settings, told(0, 60.0), START)
    remember_losses(settings, told(24 * 40, 5.0), START + 24 * 40 * HOUR)
    kept = pl.read_parquet(settings.evaluations_path / "losses.parquet")
    assert kept["last_bad_at"].to_list() == [START + 24 * 40 * HOUR]


def test_a_damaged_file_costs_the_user_hours_and_heals(tmp_path: Path) -> None:
    settings = load_settings(environment={"MIST_PIPELINE_DATA": str(tmp_path)})
    remember_losses(settings, told(0, 60.0), START)
    path = settings.evaluations_path / "losses.parquet"
    path.write_bytes(b"not a table")
    with open_ledger(settings) as ledger:
        ledger.record_evaluation(live(0, finding(severity="critical")))
    [impact] = ask_who_is_hit(settings, START, warn=print).impacts
    assert "user-hours: no evidence" in impact.unknown
    remember_losses(settings, told(1, 90.0), START + HOUR)
    assert pl.read_parquet(path)["lost_user_minutes"].to_list() == [90.0]
