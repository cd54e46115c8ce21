"""The read model on files: what it answers, how old it is, and what it says when a source cannot be read."""

import os
import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import duckdb
import polars as pl
import pytest

from mist_pipeline.alerts.ledger.database import writing
from mist_pipeline.alerts.ledger.ledger import Ledger
from mist_pipeline.alerts.ledger.reader import LedgerReader
from mist_pipeline.overview.ledger import UnreadableError
from mist_pipeline.warehouse.publish import publish
from mist_pipeline_tests.support.alerts.histories import START, finding, live
from mist_pipeline_tests.support.alerts.ledgers import TELL
from mist_pipeline_tests.support.overview.organisations import AT, HOSTILE, POLLED, Organisation

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Organisation:
    organisation = Organisation(
        tmp_path_factory.mktemp("made"), ("Berlin", "Bonn", "Köln", "Ulm", *HOSTILE)
    ).make()
    with Ledger(organisation.places.ledger) as ledger:
        for hour in (13, 14):
            ledger.record_evaluation(live(hour, finding("site-0", severity="critical")), TELL)
    return organisation


@pytest.fixture
def organisation(made: Organisation, tmp_path: Path) -> Organisation:
    """One of its own for a test that breaks it."""
    shutil.copytree(made.folder, tmp_path / "own")
    return replace(made, folder=tmp_path / "own")


def test_the_organisation_now_is_the_newest_poll_with_the_newest_day(made: Organisation) -> None:
    now = made.overview().now(AT)
    sites = {site.site_id: site for site in now.sites}
    assert [sites[f"site-{number}"].status for number in range(4)] == [
        "CRITICAL",
        "UNHEALTHY",
        "DEGRADED",
        "HEALTHY",
    ]
    first = sites["site-0"]
    assert (first.label, first.groups, first.clients, first.worst_metric) == (
        "Berlin",
        ("North",),
        20,
        "capacity",
    )
    assert (first.trend, first.health, first.health_change) == ("worsening", 90.0, -1.5)
    assert len(first.hours) == 24
    assert None not in first.hours, "yesterday's hours from the copy, today's from the poll"
    assert (sites["site-1"].forecast_metric, sites["site-1"].forecast_days) == ("roaming", 2.4)
    assert now.organisation.counts["CRITICAL"] == 1
    assert now.organisation.counts_before["CRITICAL"] == 0
    assert (now.pipeline.last_poll, now.pipeline.next_poll) == (POLLED, POLLED + timedelta(minutes=15))
    assert now.pipeline.waiting == 1
    (incident,) = now.incidents
    assert (incident.where, incident.severity, first.incident_ids) == (
        "Berlin",
        "critical",
        (incident.incident_id,),
    )


def test_a_site_that_is_gone_is_not_listed_and_keeps_its_name_in_incidents(
    organisation: Organisation,
) -> None:
    pl.read_parquet(organisation.places.sites).filter(pl.col("site_id") != "site-2").write_parquet(
        organisation.places.sites
    )
    warehouse = organisation.warehouse
    with warehouse.writing() as connection:
        for table in ("live.status", "analysis.health_scores"):
            connection.execute(f"DELETE FROM {table} WHERE site_id = 'site-2'")
    organisation.show()
    publish(warehouse, organisation.places.published)
    with Ledger(organisation.places.ledger) as ledger:
        for hour in (14.5, 15):
            ledger.record_evaluation(
                live(hour, finding("site-0", severity="critical"), finding("site-2")), TELL
            )
    now = organisation.overview().now(AT)
    assert "site-2" not in {site.site_id for site in now.sites}
    assert "Köln" in {incident.where for incident in now.incidents}


def test_names_of_strangers_are_clean_and_tell_sites_apart(made: Organisation) -> None:
    labels = [site.label for site in made.overview().now(AT).sites]
    assert len(set(labels)) == len(labels)
    assert all(label.isprintable() and len(label) <= 110 for label in labels)


