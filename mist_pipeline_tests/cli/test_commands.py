"""Every command: what it does, how it refuses, what it exits with; and that no secret is ever printed."""

import csv
import io
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
import typer.main

from mist_pipeline.cli.app import app
from mist_pipeline.http_client.retry import RetryPolicy
from mist_pipeline.settings import load_settings
from mist_pipeline.settings.template import template
from mist_pipeline.simulator.cloud.server import Running, serve
from mist_pipeline.simulator.world.clock import Clock
from mist_pipeline.simulator.world.world import World
from mist_pipeline.tables import history
from mist_pipeline.warehouse.publish import publish
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline_tests.support.cli.calls import Call

COMMANDS = sorted(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
DAY = date(2026, 3, 28)
SECRET = "a-token-that-nobody-may-see"
NOWHERE = "http://127.0.0.1:9"
"""Nothing listens there: the discard port."""


@pytest.fixture(scope="module")
def cloud() -> Iterator[Running]:
    now = datetime(2026, 3, 30, 9, 25, tzinfo=UTC)
    with serve(World(2, 3, seed=3, start=DAY), clock=Clock(now)) as running:
        yield running


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Attempts follow one another without a wait."""
    monkeypatch.setattr(RetryPolicy, "wait", lambda *_, **__: 0.0)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_with_an_example(command: str, call: Call) -> None:
    ended = call(command, "--help")
    assert ended.code == 0
    assert f"Example: mist-pipeline {command}" in ended.text.replace("│", "")


def test_help_lists_every_command(call: Call) -> None:
    ended = call("--help")
    assert ended.code == 0
    assert [command for command in COMMANDS if f" {command} " not in ended.text] == []


def test_an_unknown_command_is_called_wrongly(call: Call) -> None:
    ended = call("reprot")
    assert ended.code == 2
    assert "reprot" in ended.text


class TestInit:
    def test_writes_a_file_that_holds_the_defaults_and_is_read(self, call: Call, folder: Path) -> None:
        ended = call("init")
        assert ended.code == 0
        assert "config/config.yaml" in ended.text
        assert (folder / "config/config.yaml").read_text(encoding="utf-8") == template()
        assert load_settings(environment={}).source == Path("config/config.yaml")

    def test_refuses_to_replace_a_file(self, call: Call, folder: Path) -> None:
        (folder / "mine.yaml").write_text("history: {keep_days: 9}", encoding="utf-8")
        ended = call("init", "--path", "mine.yaml")
        assert ended.code == 2
        assert "mine.yaml is there already" in ended.text
        assert "--force" in ended.text
        assert (folder / "mine.yaml").read_text(encoding="utf-8") == "history: {keep_days: 9}"

    def test_replaces_it_when_told_to(self, call: Call, folder: Path) -> None:
        (folder / "mine.yaml").write_text("old", encoding="utf-8")
        assert call("init", "--path", "mine.yaml", "--force").code == 0
        assert (folder / "mine.yaml").read_text(encoding="utf-8") == template()


class TestConfigurationErrors:
    @pytest.mark.parametrize(
        "arguments",
        [
            ("doctor",),
            ("report",),
            ("retention", "--dry-run"),
            ("sql", "SELECT 1"),
            ("run",),
            ("backfill", "--from", "2026-03-01"),
            ("ui",),
            ("daemon",),
        ],
        ids=lambda arguments: arguments[0],
    )
    def test_a_wrong_key_is_exit_code_2_and_named_with_its_variable(
        self, arguments: tuple[str, ...], call: Call
    ) -> None:
        ended = call(*arguments, MIST_PIPELINE__HISTORY__STRAT="2026-01-01")
        assert ended.code == 2
        assert ended.err.startswith("Configuration:")
        assert "MIST_PIPELINE__HISTORY__STRAT" in ended.err
        assert "did you mean 'history.start'?" in ended.text

    def test_a_wrong_file_is_named(self, call: Call, folder: Path) -> None:
        (folder / "mine.yaml").write_text("thresholds: {forecast_days: 99}", encoding="utf-8")
        ended = call("doctor", MIST_PIPELINE_CONFIG="mine.yaml")
        assert ended.code == 2
        assert "mine.yaml: thresholds.forecast_days" in ended.text

    def test_an_interval_that_does_not_divide_an_hour_starts_no_daemon(self, call: Call) -> None:
        ended = call("daemon", "--interval", "7")
        assert ended.code == 2
        assert "7 does not divide an hour" in ended.text


class TestDoctor:
    def test_programs_get_what_was_found_and_what_to_do(self, call: Call) -> None:
        ended = call("doctor", "--json")
        assert ended.code == 1
        assert {"wrong", "fine"} <= {one["verdict"] for one in json.loads(ended.out)}

    def test_without_a_token_it_says_where_to_get_one(self, call: Call) -> None:
        ended = call("doctor")
        assert ended.code == 1
        assert "MIST_API_TOKEN is not set" in ended.text
        assert "will be made by the first run" in ended.text

    def test_with_a_token_it_finds_the_organisation_and_the_budget(self, call: Call, cloud: Running) -> None:
        ended = call("doctor", MIST_BASE_URL=cloud.base_url, MIST_API_TOKEN=cloud.token)
        assert ended.code == 0
        assert cloud.org_id in ended.text.replace(" ", "")
        assert "calls left this hour" in ended.text
        assert cloud.token not in ended.text

    def test_a_wrong_token_is_reported_without_showing_it(self, call: Call, cloud: Running) -> None:
        ended = call("doctor", MIST_BASE_URL=cloud.base_url, MIST_API_TOKEN=SECRET)
        assert ended.code == 1
        assert "401" in ended.text
        assert "create a new token" in ended.text
        assert SECRET not in ended.text

    @pytest.mark.slow
    def test_an_unreachable_cloud_is_reported_with_its_address(self, call: Call, impatient: None) -> None:
        ended = call("doctor", MIST_BASE_URL=NOWHERE, MIST_API_TOKEN=SECRET)
        assert ended.code == 1
        assert f"is {NOWHERE} right and reachable?" in ended.text
        assert SECRET not in ended.text

    @pytest.mark.slow
    def test_it_tells_how_fresh_the_warehouse_is(self, call: Call, published: Warehouse) -> None:
        ended = call("doctor")
        assert f"1 days, newest {DAY}" in ended.text
        assert "`mist-pipeline backfill` fills the gap" in ended.text


@pytest.fixture
def published(folder: Path) -> Warehouse:
    """A warehouse with two readings, and its published copy."""
    settings = load_settings(environment={})
    warehouse = Warehouse(settings.warehouse_path)
    rows = pl.DataFrame(
        {
            "day": [DAY, DAY],
            "site_id": ["site-1", "site-2"],
            "metric": ["capacity", "capacity"],
            "score_pct": [95.5, None],
            "state": ["ok", "no_users"],
        }
    )
    absent = {
        name: pl.lit(None, dtype)
        for name, dtype in history.SLE_DAILY.polars_schema().items()
        if name not in rows.columns
    }
    warehouse.replace_days(history.SLE_DAILY, rows.with_columns(**absent), [DAY])
    publish(Warehouse(settings.warehouse_path), settings.published_path)
    return warehouse


class TestSql:
    QUERY = "SELECT day, site_id, score_pct, ['a', 'b'] AS parts FROM history.sle_daily ORDER BY site_id"

    def test_before_anything_is_published_it_says_what_publishes(self, call: Call) -> None:
        ended = call("sql", "SELECT 1")
        assert ended.code == 1
        assert "Nothing is published in data/published yet; `mist-pipeline run` publishes." in ended.text

    @pytest.mark.slow
    def test_prints_a_table_for_people(self, call: Call, published: Warehouse) -> None:
        ended = call("sql", self.QUERY)
        assert ended.code == 0
        assert "site-1" in ended.out
        assert "95.5" in ended.out
        assert ended.out.endswith("2 rows\n")

    @pytest.mark.slow
    def test_prints_csv_for_programs(self, call: Call, published: Warehouse) -> None:
        rows = list(csv.DictReader(io.StringIO(call("sql", self.QUERY, "--csv").out)))
        assert rows == [
            {"day": "2026-03-28", "site_id": "site-1", "score_pct": "95.5", "parts": "a b"},
            {"day": "2026-03-28", "site_id": "site-2", "score_pct": "", "parts": "a b"},
        ]

    @pytest.mark.slow
    def test_prints_json_for_programs(self, call: Call, published: Warehouse) -> None:
        assert json.loads(call("sql", self.QUERY, "--json").out)[1] == {
            "day": "2026-03-28",
            "site_id": "site-2",
            "score_pct": None,
            "parts": ["a", "b"],
        }

    @pytest.mark.slow
    @pytest.mark.parametrize(
        "query", ["SELECT nothing FROM nowhere", "SELEKT", "DELETE FROM history.sle_daily"]
    )
    def test_a_query_that_fails_exits_with_1_and_says_why(
        self, query: str, call: Call, published: Warehouse
    ) -> None:
        ended = call("sql", query)
        assert ended.code == 1
        assert "Error" in ended.err
        assert ended.out == ""

    @pytest.mark.slow
    def test_reading_writes_no_other_file(self, call: Call, published: Warehouse, folder: Path) -> None:
        target = folder / "out.csv"
        ended = call("sql", f"COPY (SELECT 1) TO '{target}'")
        assert (ended.code, ended.out, target.exists()) == (1, "", False)
        assert "Permission Error" in ended.err

    @pytest.mark.slow
    def test_an_empty_query_says_so(self, call: Call, published: Warehouse) -> None:
        ended = call("sql", "")
        assert (ended.code, ended.out) == (1, "")
        assert "the query is empty" in ended.err

    @pytest.mark.slow
    def test_several_statements_are_answered_one_after_another(
        self, call: Call, published: Warehouse, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        query = "SELECT 41 + 1 AS answer; SELECT 'x' AS letter"
        both = call("sql", query)
        assert both.out.splitlines() == ["answer", "    42", "1 row", "letter", "x", "1 row"]
        assert json.loads(call("sql", query, "--json").out) == [{"letter": "x"}]
        monkeypatch.setattr("sys.stdin", io.StringIO(query))
        assert call("sql", "-").out == both.out
        failing = call("sql", "SELECT 1; SELEKT; SELECT 2")
        assert (failing.code, "Parser Error" in failing.err) == (1, True)

    @pytest.mark.slow
    def test_rows_become_a_parquet_file(self, call: Call, published: Warehouse, folder: Path) -> None:
        assert "Wrote 2 rows to rows.parquet" in call("sql", self.QUERY, "--parquet", "rows.parquet").text
        assert pl.read_parquet(folder / "rows.parquet")["parts"].to_list() == [["a", "b"]] * 2

    @pytest.mark.slow
    def test_a_file_that_cannot_be_written_is_not_taken_for_nothing_published(
        self, call: Call, published: Warehouse, folder: Path
    ) -> None:
        (folder / "rows.parquet").mkdir()
        ended = call("sql", self.QUERY, "--parquet", "rows.parquet")
        assert ended.code == 1
        assert "rows.parquet" in ended.text
        assert "published" not in ended.text


class TestReport:
    @pytest.mark.parametrize(
        ("word", "day"), [("yesterday", "2026-03-28"), ("saturday", "2026-03-28"), ("today", "2026-03-29")]
    )
    def test_a_day_may_be_a_word(self, word: str, day: str, call: Call, folder: Path) -> None:
        (folder / "data/scene.json").write_text('{"now": "2026-03-29T09:25:00+00:00"}', encoding="utf-8")
        place = folder / "data/reports/history" / day
        place.mkdir(parents=True)
        (place / "page.txt").write_text("told", encoding="utf-8")
        (place / "page.html").write_text("<html>", encoding="utf-8")
        assert "told" in call("report", "--day", word).out

    def test_before_the_first_it_says_how_to_make_one(self, call: Call) -> None:
        ended = call("report")
        assert ended.code == 1
        assert "There is none yet" in ended.text
        assert "mist-pipeline run --mode report" in ended.text

    def test_prints_the_newest_and_says_where_its_page_is(self, call: Call, folder: Path) -> None:
        for day, text in (("2026-03-27", "older"), ("2026-03-28", "[bold]newest[/]")):
            place = folder / "data/reports/history" / day
            place.mkdir(parents=True)
            (place / "page.txt").write_text(text, encoding="utf-8")
            (place / "page.html").write_text("<html>", encoding="utf-8")
        ended = call("report")
        assert ended.code == 0
        assert "[bold]newest[/]" in ended.out, "a site's name is printed as it is, not as markup"
        assert "data/reports/history/2026-03-28/page.html" in ended.text
        assert "older" in call("report", "--day", "2026-03-27").out
        (folder / "data/reports/history/2026-03-28/page.json").write_text('{"version": 2}', encoding="utf-8")
        assert json.loads(call("report", "--json").out) == {"version": 2}
        absent = call("report", "--day", "2026-03-20")
        assert absent.code == 1
        assert "There are 2026-03-27 … 2026-03-28" in absent.text

    @pytest.mark.parametrize("day", ["today", "2030-01-01"])
    def test_a_day_that_is_not_over_has_none(self, day: str, call: Call, folder: Path) -> None:
        (folder / "data/scene.json").write_text('{"now": "2026-03-29T09:25:00+00:00"}', encoding="utf-8")
        ended = call("report", "--day", day)
        assert ended.code == 2
        assert "is not over yet; the last whole day is 2026-03-28." in ended.text


def tomorrow() -> date:
    """A day that is not over, however long a test takes."""
    return datetime.now(UTC).date() + timedelta(days=1)


class TestDaysThatCannotBeRun:
    @pytest.mark.parametrize(
        "arguments", [("run", "--day"), ("backfill", "--from")], ids=lambda part: part[0]
    )
    def test_days_before_history_are_refused_with_the_setting(
        self, arguments: tuple[str, ...], call: Call
    ) -> None:
        ended = call(*arguments, "2025-12-31")
        assert ended.code == 2
        assert "2025-12-31 is before the first day of history, 2026-01-01" in ended.text
        assert "MIST_PIPELINE__HISTORY__START=2025-12-31" in ended.text

    def test_a_day_that_is_not_over_is_refused(self, call: Call) -> None:
        for arguments in (
            ("run", "--day", str(tomorrow())),
            ("backfill", "--from", "2026-01-01", "--to", str(tomorrow())),
        ):
            ended = call(*arguments)
            assert ended.code == 2
            assert f"{tomorrow()} is not over yet" in ended.text

    @pytest.mark.parametrize(
        ("zone", "instant", "yesterday"),
        [
            ("UTC", "2026-03-28T23:30:00", "2026-03-27"),
            ("Pacific/Auckland", "2026-03-28T11:30:00", "2026-03-28"),
            ("America/Los_Angeles", "2026-03-29T06:59:00", "2026-03-27"),
        ],
    )
    def test_the_organisations_zone_decides_when_a_day_is_over(
        self, zone: str, instant: str, yesterday: str, call: Call
    ) -> None:
        day = str(date.fromisoformat(yesterday) + timedelta(days=1))
        ended = call("run", "--day", day, "--as-of", instant, MIST_PIPELINE__ORGANISATION__TIMEZONE=zone)
        assert ended.code == 2
        assert f"{day} is not over yet; the last whole day is {yesterday}." in ended.text

    def test_a_first_day_after_the_last_is_refused(self, call: Call) -> None:
        ended = call("backfill", "--from", "2026-02-02", "--to", "2026-02-01")
        assert ended.code == 2
        assert "--from 2026-02-02 is after --to 2026-02-01." in ended.text

    @pytest.mark.parametrize(
        "arguments",
        [
            ("run", "--mode", "everything"),
            ("run", "--day", "soon"),
            ("backfill",),
            ("backfill", "--from", "31.1."),
        ],
        ids=" ".join,
    )
    def test_what_is_no_mode_or_no_day_is_called_wrongly(
        self, arguments: tuple[str, ...], call: Call
    ) -> None:
        assert call(*arguments).code == 2


class TestRetention:
    def test_a_dry_run_without_anything_to_do_says_so(self, call: Call, folder: Path) -> None:
        archive = folder / "data/reports/archive"
        archive.mkdir(parents=True)
        for days in (6, 7):  # last week, also if midnight passes meanwhile
            year, week, _ = (datetime.now(UTC).date() - timedelta(days=days)).isocalendar()
            (archive / f"weekly-{year}-W{week:02d}.txt").write_text("the week", encoding="utf-8")
        ended = call("retention", "--dry-run")
        assert ended.code == 0
        assert ended.out.endswith("Nothing is old enough.\n")

    def test_a_dry_run_names_what_it_would_move_and_moves_nothing(self, call: Call, folder: Path) -> None:
        page = folder / "data/reports/history/2026-01-05/page.html"
        page.parent.mkdir(parents=True)
        page.write_text("<html>", encoding="utf-8")
        before = sorted(path for path in folder.rglob("*") if path.is_file())
        ended = call("retention", "--dry-run")
        assert ended.code == 0
        assert "pack 1 files (6 bytes) as reports-2026-01-05.tar.gz" in ended.text
        assert "write the summary of" in ended.text
        assert sorted(path for path in folder.rglob("*") if path.is_file()) == before


class TestSimulate:
    @pytest.mark.parametrize(
        ("fault", "expected"),
        [
            ("earthquake=0.1", "kinds are"),
            ("bad_gateway", "KIND=SHARE"),
            ("bad_gateway=often", "KIND=SHARE"),
            ("bad_gateway=5", "add up to at most 1"),
            ("bad_gateway=-0.1", "add up to at most 1"),
        ],
    )
    def test_what_is_no_fault_is_called_wrongly(self, fault: str, expected: str, call: Call) -> None:
        ended = call("simulate", "--port", "0", "--fault", fault)
        assert ended.code == 2
        assert "--fault" in ended.text
        assert expected in ended.text.replace("│ ", "")


@pytest.mark.slow
def test_a_backfill_for_which_the_calls_do_not_suffice_says_what_it_did_not_ask_and_how_to_get_it(
    call: Call, cloud: Running
) -> None:
    # A fifth of the calls is reserved for looks; the scores of two days alone are 48.
    words = f"backfill --from {DAY} --to 2026-03-29 --mode monitor --as-of 2026-03-30T09:25:00"
    ended = call(
        *words.split(),
        MIST_BASE_URL=cloud.base_url,
        MIST_API_TOKEN=cloud.token,
        MIST_PIPELINE__MIST__CALLS_PER_HOUR="75",
        MIST_PIPELINE__HISTORY__START=str(DAY),
    )
    assert ended.code == 0
    assert "not asked: clients by hour on" in ended.text
    assert (
        f"MIST_PIPELINE__MIST__DETAIL=full mist-pipeline backfill --from {DAY} --to 2026-03-29" in ended.text
    )
    assert "waits about 1 h for calls" in ended.text


@pytest.mark.slow
def test_a_run_against_an_unreachable_cloud_fails_without_showing_the_token(
    call: Call, folder: Path, impatient: None
) -> None:
    ended = call(
        "run", "--mode", "monitor", "--day", "2026-03-01", MIST_BASE_URL=NOWHERE, MIST_API_TOKEN=SECRET
    )
    assert ended.code == 1
    assert "Failed:" in ended.err
    assert "raw__sites" in ended.err
    assert SECRET not in ended.text
    leaking = [path for path in folder.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()]
    assert leaking == []


@pytest.mark.slow
def test_a_run_without_a_token_says_where_to_get_one(call: Call) -> None:
    ended = call("run", "--mode", "monitor", "--day", "2026-03-01")
    assert ended.code == 1
    assert "MIST_API_TOKEN is not set" in ended.text
