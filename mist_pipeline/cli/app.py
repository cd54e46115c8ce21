"""Every command in one place, and what happens when one fails.

``--help`` and completion import every module of this room. They stay fast because a module imports at its top only what
its options need; what a command works with is imported by the command (`mist_pipeline_tests/cli/test_startup.py`).
"""

import sys

import typer

from mist_pipeline.cli import demo, run, setup
from mist_pipeline.cli.alerts import app as alerts
from mist_pipeline.cli.console import errors, literal
from mist_pipeline.cli.reading import replay, report, sql, watch
from mist_pipeline.cli.serving import daemon, heartbeat, simulate, web

app = typer.Typer(
    name="mist-pipeline",
    help="Watches a Juniper Mist organisation and tells its people about trouble before users feel it.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)

GETTING_STARTED, WORKING, READING, NOTIFYING, SERVING = (
    "Getting started",
    "Working",
    "Reading",
    "Notifying people",
    "Serving",
)

app.command(rich_help_panel=GETTING_STARTED)(setup.init)
app.command(rich_help_panel=GETTING_STARTED)(setup.doctor)
app.command(name="demo", rich_help_panel=GETTING_STARTED)(demo.demo)
app.command(rich_help_panel=WORKING)(run.run)
app.command(rich_help_panel=WORKING)(run.backfill)
app.command(rich_help_panel=WORKING)(run.retention)
app.command(rich_help_panel=READING)(watch.watch)
app.command(rich_help_panel=READING)(report.report)
app.command(rich_help_panel=READING)(sql.sql)
app.command(rich_help_panel=READING)(replay.replay)
app.add_typer(alerts.app, name="alerts", rich_help_panel=NOTIFYING)
app.command(rich_help_panel=SERVING)(daemon.daemon)
app.command(rich_help_panel=SERVING)(daemon.ui)
app.command(rich_help_panel=SERVING)(web.web)
app.command(rich_help_panel=SERVING)(heartbeat.heartbeat)
app.command(rich_help_panel=SERVING)(simulate.simulate)


def main() -> None:
    """Run a command. Exit codes: 0 done, 1 it failed, 2 it was called or configured wrongly."""
    try:
        app()
    except SystemExit:
        # How every command ends. Named first, since the clauses below are evaluated, and import, only where it is not.
        raise
    except _configuration_errors() as error:
        errors.print(f"[bold red]Configuration:[/] {literal(str(error))}", soft_wrap=True)
        sys.exit(2)
    except _failures() as error:
        errors.print(f"[bold red]Failed:[/] {literal(str(error))}", soft_wrap=True)
        sys.exit(1)


def _configuration_errors() -> tuple[type[Exception], ...]:
    """Errors of whoever configured it."""
    from mist_pipeline.delivery.discovery import NoSinkConfigError

    try:
        from mist_pipeline.settings import SettingsError
    except NoSinkConfigError:
        # The settings are made of the kinds of sinks: with a broken one there are none.
        return (NoSinkConfigError,)
    return (SettingsError,)


def _failures() -> tuple[type[Exception], ...]:
    """Errors whose message is enough; all others are defects, whose traceback somebody needs."""
    from mist_pipeline.cli.alerts.arguments import LedgerError
    from mist_pipeline.cli.dagster_errors import DagsterHomeError
    from mist_pipeline.mist.errors import MistError
    from mist_pipeline.warehouse.connection import WarehouseBusyError
    from mist_pipeline.warehouse.owner import OtherOwnerError

    return (
        DagsterHomeError,
        LedgerError,
        MistError,
        OtherOwnerError,
        WarehouseBusyError,
        OSError,
        run.RunFailedError,
    )
