"""Commands start fast: what they do not work with is not imported. Each is tried in a process of its own."""

import subprocess
import sys
from pathlib import Path

import pytest

from mist_pipeline.alerts.lifecycle.observations import EvaluationInput
from mist_pipeline.cli import setup
from mist_pipeline.settings import DEFAULT_FILE, load_settings
from mist_pipeline.workflows.ledger_access import notification_rules, open_ledger
from mist_pipeline_tests.support.alerts.histories import finding, live

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

FORBIDDEN = {
    "dagster",
    "scipy",
    "sklearn",
    "statsmodels",
    "pmdarima",
    "altair",
    "vl_convert",
    "alembic",
    "apprise",
    "duckdb",
    "jinja2",
    "numpy",
    "pandas",
    "pyarrow",
    "requests",
    "slack_sdk",
    "starlette",
    "urllib3",
    "uvicorn",
}
"""What a ledger of the current version and its tables do not need."""

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
        check=True,
    )
    return set(ended.stderr.splitlines()[-1].split())


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments", [("--help",), ("alerts", "--help"), ("backfill", "--help")], ids=" ".join
)
def test_help_imports_nothing_heavy(arguments: tuple[str, ...], tmp_path: Path) -> None:
    assert imported(tmp_path, *arguments) & HEAVY == set()


@pytest.mark.slow
def test_a_list_of_incidents_imports_neither_dagster_nor_analysis_nor_what_sends(tmp_path: Path) -> None:
    settings = load_settings(environment={"MIST_PIPELINE_DATA": str(tmp_path / "data")})
    step: EvaluationInput = live(0, finding())
    with open_ledger(settings) as ledger:
        ledger.record_evaluation(step, notification_rules(settings))
    assert imported(tmp_path, "alerts", "list") & FORBIDDEN == set()


def test_the_default_of_init_is_where_the_settings_are_looked_for() -> None:
    assert setup.DEFAULT_FILE == DEFAULT_FILE
