"""Commands start fast: what they do not work with is not imported. Each is tried in a process of its own."""

import subprocess
import sys
from pathlib import Path

import pytest

from mist_pipeline.alerts.ledger.ledger import Ledger
from mist_pipeline.cli import setup
from mist_pipeline.settings import DEFAULT_FILE
from mist_pipeline_tests.support.alerts.histories import finding, live
from mist_pipeline_tests.support.overview.organisations import Organisation

HEAVY = {
    "polars",
    "duckdb",
    "dagster",
    "sqlalchemy",
    "numpy",
    "scipy",
    "sklearn",
    "statsmodels",
    "pmdarima",
    "requests",
    "textual",
    "obstore",
}
"""What no ``--help`` needs."""

NEVER = {
    "alembic",
    "altair",
    "apprise",
    "dagster",
    "jinja2",
    "numpy",
    "obstore",
    "pandas",
    "pmdarima",
    "prompt_toolkit",
    "pyarrow",
    "requests",
    "scipy",
    "sklearn",
    "slack_sdk",
    "starlette",
    "statsmodels",
    "textual",
    "urllib3",
    "uvicorn",
    "vl_convert",
}
"""What no command needs that reads: DuckDB imports pandas for a single parameter (``warehouse.asking``)."""

READING: tuple[tuple[set[str], tuple[str, ...]], ...] = (
    (set(), ("status", "watch --once", "site Berlin", "incident e0")),
    ({"duckdb"}, ("alerts list", "alerts silences")),
    ({"sqlalchemy"}, ("scorecard", "sql FROM&worst_sites")),
    ({"duckdb", "polars", "sqlalchemy"}, ("report",)),
)
"""What is not needed besides, and the commands that do not need it; they are run one after the other in one process."""

ASKING = {"alembic", "dagster", "jinja2", "numpy", "pyarrow", "requests", "starlette", "urllib3"}
"""What ``doctor`` may need, since it asks Dagster and the cloud: nothing that analyses, draws or sends."""

CHILD = """
import sys
from mist_pipeline.cli import main
for command in sys.argv[1:]:
    sys.argv = ["mist-pipeline", *(word.replace("&", " ") for word in command.split(" "))]
    try:
        main()
    except SystemExit as ended:
        assert ended.code != 1 or command == "doctor"
    print(*{name.partition(".")[0] for name in sys.modules}, file=sys.stderr)
"""


def imported(folder: Path, *commands: str) -> dict[str, set[str]]:
    """Command → top-level modules that are imported when it has ended."""
    ended = subprocess.run(
        [sys.executable, "-c", CHILD, *commands],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in ended.stderr, ended.stderr
    said = ended.stderr.splitlines()[-len(commands) :]
    return {command: set(line.split()) for command, line in zip(commands, said, strict=True)}


@pytest.mark.slow
def test_help_imports_nothing_heavy(tmp_path: Path) -> None:
    for command, modules in imported(tmp_path, "--help", "alerts --help", "backfill --help").items():
        assert modules & HEAVY == set(), command


@pytest.fixture(scope="module")
def organisation(tmp_path_factory: pytest.TempPathFactory) -> Organisation:
    made = Organisation(tmp_path_factory.mktemp("read"), ("Berlin", "Bonn")).make()
    with Ledger(made.places.ledger) as ledger:
        ledger.record_evaluation(live(14, finding("site-0", severity="critical")))
    day = made.folder / "reports/history/2026-03-01"
    day.mkdir(parents=True)
    for suffix in ("html", "json", "txt"):
        (day / f"page.{suffix}").write_text("{}", encoding="utf-8")
    return made


@pytest.mark.slow
@pytest.mark.parametrize(("besides", "commands"), READING, ids=["screens", "lists", "queries", "report"])
def test_what_reads_imports_neither_dagster_nor_analysis_nor_what_sends(
    besides: set[str],
    commands: tuple[str, ...],
    organisation: Organisation,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MIST_PIPELINE_DATA", str(organisation.folder))
    for command, modules in imported(organisation.folder, *commands).items():
        assert modules & (NEVER | besides) == set(), command


@pytest.mark.slow
def test_doctor_asks_without_what_analyses_draws_or_sends(
    organisation: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MIST_PIPELINE_DATA", str(organisation.folder))
    monkeypatch.delenv("MIST_API_TOKEN", raising=False)
    found = imported(organisation.folder, "doctor")["doctor"]
    assert found & (NEVER - ASKING) == set()


def test_the_default_of_init_is_where_the_settings_are_looked_for() -> None:
    assert setup.DEFAULT_FILE == DEFAULT_FILE
