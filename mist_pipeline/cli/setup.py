"""Getting started: ``init`` writes the configuration, ``doctor`` says what is missing and how to fix it."""

import os
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Column, Table

from mist_pipeline.cli.console import console, literal, next_commands, shown
from mist_pipeline.cli.dagster_home import place_of_home
from mist_pipeline.cli.printing.options import Json
from mist_pipeline.cli.printing.rows import print_json

if TYPE_CHECKING:
    from dagster import DagsterInstance

    from mist_pipeline.settings import Settings
    from mist_pipeline.workflows.doctor.check import Check
    from mist_pipeline.workflows.doctor.running import Running

DEFAULT_FILE = Path("config/config.yaml")
"""Where `load_settings` looks for it; written again here, since importing the settings would slow down every ``--help``."""


def init(
    path: Annotated[Path, typer.Option(help="Where to write it.")] = DEFAULT_FILE,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    msp: Annotated[
        bool,
        typer.Option(
            "--msp", help="Ask a provider's token for its organisations, and propose a file for each."
        ),
    ] = False,
    write: Annotated[
        bool, typer.Option("--write", help="With --msp: write them without a question; none is replaced.")
    ] = False,
) -> None:
    """Make the data folder, and a commented configuration file with every key at its default.

    The folder is `data` here, or what MIST_PIPELINE_DATA names. One folder holds one organisation, or those of several. With --msp: a file for
    each organisation that the token of a managed service provider reaches, beside the configuration file that is there.

    Example: [cyan]mist-pipeline init --path /etc/mist_pipeline/config.yaml[/]
    """
    if msp:
        _init_msp(write=write)
        return
    if write:
        raise typer.BadParameter("goes with --msp", param_hint="--write")
    from mist_pipeline.settings import Settings, SettingsError, data_folder
    from mist_pipeline.settings.template import template
    from mist_pipeline.workflows.organisation_pin import remembered

    data = data_folder()
    if data.exists() and not data.is_dir():
        raise SettingsError(f"{data} is no folder; set MIST_PIPELINE_DATA to the data folder")
    has_folder, has_file = data.is_dir(), path.exists() and not force
    if has_file and has_folder:
        raise SettingsError(f"{path} is there already; edit it, or replace it with --force")
    owner = remembered(Settings(data=data))
    data.mkdir(parents=True, exist_ok=True)
    whose = f", which holds the data of {owner}" if owner else ""
    console.print(f"Data folder: {shown(data)}{'' if has_folder else ' (new)'}{whose}.", markup=False)
    if has_file:
        console.print(f"Kept {path}, which was there.")
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(template(), encoding="utf-8")
        # It holds no secrets, and the account of the service has to read what another one may have made.
        path.chmod(0o644)
        console.print(f"Wrote {path}.")
    own = data / "config.yaml"
    is_hidden = own.exists() and own.resolve() != path.resolve()
    if is_hidden:
        console.print(f"[yellow]![/] {shown(own)} is read instead of {path}, as long as it is there.")
    next_commands(
        *(
            [("unset MIST_PIPELINE_DATA", "leave that folder to its organisation")]
            if owner and data != Path("data")
            else []
        ),
        *([(f"export MIST_PIPELINE_CONFIG={path}", "read the new file")] if is_hidden else []),
        ("export MIST_API_TOKEN=…", "a token of the Mist dashboard: Organization → Settings → API Token"),
        ("mist-pipeline doctor", "checks file, token, organisation, budget, disk"),
    )


