"""What a query shows runs nothing: no formula in a spreadsheet, no sequence in a terminal; and it is still the data."""

import csv
import io
import json
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import polars as pl
import pytest
from rich.console import Console

from mist_pipeline.cli.console import literal
from mist_pipeline.cli.printing.answers import UnshownError, answers_of
from mist_pipeline.cli.printing.frames import csv_of, json_of, table_of
from mist_pipeline_tests.support.cli.calls import Call

FORMULAS = [
    "=1+1",
    "+1+1",
    "-1+cmd|' /C calc'!A0",
    "@SUM(A1)",
    " =1",
    "\t=1",
    "\r=1",
    "\n=1",
    "＝1",
    "\u200b=1",
    "-",
    "=\x1b[2J",
]
HARMLESS = [
    "",
    "Cologne 3",
    "-5.2",
    "+49",
    "1e-3",
    "-2E+5",
    "a=b",
    "Ünïcode",
    "قم\u200cها",
    "0123",
    'say "hi"',
    "a,b;c",
]
SEQUENCES = ["\x1b[31m", "\x1b]0;owned\x07", "\x9b2J", "\x08\x08", "\u202e", "\x7f", "\u2028", "\ue000"]


def read(text: str, delimiter: str = ",") -> list[list[str]]:
    return list(csv.reader(io.StringIO(text), delimiter=delimiter))


def test_no_cell_begins_a_formula() -> None:
    rows = read(csv_of(pl.DataFrame({"site": FORMULAS})))
    assert len(rows) == len(FORMULAS) + 1
    assert all(cell.startswith("'") or cell.isspace() for (cell,) in rows[1:])


def test_what_is_no_formula_stays_as_it_is() -> None:
    assert [cell for (cell,) in read(csv_of(pl.DataFrame({"site": HARMLESS})))[1:]] == HARMLESS


def test_a_spreadsheet_that_splits_at_semicolons_finds_no_formula_either() -> None:
    ((cell,),) = read(csv_of(pl.DataFrame({"site": ["x;=cmd|' /C calc'!A0"]})), ";")[1:]
    assert cell == "x;=cmd|' /C calc'!A0"


def in_lines(frame: pl.DataFrame) -> str:
    return "\n".join(line.plain for line in table_of(frame, 200))


@pytest.mark.parametrize("sequence", SEQUENCES, ids=ascii)
@pytest.mark.parametrize("show", [csv_of, json_of, in_lines], ids=["csv", "json", "table"])
def test_no_terminal_obeys_a_name(sequence: str, show: object) -> None:
    text = f"a{sequence}b"
    frame = pl.DataFrame(
        {
            "text": [text],
            "list": [[text, "c"]],
            "struct": [{text: text}],
            f"heading {sequence}": [1],
            "kind": pl.Series([text], dtype=pl.Categorical),
            "deep": [[{"name": text}]],
        }
    )
    shown = show(frame)  # type: ignore[operator]
    assert set(sequence) & set(shown) <= set("[]0;owned31m2J")


def test_headings_that_are_names_of_sites_run_nothing_and_stay_apart() -> None:
    frame = pl.DataFrame({"=cmd()": [1], "a\x1bb": [2], "a\x07b": [3], "a b": [4], "^.*$": ["=1"]})
    heading, row = read(csv_of(frame))
    assert heading == ["'=cmd()", "a b", "a b (2)", "a b (3)", "^.*$"]
    assert row == ["1", "2", "3", "4", "'=1"]


def test_every_kind_of_value_can_be_printed() -> None:
    frame = pl.DataFrame(
        {
            "at": [datetime(2026, 3, 1, tzinfo=UTC), None],
            "numbers": [[1, 2], None],
            "bytes": [b"\x00\xff", None],
            "bytes_list": [[b"\x00"], None],
            "none": [None, None],
            "flag": [True, None],
            "number": [-1.5, None],
            "map": [[{"key": "a", "value": 1}], None],
        }
    )
    heading, first, second = read(csv_of(frame, "%Y-%m-%dT%H:%M:%SZ"))
    assert dict(zip(heading, first, strict=True)) == {
        "at": "2026-03-01T00:00:00Z",
        "numbers": "1 2",
        "bytes": "00ff",
        "bytes_list": "[\"b'\\\\x00'\"]",
        "none": "",
        "flag": "true",
        "number": "-1.5",
        "map": '[{"key": "a", "value": 1}]',
    }
    assert set(second) == {""}
    assert json.loads(json_of(frame))[0]["number"] == -1.5
    assert "2 rows" in in_lines(frame)