def test_old_data_never_says_healthy_and_keeps_saying_trouble(made: Organisation) -> None:
    now = made.overview().now(AT + timedelta(minutes=40))
    assert now.organisation.counts["HEALTHY"] == 0
    assert now.organisation.counts["CRITICAL"] == 1
    assert now.live.words(now.at) == "data of 14:45 UTC, 42 min old"
    assert now.pipeline.is_late
    assert {site.last_status for site in now.sites} >= {"HEALTHY"}


@pytest.mark.parametrize("source", ["live", "published"])
@pytest.mark.parametrize("harm", ["gone", "half", "locked"])
def test_a_file_that_cannot_be_read_leaves_its_last_answer_with_its_age(
    organisation: Organisation, source: str, harm: str
) -> None:
    overview = organisation.overview()
    before = overview.now(AT)
    path = getattr(organisation.places, source)
    holder = None
    if harm == "gone":
        path.unlink()
    elif harm == "half":
        path.write_bytes(path.read_bytes()[:5000])
    else:
        organisation.polled(organisation.warehouse, AT)  # so that there is something new to read
        organisation.show() if source == "live" else path.touch()
        holder = duckdb.connect(str(path))
    after = overview.now(AT + timedelta(minutes=5))
    if holder:
        holder.close()
    age = after.live if source == "live" else after.days
    assert path.name in age.trouble
    assert age.as_of == (before.live if source == "live" else before.days).as_of
    assert [(site.status, site.health) for site in after.sites] == [
        (site.status, site.health) for site in before.sites
    ]


@pytest.mark.parametrize(("days", "polls"), [(False, False), (True, False), (False, True)])
def test_what_was_never_made_is_no_error_and_no_good_news(tmp_path: Path, days: bool, polls: bool) -> None:
    organisation = Organisation(tmp_path / "new", ("Berlin", "Bonn", "Köln", "Ulm")).make(
        days=days, polls=polls
    )
    now = organisation.overview().now(AT)
    if not polls:
        assert now.organisation.counts["HEALTHY"] == 0
    assert "nothing was evaluated" in now.ledger.words(AT)
    assert now.ledger.is_stale(AT)


def test_nothing_at_all_is_answered_too(tmp_path: Path) -> None:
    overview = Organisation(tmp_path / "nowhere", ()).overview()
    assert overview.now(AT).sites == []
    assert overview.site("site-9", AT).site.status == "UNKNOWN"
    assert not (tmp_path / "nowhere").exists(), "reading makes nothing"


def test_a_poll_is_seen_by_the_next_question_once_it_is_published(organisation: Organisation) -> None:
    overview = organisation.overview()
    assert {site.site_id: site.status for site in overview.now(AT).sites}["site-3"] == "HEALTHY"
    organisation.polled(organisation.warehouse, AT, site_3=10.0)
    organisation.show()
    site = next(one for one in overview.now(AT).sites if one.site_id == "site-3")
    assert (site.status, site.worst_pct) == ("CRITICAL", 10.0)


def test_reading_waits_neither_for_a_writer_of_the_warehouse_nor_of_the_ledger(
    organisation: Organisation,
) -> None:
    with (
        organisation.warehouse.writing(),
        Ledger(organisation.places.ledger) as ledger,
        writing(ledger.engine),
    ):
        now = organisation.overview().now(AT)
    assert (now.live.trouble, now.ledger.trouble, len(now.incidents)) == ("", "", 1)


def test_one_site_is_told_with_its_metrics_findings_and_incidents(made: Organisation) -> None:
    detail = made.overview().site("site-0", AT)
    worst = detail.metrics[0]
    assert (worst.metric, worst.severity, worst.usual_low_pct, worst.usual_high_pct) == (
        "capacity",
        "critical",
        94,
        98,
    )
    assert len(worst.hours) == 24
    assert worst.days[-1] is not None
    assert detail.findings == [("critical", "capacity", "Capacity is at 62 %.")]
    assert detail.classifiers[0][1] == "weak-signal"
    assert [one.where for one in detail.incidents] == ["Berlin"]


