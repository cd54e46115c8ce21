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
}
"""What no ``--help`` needs."""

NEVER = {
    "alembic",
    "altair",
    "apprise",
    "dagster",
    "jinja2",
    "numpy",
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

READING: dict[tuple[str, ...], set[str]] = {
    ("alerts", "list"): {"duckdb"},
    ("alerts", "silences"): {"duckdb"},
    ("status",): set(),
    ("watch", "--once"): set(),
    ("sql", "FROM worst_sites"): {"sqlalchemy"},
    ("report",): {"duckdb", "polars", "sqlalchemy"},
}
"""Command → what it does not need besides."""

CHILD = """
import sys
from mist_pipeline.cli import main
sys.argv = ["mist-pipeline", *sys.argv[1:]]
try:
    main()
finally:
    print(*{name.partition(".")[0] for name in sys.modules}, file=sys.stderr)
"""


def imported(folder: Path, *arguments: str) -> set[str]:
    """Top-level modules that a command has imported when it ends."""
    ended = subprocess.run(
        [sys.executable, "-c", CHILD, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in ended.stderr
    return set(ended.stderr.splitlines()[-1].split())


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments", [("--help",), ("alerts", "--help"), ("backfill", "--help")], ids=" ".join
)
def test_help_imports_nothing_heavy(arguments: tuple[str, ...], tmp_path: Path) -> None:
    assert imported(tmp_path, *arguments) & HEAVY == set()


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
@pytest.mark.parametrize("arguments", READING, ids=" ".join)
def test_what_reads_imports_neither_dagster_nor_analysis_nor_what_sends(
    arguments: tuple[str, ...], organisation: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MIST_PIPELINE_DATA", str(organisation.folder))
    assert imported(organisation.folder, *arguments) & (NEVER | READING[arguments]) == set()


def test_the_default_of_init_is_where_the_settings_are_looked_for() -> None:
    assert setup.DEFAULT_FILE == DEFAULT_FILE