def _init_msp(*, write: bool) -> None:
    """Propose a file for each organisation of a provider."""
    from mist_pipeline.domain.text import count
    from mist_pipeline.settings import SettingsError, load_settings, shared_file
    from mist_pipeline.settings.organisations import FOLDER
    from mist_pipeline.workflows import msp
    from mist_pipeline.workflows.cloud import Cloud

    shared = shared_file()
    if not shared.exists():
        raise SettingsError(
            f"There is no {shared}, which says what all organisations have in common: write it first with `mist-pipeline init`."
        )
    known = _known_organisations()
    settings = load_settings(shared)
    settings.data.mkdir(parents=True, exist_ok=True)
    try:
        with Cloud(settings).any_client(patience_seconds=0) as client:
            reached = msp.reached_by(client)
    except msp.NoProviderError as error:
        raise SettingsError(str(error)) from None
    proposed, folder = msp.proposals(reached, known), shared.parent / FOLDER
    by_id = {one.reached.org_id: one for one in proposed}
    here = {org_id: key for key, org_id in known.items() if org_id}
    for one in reached:
        proposal = by_id.get(one.org_id)
        if proposal is not None:
            said = f"{count(one.num_sites, 'site')}, {one.timezone or 'time zone of the shared file'}"
            _print_plain(f"  {folder / f'{proposal.key}.yaml'}  {one.name or one.org_id}: {said}")
        elif one.org_id in here:
            _print_plain(f"  {one.name or one.org_id}: is {here[one.org_id]} already")
        else:
            _print_plain(f"! {one.name or one.org_id} ({one.org_id}): {one.trouble}")
    if not proposed:
        console.print("No organisation is without a file.")
        return
    if not write and not _is_sure(f"Write {count(len(proposed), 'file')}?"):
        console.print("Nothing was written; --write writes them.")
        return
    try:
        msp.write(proposed, folder)
    except FileExistsError as error:
        raise SettingsError(
            f"{error.filename} is there already; ask again with `mist-pipeline init --msp`"
        ) from None
    console.print(f"Wrote {count(len(proposed), 'file')} into {shown(folder)}.", markup=False)
    next_commands(
        (f"mist-pipeline doctor --org {proposed[0].key}", "checks file, token, organisation, budget, disk"),
        ("mist-pipeline daemon", "serves all of them"),
    )


def _known_organisations() -> dict[str, str | None]:
    """Key → id of the organisation of every file that is there.

    Raises:
        SettingsError: A file is wrong: whose it is is not known, and it could be proposed twice.
    """
    from mist_pipeline.settings import load_settings, organisations
    from mist_pipeline.settings.organisations import ORGANISATION_VARIABLE
    from mist_pipeline.workflows.cloud import Cloud

    found: dict[str, str | None] = {}
    for key in organisations():
        settings = load_settings(environment={**os.environ, ORGANISATION_VARIABLE: key})
        found[key] = Cloud(settings).organisation.id or None
    return found


def _print_plain(line: str) -> None:
    console.print(line, markup=False, highlight=False, soft_wrap=True)


def _is_sure(question: str) -> bool:
    """Whether somebody at a terminal says yes."""
    return sys.stdin.isatty() and sys.stdout.isatty() and typer.confirm(question)


