"""The published files read as one: every table once, nothing to wait for, the age of what is read."""

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import duckdb
import polars as pl
import pytest

import mist_pipeline
from mist_pipeline.alerts.ledger.ledger import Ledger, NotificationRules
from mist_pipeline.tables import PUBLIC_TABLES, history, live
from mist_pipeline.warehouse.publish import publish, publish_ledger, publish_live
from mist_pipeline.warehouse.reading import Part, Published, reading
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.warehouse.views import VIEWS
from mist_pipeline_tests.support.alerts.histories import HOUR, START, finding
from mist_pipeline_tests.support.alerts.histories import live as evaluation
from mist_pipeline_tests.support.warehouse.rows import FIRST, readings

pytestmark = pytest.mark.slow

NOBODY = NotificationRules(routes=[])


def files_in(folder: Path) -> Published:
    return Published(
        days=folder / "mist.duckdb", today=folder / "today.duckdb", ledger=folder / "ledger.duckdb"
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a ledger and all three files, each with something in it."""
    folder = tmp_path_factory.mktemp("made")
    warehouse = Warehouse(folder / "warehouse.duckdb")
    warehouse.replace_days(history.SLE_DAILY, readings(FIRST, 90.0, 60.0), [FIRST])
    nothing = dict.fromkeys(live.STATUS.column_names)
    polled = pl.DataFrame(
        [{**nothing, "as_of": START + timedelta(minutes=30), "site_id": "s1"}],
        schema=live.STATUS.polars_schema(),
    )
    warehouse.replace_tables({live.STATUS: polled})
    places = files_in(folder / "published")
    publish(warehouse, places.days)
    publish_live(warehouse, places.today)
    with Ledger(folder / "ledger.db") as ledger:
        ledger.record_evaluation(evaluation(0, finding()), NOBODY)
        publish_alerts(ledger, places)
    return folder


@pytest.fixture
def places(tmp_path: Path) -> Published:
    return files_in(tmp_path / "published")


@pytest.fixture
def published(made: Path, places: Published) -> Published:
    """The three files, to do with them what one likes."""
    shutil.copytree(made / "published", places.days.parent)
    return places


@pytest.fixture
def ledger(made: Path, tmp_path: Path) -> Iterator[Ledger]:
    """The ledger that they were made of."""
    shutil.copy(made / "ledger.db", tmp_path / "ledger.db")
    with Ledger(tmp_path / "ledger.db") as opened:
        yield opened


def publish_alerts(ledger: Ledger, places: Published, **names: str) -> None:
    publish_ledger(ledger.frames(), names, places.ledger, read_at=START + HOUR, evaluated_at=START)


def part_of(parts: Sequence[Part], schema: str) -> Part:
    return next(part for part in parts if schema in part.schemas)


def test_every_table_and_view_of_the_data_dictionary_is_there_once(published: Published) -> None:
    with reading(published) as opened:
        for table in PUBLIC_TABLES:
            assert opened.connection.execute(f"FROM {table.full_name}").description, table.full_name
        for view in VIEWS:
            assert opened.connection.execute(f"FROM {view}").description, view
        found = opened.connection.execute(
            "SELECT schema_name || '.' || table_name FROM duckdb_tables() WHERE schema_name <> 'main'"
        ).fetchall()
    assert sorted(name for (name,) in found) == sorted(table.full_name for table in PUBLIC_TABLES)


def test_an_evaluation_is_visible_without_another_copy_of_the_days(
    published: Published, ledger: Ledger
) -> None:
    days = published.days.stat().st_mtime_ns
    with reading(published) as opened:
        assert opened.connection.execute("SELECT state FROM open_incidents").fetchall() == [("open",)]
    (name,) = ledger.lifecycle_state(START).incidents
    ledger.resolve(name, "ada", START + HOUR)
    publish_alerts(ledger, published, s1="Ålesund")
    with reading(published) as opened:
        assert opened.connection.execute("FROM open_incidents").fetchall() == []
        row = opened.connection.execute("SELECT state, site_names FROM incident_history").fetchone()
    assert row == ("resolved", ["Ålesund"])
    assert published.days.stat().st_mtime_ns == days


def test_the_newest_names_of_sites_are_those_of_the_newest_evaluation(
    published: Published, ledger: Ledger
) -> None:
    publish_alerts(ledger, published, s1="Renamed today")
    with reading(published) as opened:
        assert opened.connection.execute("FROM site_names").fetchall() == [("s1", "Renamed today")]


def test_each_part_says_how_old_it_is(published: Published) -> None:
    with reading(published) as opened:
        told = opened.connection.execute("SELECT file, as_of, trouble FROM freshness").fetchall()
        assert told == [(part.path.name, part.as_of, part.trouble) for part in opened.parts]
        by_file = {part.path.name: part for part in opened.parts}
    assert by_file["ledger.duckdb"].as_of == START
    assert by_file["today.duckdb"].as_of == START + timedelta(minutes=30)
    assert by_file["mist.duckdb"].as_of is None, "it has no hours"
    assert not any(part.trouble for part in by_file.values())


def absent(path: Path) -> None:
    path.unlink()


def damaged(path: Path) -> None:
    path.write_bytes(b"no database" * 500)


def of_something_else(path: Path) -> None:
    path.unlink()
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE other (x INT)")


@pytest.mark.parametrize("harm", [absent, damaged, of_something_else])
@pytest.mark.parametrize(
    ("file", "table", "view"),
    [
        ("days", "history.sle_daily", "worst_sites"),
        ("today", "live.status", None),
        ("ledger", "alerts.incidents", "open_incidents"),
    ],
)
def test_a_file_that_cannot_be_read_has_no_rows_and_says_why(
    file: str, table: str, view: str | None, harm: Callable[[Path], None], published: Published
) -> None:
    path = getattr(published, file)
    harm(path)
    with reading(published) as opened:
        for name in filter(None, (table, view)):
            assert opened.connection.execute(f"FROM {name}").fetchall() == []
        (part,) = [part for part in opened.parts if part.trouble]
        for other in PUBLIC_TABLES:
            opened.connection.execute(f"FROM {other.full_name} LIMIT 0")
    assert part.path == path
    assert part.as_of is None
    assert part.trouble.startswith(f"{path.name} ")


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Another process writes the file."""
    holds = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('held', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", holds, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline() == "held\n"
        yield
        process.stdin.close()


def test_a_locked_file_is_not_waited_for(published: Published) -> None:
    with locked(published.today), reading(published) as opened:
        assert part_of(opened.parts, "live").trouble == "today.duckdb is locked by another program"
        assert opened.connection.execute("SELECT * FROM live.status").fetchall() == []
        assert opened.connection.execute("SELECT count(*) FROM history.sle_daily").fetchone() == (2,)


def test_without_any_file_it_says_that_nothing_was_published(places: Published) -> None:
    with pytest.raises(FileNotFoundError, match="Nothing is published"), reading(places):
        pass


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM alerts.alerts",
        "CREATE TABLE history.more AS SELECT 1",
        "COPY (SELECT 1) TO '{folder}/out.csv'",
        "FROM read_text('{folder}/secret')",
        "ATTACH '{folder}/other.duckdb' AS other",
        "SET enable_external_access = true",
    ],
)
def test_nothing_can_be_changed_and_no_other_file_read(
    statement: str, published: Published, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text("hidden")
    with reading(published) as opened, pytest.raises(duckdb.Error):
        opened.connection.execute(statement.format(folder=tmp_path))
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize(
    ("query", "schemas"),
    [
        ("FROM worst_sites", {"history"}),
        ("SELECT 1", set()),
        ("FROM main.open_incidents JOIN live.status ON true", {"alerts", "live"}),
        ('FROM "alerts"."alerts" a, history.sites s', {"alerts", "history"}),
        ("WITH x AS (FROM scorecard.crossings) FROM x", {"history"}),
    ],
)
def test_it_tells_which_files_a_query_reads(query: str, schemas: set[str], published: Published) -> None:
    with reading(published) as opened:
        used = {schema for part in opened.used_by(query) for schema in part.schemas}
        assert schemas <= used
        assert len(opened.used_by(query)) == len(schemas)
        assert opened.used_by("SELEKT") == list(opened.parts)


def test_the_statements_in_the_documentation_open_the_same_tables(
    published: Published, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (Path(mist_pipeline.__file__).parents[1] / "docs/operations.md").read_text(encoding="utf-8")
    statements = page.partition("```sql\nATTACH")[2].partition("```")[0]
    monkeypatch.chdir(tmp_path)
    shutil.copytree(published.days.parent, tmp_path / "data/published")
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH{statements}")
        for name in [*(table.full_name for table in PUBLIC_TABLES), *VIEWS]:
            assert connection.execute(f"FROM {name} LIMIT 0").description, name