def test_a_site_in_trouble_with_no_incident_says_why_nobody_is_notified(organisation: Organisation) -> None:
    def untold(site_id: str) -> str:
        return organisation.overview().site(site_id, AT).untold

    assert [untold(f"site-{number}") for number in (0, 1, 3)] == [
        "",
        "The newest poll is not evaluated yet.",
        "",
    ]
    with Ledger(organisation.places.ledger) as ledger:
        ledger.record_evaluation(replace(live(15), as_of=POLLED), TELL)
    assert untold("site-1").startswith("No alert: a low score or a deviation alone raises none")
    assert untold("site-3") == ""
    assert organisation.overview().site("site-1", AT + timedelta(hours=2)).untold == "", (
        "old data says nothing"
    )


def test_one_incident_is_told_with_its_history_and_who_was_notified(made: Organisation) -> None:
    overview = made.overview()
    incident = overview.now(AT).incidents[0]
    detail = overview.incident(incident.incident_id, AT)
    assert detail.timeline[0][0] >= START
    assert [row["sink"] for row in detail.records["deliveries"]] == ["mail"]
    assert detail.alerts[0][0] == "critical"


def test_of_many_sites_of_an_incident_the_worst_now_are_drawn_first(tmp_path: Path) -> None:
    made = Organisation(tmp_path, [f"Store {number}" for number in range(12)]).make(days=False)
    with Ledger(made.places.ledger) as ledger:
        hit = [finding(f"site-{number}", severity="critical") for number in range(12)]
        ledger.record_evaluation(live(14, *hit), TELL)
    overview = made.overview()
    detail = overview.incident(overview.now(AT).incidents[0].incident_id, AT)
    assert [one.site_id for one in detail.sites][:3] == ["site-0", "site-1", "site-2"]
    assert [site_id for site_id, _metric in detail.series] == [one.site_id for one in detail.sites]


def test_incidents_are_read_again_once_the_ledger_was_written_and_not_before(
    organisation: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = organisation.places.ledger
    with Ledger(path) as ledger:
        ledger.record_evaluation(live(13, finding("site-0", severity="critical")), TELL)
    for file in Path(path).parent.glob(f"{Path(path).name}*"):
        os.utime(file, ns=(1, 1))
    reads: list[object] = []
    read = LedgerReader.incidents
    monkeypatch.setattr(LedgerReader, "incidents", lambda *given: reads.append(0) or read(*given))
    overview = organisation.overview()
    first = overview.now(AT).incidents
    assert overview.now(AT + timedelta(minutes=1)).incidents is first
    assert len(reads) == 1
    with Ledger(path) as ledger:
        ledger.acknowledge(first[0].incident_id, "ada", AT)
    # Written within the last second: the clock of the file system may hide a second write, so it is read every time.
    assert [overview.now(AT).incidents[0].acknowledged_by for _ in range(2)] == ["ada", "ada"]
    assert len(reads) == 3


def test_an_incident_of_a_ledger_that_is_gone_says_why(organisation: Organisation) -> None:
    Path(organisation.places.ledger).unlink()
    with pytest.raises(UnreadableError, match="nothing was evaluated"):
        organisation.overview().incident("x", AT)


def test_over_incidents_are_listed_by_their_end(organisation: Organisation) -> None:
    overview = organisation.overview()
    with Ledger(organisation.places.ledger) as ledger:
        ledger.resolve(overview.now(AT).incidents[0].incident_id, "ada", AT)
    source, over = overview.incidents(AT, over=True)
    assert [one.progress for one in over] == ["over"]
    assert source.as_of == AT
    assert overview.now(AT).incidents == ()


def test_a_morning_is_as_of_its_report_and_of_nothing_older_than_the_ledger(made: Organisation) -> None:
    overview = made.overview()
    evaluated = overview.now(AT).pipeline.last_evaluation
    assert evaluated is not None
    for minutes, as_of in ((90, evaluated + timedelta(minutes=90)), (-90, evaluated)):
        asked = evaluated + timedelta(minutes=minutes)
        told = overview.morning(evaluated - timedelta(days=1), asked, asked)
        assert (told.at, told.evaluated_at) == (as_of, evaluated)