def doctor(
    deep: Annotated[
        bool,
        typer.Option(
            "--deep",
            help="Read every raw file, archive and file of old hours, too, and compare it with what was written.",
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Check everything a run needs, and say how to fix what is missing. Exit code 1 if something must be fixed.

    Of several organisations each, one after the other.

    Example: [cyan]mist-pipeline doctor --deep[/]
    """
    from mist_pipeline.cli.serving.served import is_about_all
    from mist_pipeline.settings import load_settings
    from mist_pipeline.workflows.doctor.check import WRONG

    if is_about_all():
        _doctor_of_all(deep=deep, as_json=as_json)
        return
    found = _examine(load_settings(), deep=deep, is_quiet=as_json)
    if as_json:
        print_json([asdict(check) for check in found])
    if any(check.verdict == WRONG for check in found):
        raise typer.Exit(1)
    if not as_json:
        next_commands(
            ("mist-pipeline backfill --from … --to …", "fill the history"),
            ("mist-pipeline daemon", "run every morning and every few minutes"),
        )


def _doctor_of_all(*, deep: bool, as_json: bool) -> None:
    """Check each of several organisations; one whose configuration is wrong keeps none of the others from it."""
    from mist_pipeline.cli.serving.served import configured, refuse_common_ledger
    from mist_pipeline.domain.text import count
    from mist_pipeline.workflows.doctor.check import WRONG, Check

    usable, wrong = configured()
    by_key = {one.organisation.key: one for one in usable}
    found: dict[str, list[Check]] = {}
    for key in sorted(by_key.keys() | wrong.keys()):
        if not as_json:
            console.print(f"[bold]{key}[/]")
        if key in by_key:
            found[key] = _examine(by_key[key], deep=deep, is_quiet=as_json)
            continue
        found[key] = [Check(WRONG, "configuration", wrong[key])]
        if not as_json:
            _show(found[key][0])
    broken = [key for key, checks in found.items() if any(one.verdict == WRONG for one in checks)]
    if as_json:
        each = [{"key": key, "checks": [asdict(one) for one in checks]} for key, checks in found.items()]
        print_json({"code": int(bool(broken)), "organisations": each})
    elif broken:
        _print_plain(
            f"Something must be fixed at {len(broken):,} of {count(len(found), 'organisation')}: {', '.join(broken)}. "
            f"After a change: mist-pipeline doctor --org {broken[0]}"
        )
    else:
        _print_plain(f"Nothing must be fixed at {count(len(found), 'organisation')}.")
    refuse_common_ledger(usable)
    if broken:
        raise typer.Exit(1)


def _examine(settings: "Settings", *, deep: bool, is_quiet: bool) -> "list[Check]":
    """Make every check of an organisation, and show each as soon as it is made."""
    from mist_pipeline.workflows.doctor.checks import checks

    home = place_of_home(settings)
    found = []
    for check in checks(settings, home, shown, ask=lambda: _running(settings, home), deep=deep):
        found.append(check)
        if not is_quiet:
            _show(check)
    return found


_SIGNS = {"fine": "[green]✓[/]", "doubtful": "[yellow]![/]", "wrong": "[red]✗[/]"}
_SUBJECT = 18
"""Places of what is checked."""


def _show(check: "Check") -> None:
    """Print a check as soon as it is made: some wait for a cloud or import much."""
    row = Table.grid(
        Column(width=1),
        Column(width=_SUBJECT, overflow="fold"),
        Column(overflow="fold"),
        padding=(0, 2, 0, 0),
    )
    fix = f"\n[yellow]→ {literal(check.fix)}[/]" if check.fix else ""
    row.add_row(_SIGNS[check.verdict], literal(check.subject), literal(check.found) + fix)
    console.print(row)


def _unseen(opened: "DagsterInstance", settings: "Settings") -> tuple[str, str] | None:
    """Dagster's storage that workers of a cluster do not see, and what to do; None where they do, or there is no cluster."""
    from mist_pipeline.defs.runs.cluster import NEEDS_POSTGRESQL, is_seen_by_workers

    if settings.compute.engine != "dask" or is_seen_by_workers(opened):
        return None
    return "compute.engine is dask, and Dagster's own storage is on this machine", NEEDS_POSTGRESQL


def _running(settings: "Settings", home: Path) -> "tuple[Running | None, tuple[str, str] | None]":
    """What Dagster knows, or what is wrong with its storage and what to do.

    Neither where it keeps nothing yet, or the ledger cannot be read.
    """
    from mist_pipeline.alerts.ledger.database import LedgerUnavailableError
    from mist_pipeline.cli.dagster_errors import DagsterHomeError, checked_home

    try:
        if os.environ.get("DAGSTER_HOME"):
            checked_home(home)
        if not (home / "dagster.yaml").exists():
            return None, None
        from mist_pipeline.cli.dagster_home import instance
        from mist_pipeline.defs.watching.now import running_now

        with instance(settings) as opened:
            return running_now(opened, settings, datetime.now(UTC)), _unseen(opened, settings)
    except DagsterHomeError as error:
        return None, (error.found, error.fix)
    except LedgerUnavailableError:
        # Told by its own check.
        return None, None
