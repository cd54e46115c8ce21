"""``heartbeat``: one look at the pipeline from outside Dagster, for a dead man's switch."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import typer

from mist_pipeline.cli.console import console, errors
from mist_pipeline.cli.place import need_data_folder
from mist_pipeline.cli.printing.options import Json
from mist_pipeline.cli.printing.rows import print_json

if TYPE_CHECKING:
    from mist_pipeline.settings import Settings


def heartbeat(as_json: Json = False) -> None:
    """Say whether the pipeline does its work, and tell the dead man's switch (monitoring.heartbeat_url). Exit code 1 if not.

    `daemon` does it every few minutes; a timer of the system can, too, and then also notices that the daemon is gone.

    Example: [cyan]mist-pipeline heartbeat[/]
    """
    from mist_pipeline.cli.dagster_errors import DagsterHomeError
    from mist_pipeline.cli.dagster_home import instance
    from mist_pipeline.defs.watching.now import stalled_now
    from mist_pipeline.domain.text import clean
    from mist_pipeline.settings import load_settings
    from mist_pipeline.workflows.heartbeat import beat
    from mist_pipeline.workflows.self_monitoring.trouble import Trouble

    settings = load_settings()
    need_data_folder(settings)
    try:
        with instance(settings) as opened:
            found = stalled_now(opened, settings, datetime.now(UTC))
    except DagsterHomeError as error:
        # Nothing runs without it.
        found = [Trouble("dagster_home", "critical", str(error), {})]
    machines = _machines(settings)
    sent = beat(settings, [one.subject for one in found])
    if as_json:
        told: dict[str, object] = {"is_well": sent.is_well, "is_delivered": sent.is_delivered}
        told |= {"said": sent.said, "machines": machines}
        print_json(told | {"troubles": [{"severity": one.severity, "summary": one.summary} for one in found]})
        raise typer.Exit(0 if sent.is_well and sent.is_delivered else 1)
    for one in found:
        errors.print(f"{one.severity.upper()} {clean(one.summary)}", markup=False, soft_wrap=True)
    well = "The pipeline does its work" if sent.is_well else "The pipeline does not do all of its work"
    console.print(f"{well}; {sent.said}.", markup=False, soft_wrap=True)
    if machines:
        console.print(f"Machines: {machines}.", markup=False, soft_wrap=True)
    if not sent.is_well or not sent.is_delivered:
        raise typer.Exit(1)


def _machines(settings: "Settings") -> str:
    """Which machine is active and which stand by; '' where one works alone, or the ledger does not say."""
    if settings.monitoring.machines == 1:
        return ""
    from mist_pipeline.alerts.ledger.database import LedgerUnavailableError
    from mist_pipeline.alerts.machines.lease import read_machines
    from mist_pipeline.alerts.machines.words import machine_words
    from mist_pipeline.workflows.ledger_access import open_ledger

    try:
        with open_ledger(settings) as ledger:
            return machine_words(read_machines(ledger.engine))
    except LedgerUnavailableError:  # which is one of the troubles
        return ""
