"""The prompt of ``sql``: what is typed, completed and kept."""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document
from prompt_toolkit.history import FileHistory, InMemoryHistory
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

from mist_pipeline.cli.printing.options import Output
from mist_pipeline.cli.reading.prompt import Names, begin, kept_history
from mist_pipeline.cli.reading.sql import answer

TABLES = {"history.sle_daily": ("day", "site_id", "score_pct"), "worst_sites": ("site_id", "num_critical")}


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as opened:
        opened.execute("CREATE SCHEMA history; CREATE TABLE history.sle_daily (day DATE, score_pct DOUBLE)")
        opened.execute("COMMENT ON COLUMN history.sle_daily.score_pct IS 'Of the day'")
        yield opened


def typed(connection: duckdb.DuckDBPyConnection, keys: str) -> None:
    """Types these keys at a prompt, and leaves."""
    with create_pipe_input() as pipe, create_app_session(input=pipe, output=DummyOutput()):
        pipe.send_text(f"{keys}\x04")
        begin(connection, Output(), answer, InMemoryHistory())


def test_a_statement_goes_over_lines_and_a_mistake_ends_nothing(
    connection: duckdb.DuckDBPyConnection, capsys: pytest.CaptureFixture[str]
) -> None:
    typed(connection, "SELECT 41\r+ 1 AS x;\rSELEKT;\rSELECT 7 AS y; SELECT 8 AS z;\r")
    said = capsys.readouterr()
    assert [line.strip() for line in said.out.splitlines() if line.strip().isdigit()] == ["42", "7", "8"]
    assert "Parser Error" in said.err


def test_commands_with_a_dot_need_no_semicolon(
    connection: duckdb.DuckDBPyConnection, capsys: pytest.CaptureFixture[str]
) -> None:
    typed(
        connection,
        ".tables\r.columns history.sle_daily\r.columns sle_daily'; DROP TABLE x\r.nonsense\r.help\r",
    )
    said = capsys.readouterr()
    assert "history.sle_daily" in said.out
    assert "Of the day" in said.out
    assert "There is no '.nonsense'; .help lists what there is." in said.out
    assert "throws away what is typed" in said.out
    assert said.err == ""


def test_what_is_thrown_away_is_not_asked(
    connection: duckdb.DuckDBPyConnection, capsys: pytest.CaptureFixture[str]
) -> None:
    typed(connection, "SELECT 1 AS gone\x03SELECT 2 AS kept;\r.quit\r")
    assert "gone" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("FROM wor", ["worst_sites"]),
        ("FROM history.s", ["history.sle_daily"]),
        ("SELECT num", ["num_critical"]),
        ("SELECT worst_sites.s", ["worst_sites.site_id"]),
        (".co", [".columns"]),
        (".columns w", ["worst_sites"]),
        ("SEL", ["SELECT"]),
    ],
)
def test_tab_completes_tables_columns_and_words(text: str, expected: list[str]) -> None:
    found = Names(TABLES).get_completions(Document(text), CompleteEvent(completion_requested=True))
    assert [one.text for one in found] == expected


def test_columns_of_the_tables_that_are_named_come_first() -> None:
    text = "FROM worst_sites ORDER BY s"
    found = [one.text for one in Names(TABLES).get_completions(Document(text), CompleteEvent())]
    assert found[0] == "site_id"


def test_what_was_typed_is_kept_for_next_time_where_it_can_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    history = kept_history()
    assert isinstance(history, FileHistory)
    assert history.filename == str(tmp_path / "mist-pipeline/sql_history")
    monkeypatch.setenv("XDG_STATE_HOME", "/dev/null")
    assert isinstance(kept_history(), InMemoryHistory)