def test_a_frame_without_rows_has_a_heading() -> None:
    assert csv_of(pl.DataFrame(schema={"site": pl.String, "users": pl.Int64})) == "site,users\n"


@pytest.mark.slow
def test_what_is_quoted_in_an_error_is_neither_markup_nor_obeyed(call: Call, folder: Path) -> None:
    pin = {"id": "o-1", "name": "\x1b]0;owned\x07[bold]Acme[/red]\x9b2J\\", "cloud": "https://api.mist.com"}
    (folder / "data" / "organisation.json").write_text(json.dumps(pin), encoding="utf-8")
    ended = call("doctor")
    assert ended.code == 1
    assert not {"\x1b", "\x07", "\x9b"} & set(ended.out + ended.err)
    assert "[bold]Acme[/red]" in ended.text


@pytest.mark.parametrize("text", ["[bold]x[/]", "[2J", "x\\", "\\[red]", "[link=file:///]x[/link]", "a\nb"])
def test_text_of_anybody_in_a_line_with_markup_is_shown_as_it_is(text: str) -> None:
    shown = io.StringIO()
    Console(file=shown, width=200).print(f"[red]{literal(text)}[/]", end="")
    assert shown.getvalue() == text
    assert literal(f"\x1b\x9b{text}") == f"  {literal(text)}"


@pytest.mark.parametrize("query", ["", " ", ";", "-- nothing", "/* */;"])
def test_a_query_that_asks_nothing_is_named(query: str) -> None:
    with duckdb.connect() as connection, pytest.raises(UnshownError, match="the query is empty"):
        list(answers_of(connection, query))


@pytest.mark.parametrize(
    "value",
    [
        "INTERVAL 1 MONTH",
        "[INTERVAL 1 DAY]",
        "{'a': INTERVAL 1 DAY}",
        "DATE 'infinity'",
        "DATE '-infinity'",
        "DATE '10000-01-01'",
        "TIMESTAMP 'infinity'",
        "TIMESTAMPTZ '12000-01-01'",
        "[DATE '2026-01-01', 'infinity'::DATE]",
        "{'a': 'infinity'::DATE}",
        "{'a': [[NULL, {'b': 'infinity'::TIMESTAMPTZ}]]}",
        "['-infinity'::DATE]::DATE[1]",
        "MAP {'infinity'::DATE: 1}",
        "MAP {1: 'infinity'::TIMESTAMP}",
    ],
)
def test_what_cannot_be_shown_names_the_column_and_what_to_write(value: str) -> None:
    with duckdb.connect() as connection:
        with pytest.raises(UnshownError, match=r"column 'odd' .*::VARCHAR"):
            list(answers_of(connection, f"SELECT 1 AS even, {value} AS odd"))
        (frame,) = answers_of(connection, f"SELECT ({value})::VARCHAR AS odd")
        assert frame.height == 1


def test_all_else_is_shown_in_every_format() -> None:
    query = (
        "SELECT 1::HUGEINT, DATE '0001-01-01', DATE '9999-12-31', TIMESTAMP '9999-12-31 23:59:59', NULL, []::DATE[], NULL::DATE[], "
        "TIME '10:00', MAP {'a': 1}, TIMESTAMP_NS '2020-01-01', 1::BIT, NULL::DATE"
    )
    with duckdb.connect() as connection:
        (frame,) = answers_of(connection, query)
    assert in_lines(frame).endswith("1 row")
    assert len(json.loads(json_of(frame))) == 1
    assert len(read(csv_of(frame))) == 2


def test_json_says_null_for_what_is_no_number() -> None:
    query = (
        "SELECT 'nan'::DOUBLE AS a, 'inf'::FLOAT AS b, ['-inf'::DOUBLE, 1.5] AS c, {'d': 'nan'::DOUBLE} AS e"
    )
    with duckdb.connect() as connection:
        (frame,) = answers_of(connection, query)

    def refuse(word: str) -> None:
        raise AssertionError(word)

    assert json.loads(json_of(frame), parse_constant=refuse) == [
        {"a": None, "b": None, "c": [None, 1.5], "e": {"d": None}}
    ]
    assert "NaN" not in csv_of(frame.select("e"))
