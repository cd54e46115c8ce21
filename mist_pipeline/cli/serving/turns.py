"""Several machines take turns: one is active, the others serve the console, send what is due, and wait until they are needed.

Here: what `daemon` does differently where ``monitoring.machines`` is more than one. Not here: the lease (``alerts.machines``), what is
served (`daemon`), how processes notice that the lease is over (``workflows.running.term``).
"""

import os
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from mist_pipeline.cli.console import console, errors, literal
from mist_pipeline.cli.together import Helper, end, hear_signals, kill_started
from mist_pipeline.workflows.running.processes import this_process

if TYPE_CHECKING:
    from mist_pipeline.alerts.machines.lease import Lease
    from mist_pipeline.settings import Settings
    from mist_pipeline.workflows.running.keeping import Keeper
    from mist_pipeline.workflows.running.telling import ToldLease
    from mist_pipeline.workflows.running.term import Term

LOOK_SECONDS = 2.0
"""From one look to the next whether this machine is needed."""

SENDER = [sys.executable, "-m", "mist_pipeline.cli.serving.sender"]


class TermOverError(Exception):
    """This machine is active no more."""


def refuse_unshared(served: "Sequence[Settings]") -> None:
    """Refuse what several machines cannot share.

    Raises:
        SettingsError: Says what is missing.
    """
    from mist_pipeline.cli.dagster_home import instance
    from mist_pipeline.settings import SettingsError

    begin = f"monitoring.machines is {served[0].monitoring.machines}"
    files = [one.organisation.key for one in served if not str(one.ledger).startswith("postgresql")]
    if files and served[0].is_one_of_several:
        raise SettingsError(
            f"{begin}, and the ledger of {', '.join(files)} is a file: set alerts.ledger of each to postgresql://…, a database or a "
            "schema of its own, the same on every machine (MIST_PIPELINE_<NAME>__ALERTS__LEDGER)"
        )
    if files:
        raise SettingsError(
            f"{begin}, and the ledger is a file: set alerts.ledger (MIST_PIPELINE__ALERTS__LEDGER) to postgresql://…, the same "
            "on every machine"
        )
    with instance(served[0]) as opened:
        if "dagster_postgres" not in type(opened.run_storage).__module__:
            raise SettingsError(
                f"{begin}, and Dagster's own storage is on this machine: set it to PostgreSQL in dagster.yaml of DAGSTER_HOME "
                "(docs/operations.md#postgresql-for-dagsters-own-storage), the same on every machine"
            )


@contextmanager
def keeping(served: "Sequence[Settings]") -> "Iterator[Keeper]":
    """This machine's part in the lease, for the time of a block; behind it the machine is not there any more."""
    from mist_pipeline.cli.dagster_home import instance
    from mist_pipeline.defs.runs.dead import bury_the_dead
    from mist_pipeline.workflows.running.keeping import SILENT, Keeper

    with instance(served[0]) as opened:
        # Runs of the command line that died with this machine: nobody but it can know, and each keeps its place in a pool.
        bury_the_dead(opened)
        # The storage was looked at before (`refuse_unshared`): it is Dagster's for PostgreSQL, and has its address.
        address = str(getattr(opened.run_storage, "postgres_url", ""))
    # Swept like the folders of code servers, by its prefix and its owner.
    folder = Path(tempfile.mkdtemp(prefix="mist-pipeline-term-"))
    (folder / "owner").write_text(this_process(), encoding="utf-8")
    try:
        with _lease_of_all(served, address) if served[0].is_one_of_several else _lease_of(served[0]) as lease:
            yield Keeper(lease, folder)
            try:
                lease.leave()
            except SILENT as error:
                errors.print(f"[yellow]![/] {literal(str(error))}", soft_wrap=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _lease_of(settings: "Settings") -> "Iterator[Lease]":
    """The lease of the only organisation, in its ledger."""
    from mist_pipeline.alerts.ledger.database import open_engine
    from mist_pipeline.alerts.machines.lease import ANSWER_SECONDS, Lease
    from mist_pipeline.workflows.ledger_access import open_ledger

    with open_ledger(settings):  # brings it to its current version
        pass
    engine = open_engine(settings.ledger, answers_within=ANSWER_SECONDS)
    try:
        yield Lease(engine, socket.gethostname(), this_process())
    finally:
        engine.dispose()


@contextmanager
def _lease_of_all(served: "Sequence[Settings]", address: str) -> "Iterator[ToldLease]":
    """The lease of several organisations, beside Dagster's runs, with a copy in the ledger of each."""
    from mist_pipeline.alerts.ledger.database import migrate, open_engine
    from mist_pipeline.alerts.machines.lease import ANSWER_SECONDS, Lease
    from mist_pipeline.alerts.machines.shared import open_shared
    from mist_pipeline.workflows.running.telling import ToldLease

    @contextmanager
    def copy_of(settings: "Settings") -> "Iterator[Lease]":
        own = open_engine(settings.ledger, answers_within=ANSWER_SECONDS)
        try:
            migrate(own)
            yield Lease(own, socket.gethostname(), this_process())
        finally:
            own.dispose()

    engine = open_shared(address)
    lease = Lease(engine, socket.gethostname(), this_process())
    told = ToldLease(lease, {one.organisation.key: partial(copy_of, one) for one in served})
    try:
        yield told
    finally:
        told.end()
        engine.dispose()


def take_turns(
    keeper: "Keeper",
    env: Mapping[str, str],
    helpers: Sequence[Helper],
    serve: "Callable[[Term, Callable[[], None]], bool]",
) -> bool:
    """Stand by, serve while this machine is the active one, stand by again, until somebody interrupts.

    Args:
        keeper: This machine's part in the lease.
        env: The environment of all processes.
        helpers: What runs here whether or not this machine is active.
        serve: Serves in a term, and calls the second argument all the while, which raises once it is over.

    Returns:
        Whether all ended as it should.
    """
    from mist_pipeline.workflows.running.keeping import Renewing

    hear_signals()
    while (term := _stand_by(keeper, env, helpers)) is not None:
        console.print(f"{socket.gethostname()} is the active machine now (term {term.number}).")
        try:
            with Renewing(keeper):
                return serve(term, lambda: _end_with(keeper))
        except TermOverError:
            errors.print(
                f"[yellow]![/] {socket.gethostname()} is the active machine no more: "
                f"{keeper.trouble or 'another one may have taken over'}. Everything that only one may do was ended here.",
                markup=True,
                soft_wrap=True,
            )
        finally:
            # Also where somebody interrupts before it serves; and the lease goes behind the end of all processes.
            _end(helpers)
            keeper.let_go()
    return True


def _end_with(keeper: "Keeper") -> None:
    if keeper.is_over():
        kill_started(os.getpid())
        raise TermOverError


def _stand_by(keeper: "Keeper", env: Mapping[str, str], helpers: Sequence[Helper]) -> "Term | None":
    """Wait until this machine is needed; None: somebody interrupted."""
    has_said, term = False, None
    try:
        while (term := keeper.stand_by()) is None:
            if not has_said:
                has_said = True
                console.print(f"{socket.gethostname()} stands by: it takes over when no machine is active.")
            for helper in helpers:
                helper.watch(env, time.monotonic())
            time.sleep(LOOK_SECONDS)
    except KeyboardInterrupt:
        console.print("Stopping …")
    finally:
        # Of a machine that becomes active they go on.
        if term is None:
            _end(helpers)
    return term


def _end(helpers: Sequence[Helper]) -> None:
    end([helper.running for helper in helpers if helper.running is not None])
