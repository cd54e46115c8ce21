"""``status``, ``site`` and ``incident``: the answers of the read model on a terminal, for programs, and as an exit code."""

import csv
import io
import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from mist_pipeline.alerts.ledger.ledger import Ledger
from mist_pipeline.cli.console import console
from mist_pipeline.overview.brief.verdict import verdict
from mist_pipeline.overview.model import IncidentNow, Now, OrganisationNow, PipelineNow, Source
from mist_pipeline_tests.support.alerts.histories import finding, live
from mist_pipeline_tests.support.cli.calls import Call, Ended
from mist_pipeline_tests.support.overview.organisations import AT, HOSTILE, Organisation

FRESH = timedelta(minutes=30)
INCIDENT = IncidentNow(
    incident_id="i" * 16, severity="major", state="open", progress="going on", began_at=AT, opened_at=AT, last_bad_at=None, resolved_at=None,
    where="Bonn", what="Coverage is 61 %.", site_ids=("s1",), family="coverage", acknowledged_by="", withheld="", num_alerts=1,
)  # fmt: skip
WELL = Now(
    at=AT,
    live=Source(name="live", as_of=AT, stale_after=FRESH),
    days=Source(name="days", as_of=AT),
    ledger=Source(name="ledger", as_of=AT),
    organisation=OrganisationNow(),
    pipeline=PipelineNow(),
)


@pytest.mark.parametrize(
    ("now", "code", "said"),
    [
        (WELL, 0, "OK: no incident at 0 sites"),
        (replace(WELL, incidents=[INCIDENT]), 1, "WARNING: 1 incident (1 major), the worst at Bonn: Coverage is 61 %."),
        (replace(WELL, incidents=[replace(INCIDENT, severity="critical")]), 2, "CRITICAL: 1 incident (1 critical"),
        (replace(WELL, incidents=[replace(INCIDENT, state="acknowledged")]), 1, "; 1 acknowledged)"),
        (replace(WELL, live=Source(name="live", as_of=AT - 2 * FRESH, stale_after=FRESH)), 2, "the sites are not seen"),
        (replace(WELL, live=Source(name="live", trouble="today.duckdb is not there", stale_after=FRESH)), 2, "not seen"),
        (replace(WELL, live=replace(WELL.live, trouble="locked")), 1, "WARNING: sites"),
        (replace(WELL, ledger=Source(name="ledger", trouble="no ledger yet")), 2, "incidents are not known"),
        (replace(WELL, ledger=replace(WELL.ledger, trouble="does not answer")), 2, "does not answer"),
        (replace(WELL, pipeline=PipelineNow(failing={"mail": "fails for 2 h"})), 1, "the sink mail fails for 2 h"),
        (replace(WELL, days=Source(name="days")), 1, "whole days: no data yet"),
    ],
)  # fmt: skip
def test_incidents_and_what_cannot_be_seen_decide_how_it_stands(now: Now, code: int, said: str) -> None:
    found = verdict(now)
    assert found.code == code
    assert said in found.sentence


@pytest.fixture(scope="module")
def organisation(tmp_path_factory: pytest.TempPathFactory) -> Organisation:
    names = ("Berlin", "Bonn", "Ulm", "Ulm", "Bonn-Beuel", *HOSTILE)
    made = Organisation(tmp_path_factory.mktemp("standing"), names).make()
    with Ledger(made.places.ledger) as ledger:
        ledger.record_evaluation(live(14, finding("site-0", severity="critical")))
        ledger.record_evaluation(live(14.5, finding("site-0", severity="critical")))
    return made


@pytest.fixture
def ask(call: Call, organisation: Organisation) -> Call:
    def asked(*arguments: str) -> Ended:
        return call(*arguments, "--as-of", AT.isoformat(), MIST_PIPELINE_DATA=str(organisation.folder))

    return asked


@pytest.mark.slow
class TestStatus:
    def test_the_first_line_and_the_exit_code_are_for_checks(self, ask: Call) -> None:
        ended = ask("status", "--short")
        assert (ended.code, ended.out.count("\n")) == (2, 1)
        assert ended.out.startswith("CRITICAL: 1 incident (1 critical), the worst at Berlin")

    def test_the_screen_names_incidents_sites_and_the_age_of_the_data(self, ask: Call) -> None:
        ended = ask("status")
        assert "Data of 14:45 UTC, 2 min old" in ended.out
        assert "Incidents" in ended.out
        assert "Sites in trouble" in ended.out
        assert max(map(len, ended.out.splitlines()[1:])) <= 120

    def test_programs_get_the_same(self, ask: Call) -> None:
        told = json.loads(ask("status", "--json").out)
        assert (told["level"], told["code"], told["sites"]["total"]) == ("CRITICAL", 2, 11)
        assert [one["where"] for one in told["incidents"]] == ["Berlin"]
        assert told["sources"]["live"]["age_seconds"] == 120

    def test_without_any_data_nothing_is_well(self, call: Call) -> None:
        ended = call("status")
        assert ended.code == 2
        assert "the sites are not seen" in ended.out


