"""User-hours: what evidence said of its episodes is kept for the runs that notify."""

import json
from pathlib import Path

import polars as pl

from mist_pipeline.analysis.evidence.gates import silent_hours
from mist_pipeline.delivery.rendering.impact import impact_line
from mist_pipeline.notification.impact import impact_view
from mist_pipeline.notification.message_context import Surroundings
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


def silent(hour: float) -> pl.DataFrame:
    """Evidence of an hour in which a site was silent where 42 users are usual, and in which another lost devices."""
    common = {
        "hour": START + hour * HOUR,
        "metric": "silence",
        "observed_pct": 0.0,
        "excess_user_minutes": 42 * 60.0,
    }
    return pl.DataFrame(
        [
            {**common, "site_id": "s1", "classifier": "outage"},
            {**common, "site_id": "s2", "classifier": "device-loss"},
        ]
    ).with_columns(pl.col("hour").cast(pl.Datetime("us", "UTC")))


def test_a_silent_site_loses_its_usual_users_hour_by_hour_and_says_how_many_they_are(tmp_path: Path) -> None:
    settings = load_settings(environment={"MIST_PIPELINE_DATA": str(tmp_path)})
    evidence = {
        "first": START.isoformat(),
        "last": START.isoformat(),
        "is_over": False,
        "is_partial": False,
        "num_aps": 12,
        "usual_users": 41.7,
    }
    down = finding(
        kind="site_down", family="device", metric="", severity="critical", evidence=json.dumps(evidence)
    )
    for hour in (0, 1, 2):
        remember_losses(settings, silent_hours(silent(hour)), START + hour * HOUR)
    with open_ledger(settings) as ledger:
        ledger.record_evaluation(live(3, down))
    [impact] = ask_who_is_hit(settings, START + 3 * HOUR, warn=print).impacts
    assert impact.lost_user_minutes == 3 * 42 * 60
    line = impact_line(impact_view(impact, Surroundings()), is_over=False)  # type: ignore[arg-type]
    assert line == (
        "12 of 12 APs, 126 user-hours lost so far; not known: users: nobody can be counted at a silent site, "
        "about 42 are usual there at that hour"
    )


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
