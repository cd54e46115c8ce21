"""Decisions made on the screen, with a real ledger; and publishing a poll."""

from datetime import timedelta
from pathlib import Path

import pytest

from mist_pipeline.overview.actions import ActionFailedError
from mist_pipeline.settings import Settings, load_settings
from mist_pipeline.workflows.ledger_access import notification_rules, open_ledger
from mist_pipeline.workflows.present.actions import ScreenActions
from mist_pipeline.workflows.present.overview import overview, show_poll
from mist_pipeline_tests.support.alerts.histories import finding, live
from mist_pipeline_tests.support.overview.organisations import AT, Organisation

pytestmark = pytest.mark.slow


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """An organisation with an incident at Berlin."""
    Organisation(tmp_path / "data", ("Berlin", "Bonn")).make(days=False)
    path = tmp_path / "config.yaml"
    path.write_text("notifications: {sinks: {mail: {type: file}}, routes: [{name: all, sinks: [mail]}]}\n")
    made = load_settings(path, {"MIST_PIPELINE_DATA": str(tmp_path / "data")})
    with open_ledger(made) as ledger:
        for hour in (13, 14):
            ledger.record_evaluation(
                live(hour, finding("site-0", severity="critical")), notification_rules(made)
            )
    return made


def only_incident(settings: Settings) -> str:
    (incident,) = overview(settings).now(AT).incidents
    return incident.incident_id


def test_who_takes_and_closes_an_incident_stands_in_the_ledger(settings: Settings) -> None:
    actions, name = ScreenActions(settings, "ada"), only_incident(settings)
    assert "is acknowledged by ada" in actions.acknowledge(name, AT)
    assert "nothing changes" in actions.acknowledge(name, AT)
    assert "is closed by ada" in actions.resolve(name, AT)
    assert "nothing changes" in actions.resolve(name, AT)
    detail = overview(settings).incident(name, AT)
    assert any("acknowledged by ada" in words for _, words in detail.timeline)


def test_a_silence_says_what_it_covers_and_is_kept_with_its_author(settings: Settings) -> None:
    actions = ScreenActions(settings, "ada")
    assert actions.preview('site_id="site-0"', AT).startswith("Covers 1 site, and 1 incident going on: ")
    assert actions.preview('site="Bonn"', AT) == "Covers 1 site, and no incident that goes on"
    assert "1 incident silenced now" in actions.silence(
        'site_id="site-0"', timedelta(hours=2), "new switches", AT
    )
    with open_ledger(settings) as ledger:
        (kept,) = ledger.silences(AT)
    assert (kept.created_by, kept.comment, kept.ends_at) == ("ada", "new switches", AT + timedelta(hours=2))


@pytest.mark.parametrize("matchers", ["", "site=~(", "site", 'site="Nowhere"'])
def test_a_silence_that_means_nothing_is_refused_with_its_reason(settings: Settings, matchers: str) -> None:
    actions = ScreenActions(settings, "ada")
    with pytest.raises(ActionFailedError):
        actions.preview(matchers, AT)
    with pytest.raises(ActionFailedError):
        actions.silence(matchers, timedelta(hours=2), "", AT)
    with open_ledger(settings) as ledger:
        assert ledger.silences(AT) == []


def test_an_incident_that_is_not_there_is_refused(settings: Settings) -> None:
    with pytest.raises(ActionFailedError, match="no incident"):
        ScreenActions(settings, "ada").acknowledge("nothing", AT)


def test_a_poll_that_cannot_be_published_warns_and_goes_on(settings: Settings) -> None:
    warnings: list[str] = []
    show_poll(settings, warnings.append)
    assert warnings == []
    settings.warehouse_path.unlink()
    show_poll(settings, warnings.append)
    assert "not published" in warnings[0]
    assert overview(settings).now(AT).live.trouble == "", "the last one is still there"