@pytest.mark.slow
class TestSite:
    @pytest.mark.parametrize("name", ["berlin", "BERL", "site-0"])
    def test_a_name_an_id_or_a_beginning_will_do(self, name: str, ask: Call) -> None:
        ended = ask("site", name)
        assert ended.code == 0
        assert "Berlin" in ended.out.splitlines()[0]
        assert "Service levels" in ended.out
        assert json.loads(ask("site", name, "--json").out)["site"]["site_id"] == "site-0"

    @pytest.mark.parametrize(
        ("name", "said"),
        [
            ("Ulm", "2 sites are meant by 'Ulm'"),
            ("Bo", "2 sites are meant by 'Bo': Bonn (site-1), Bonn-Beuel (site-4)"),
            ("Brelin", "there is no site 'Brelin'; did you mean 'Berlin'?"),
            ("\x1b[31m", "there is no site"),
        ],
    )
    def test_what_is_not_clear_is_refused_with_what_could_be_meant(
        self, name: str, said: str, ask: Call
    ) -> None:
        ended = ask("site", name)
        assert ended.code == 2
        assert said in " ".join(ended.err.replace("│", " ").split())
        assert "\x1b" not in ended.err

    def test_an_exact_name_wins_over_a_beginning(self, ask: Call) -> None:
        assert json.loads(ask("site", "Bonn", "--json").out)["site"]["site_id"] == "site-1"

    def test_all_sites_are_a_list_in_every_form(
        self, ask: Call, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        lines = ask("site").out.splitlines()
        assert lines[0].split()[:2] == ["status", "site"]
        assert len(lines) == 11 + 2
        assert [one["site_id"] for one in json.loads(ask("site", "--json", "--filter", "berlin").out)] == [
            "site-0"
        ]
        rows = list(csv.DictReader(io.StringIO(ask("site", "--csv").out)))
        assert {row["site_id"] for row in rows} == {f"site-{n}" for n in range(11)}
        file = tmp_path_factory.mktemp("rows") / "sites.parquet"
        assert "Wrote 11 rows" in ask("site", "--parquet", str(file)).text
        assert pl.read_parquet(file).schema["health"] == pl.Float64

    def test_a_row_is_a_line_that_fits_the_terminal(self, ask: Call, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(type(console), "is_terminal", property(lambda _: True))
        monkeypatch.setattr(console, "width", 80)
        lines = ask("site").out.splitlines()
        assert len(lines) == 11 + 2
        assert max(map(len, lines[:-1])) <= 80
        assert max(map(len, ask("site", "--wide").out.splitlines())) > 80


@pytest.mark.slow
def test_an_incident_is_shown_by_the_beginning_of_its_id_as_alerts_show_does(
    ask: Call, call: Call, organisation: Organisation
) -> None:
    (one,) = json.loads(ask("status", "--json").out)["incidents"]
    ended = ask("incident", one["incident_id"][:4])
    assert ended.code == 0
    assert "What happened" in ended.out
    place = {"MIST_PIPELINE_DATA": str(organisation.folder)}
    assert ended.out == call("alerts", "--as-of", AT.isoformat(), "show", one["incident_id"], **place).out
    assert ask("incident", "zz").code == 2


def test_two_forms_at_once_are_refused(call: Call) -> None:
    ended = call("alerts", "list", "--json", "--csv")
    assert ended.code == 2
    assert "give one of --json, --csv" in ended.text


def test_parquet_into_a_folder_that_is_not_there_is_refused(call: Call) -> None:
    ended = call("alerts", "list", "--parquet", "nowhere/x.parquet")
    assert ended.code == 2
    assert "there is no folder" in ended.text


def test_the_version_is_said(call: Call) -> None:
    assert call("--version").out == "mist-pipeline 0.1.0\n"


@pytest.fixture
def several(organisation: Organisation, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory of three organisations: one on disk, one without data, one that is configured wrongly."""
    (folder / "config" / "organisations").mkdir(parents=True)
    for key, text in (
        ("acme", "organisation: {name: <b>Acme</b>}"),
        ("globex", ""),
        ("wrong", "history: {keep_day: 9}"),
    ):
        (folder / "config" / "organisations" / f"{key}.yaml").write_text(text, encoding="utf-8")
    (folder / "data" / "acme").symlink_to(organisation.folder)
    monkeypatch.setenv("MIST_PIPELINE_ORG", "")
    return folder


@pytest.mark.slow
def test_of_several_each_has_a_line_and_the_worst_decides(several: Path, call: Call) -> None:
    at = ("--as-of", AT.isoformat())
    ended = call("status", *at)
    assert ended.code == 2
    lines = ended.out.splitlines()
    assert lines[0].startswith("CRITICAL: 3 of 3 organisations, the worst acme")
    rows = [line.split()[2] for line in lines[3:]]
    assert rows[0] == "acme"
    assert sorted(rows[1:]) == ["globex", "wrong"]
    assert "its configuration" in ended.text
    assert call("status", "--short", *at).out.splitlines() == lines[:1]
    known = json.loads(call("status", "--json", *at).out)
    assert [one["is_seen"] for one in known["organisations"]] == [True, False, False]
    once = call("watch", "--once", *at).out
    assert once.splitlines()[1:] == lines[2:]
    assert json.loads(call("watch", "--json", *at).out) == known
    assert call("status", "--org", "acme", "--short", *at).out.startswith("CRITICAL: 1 incident")
