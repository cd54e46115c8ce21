"""Every command in one place, the option that all of them have, and what happens when one fails.

``--help`` and completion import every module of this room. They stay fast because a module imports at its top only what
its options need; what a command works with is imported by the command (`mist_pipeline_tests/cli/test_startup.py`).
"""

import os
import sys
from contextlib import suppress
from functools import cache
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from mist_pipeline.cli import demo, run, setup
from mist_pipeline.cli.alerts import app as alerts
from mist_pipeline.cli.console import errors, literal, say_line, speak_any_encoding
from mist_pipeline.cli.failures import STOPPED, line_of
from mist_pipeline.cli.moving import storage, warehouse
from mist_pipeline.cli.reading import incident, replay, report, scorecard, site, sql, status, tune, watch
from mist_pipeline.cli.serving import daemon, heartbeat, simulate, web, webhook, workspace


def _choose(key: str | None) -> str | None:
    if key:
        from mist_pipeline.settings.organisations import ORGANISATION_VARIABLE

        os.environ[ORGANISATION_VARIABLE] = key
    return key


@cache
def _option() -> Any:
    """The option as typer makes it."""
    made = typer.Typer(add_completion=False)

    @made.command()
    def any_command(
        _org: Annotated[
            str | None,
            typer.Option(
                "--org",
                metavar="NAME",
                callback=_choose,
                expose_value=False,
                help="One of several organisations; default: MIST_PIPELINE_ORG.",
            ),
        ] = None,
    ) -> None: ...

    return next(one for one in get_command(made).params if "--org" in one.opts)


class OfOrganisations(TyperGroup):
    """A group of commands each of which, also in groups below, is told the organisation."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        _add_to(self)


def _add_to(group: Any) -> None:
    for command in group.commands.values():
        if hasattr(command, "commands"):
            _add_to(command)
        elif _option() not in command.params:
            command.params.append(_option())


app = typer.Typer(
    name="mist-pipeline",
    cls=OfOrganisations,
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


def _version(asked: bool) -> None:
    if asked:
        from mist_pipeline import __version__

        print(f"mist-pipeline {__version__}")
        raise typer.Exit


def _say_unread() -> None:
    """Warn of variables that are named like those of one organisation and are of none: what they should say does not hold."""
    begins = "MIST_PIPELINE_"
    if not any(name.startswith(begins) and "__" in name.removeprefix(begins)[1:] for name in os.environ):
        return
    from mist_pipeline.settings import SettingsError, unread_variables

    with suppress(SettingsError):  # the file of another organisation, which its own commands say
        if unread := unread_variables():
            errors.print(f"[yellow]![/] {literal(unread)}", soft_wrap=True)


@app.callback()
def mist_pipeline(
    context: typer.Context,
    _version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say which version this is.")
    ] = False,
) -> None:
    """Watches a Juniper Mist organisation and tells its people about trouble before users feel it."""
    if context.invoked_subcommand != "doctor":  # which has a check of its own
        _say_unread()


app.command(rich_help_panel=GETTING_STARTED)(setup.init)
app.command(rich_help_panel=GETTING_STARTED)(setup.doctor)
app.command(name="demo", rich_help_panel=GETTING_STARTED)(demo.demo)
app.command(rich_help_panel=WORKING)(run.run)
app.command(rich_help_panel=WORKING)(run.backfill)
app.command(rich_help_panel=WORKING)(run.retention)
app.add_typer(storage.app, name="storage", rich_help_panel=WORKING)
app.add_typer(warehouse.app, name="warehouse", rich_help_panel=WORKING)
app.command(rich_help_panel=READING)(watch.watch)
app.command(rich_help_panel=READING)(status.status)
app.command(rich_help_panel=READING)(site.site)
app.command(rich_help_panel=READING)(incident.incident)
app.command(rich_help_panel=READING)(report.report)
app.command(rich_help_panel=READING)(scorecard.scorecard)
app.command(rich_help_panel=READING)(sql.sql)
app.command(rich_help_panel=READING)(replay.replay)
app.command(rich_help_panel=READING)(tune.tune)
app.add_typer(alerts.app, name="alerts", rich_help_panel=NOTIFYING)
app.command(rich_help_panel=SERVING)(daemon.daemon)
app.command(rich_help_panel=SERVING)(daemon.ui)
app.command(rich_help_panel=SERVING)(web.web)
app.add_typer(webhook.app, name="webhook", rich_help_panel=SERVING)
app.command(rich_help_panel=SERVING)(heartbeat.heartbeat)
app.command(rich_help_panel=SERVING)(workspace.workspace)
app.command(rich_help_panel=SERVING)(simulate.simulate)


def _is_interrupt(error: BaseException) -> bool:
    """Whether Ctrl-C is behind an end; a command may end with the same code for a reason that it has said."""
    cause = error.__context__
    return isinstance(cause, KeyboardInterrupt) or (cause is not None and _is_interrupt(cause))


def main() -> None:
    """Run a command; what ends it early is said in a line (`failures`)."""
    speak_any_encoding()
    try:
        app()
    except SystemExit as ended:
        # typer ends so for Ctrl-C, without a word.
        if ended.code == STOPPED and _is_interrupt(ended):
            say_line(line_of(KeyboardInterrupt()))
        raise
    except (Exception, KeyboardInterrupt) as error:
        line = line_of(error)
        if line is None:
            raise
        say_line(line)
        sys.exit(line.code)
