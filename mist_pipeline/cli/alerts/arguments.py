"""What people type after ``alerts``, and what it means: ids and their beginnings, sites, spans; and the ledger.

Here: reading and looking up; what cannot be understood is refused with what was probably meant. Not here: the commands
(`listing`, `show`, `decisions`, `silences`, `routes`, `retry`), and how their answers look (`tables`).
"""

import difflib
import getpass
import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from mist_pipeline.alerts.lifecycle.model import ACTIVE
from mist_pipeline.cli.clock import clock_of
from mist_pipeline.cli.console import shown
from mist_pipeline.cli.place import need_data_folder
from mist_pipeline.domain.site_names import display_names, folded, unnamed
from mist_pipeline.domain.text import clean, span_of

if TYPE_CHECKING:
    from mist_pipeline.alerts.ledger.ledger import Ledger
    from mist_pipeline.alerts.ledger.reader import LedgerReader
    from mist_pipeline.settings import Settings

MOST_MEANT = 3
"""Ids that an answer to a misspelt one names."""


class SeverityName(StrEnum):
    """How bad something is, mildest first."""

    info = "info"
    warning = "warning"
    major = "major"
    critical = "critical"


class LedgerError(Exception):
    """The ledger cannot be used; says why."""


def is_there(settings: "Settings") -> bool:
    """Whether there is a ledger yet; that of a database server is made when it is first asked for.

    Raises:
        SettingsError: The data folder is not there, or is somebody else's.
    """
    need_data_folder(settings)
    place = settings.ledger
    return (isinstance(place, str) and "://" in place) or Path(place).exists()


def no_ledger(settings: "Settings") -> str:
    """The sentence for those who ask before anything was evaluated."""
    return f"There is no ledger at {shown(Path(settings.ledger))} yet: nothing was ever evaluated here."


@contextmanager
def opened(settings: "Settings", *, makes: bool = False) -> "Iterator[Ledger]":
    """The ledger, for the time of the block.

    Args:
        settings: Say where it is.
        makes: Whether one is made where there is none; otherwise a question in the wrong folder leaves none behind.

    Raises:
        LedgerError: It cannot be opened or does not answer.
        typer.BadParameter: There is none, or it has no such subject.
    """
    from mist_pipeline.alerts.ledger.database import LedgerUnavailableError
    from mist_pipeline.alerts.ledger.reader import NoSuchSubjectError
    from mist_pipeline.workflows.ledger_access import open_ledger

    if not is_there(settings) and not makes:
        raise typer.BadParameter(f"{no_ledger(settings)} `mist-pipeline daemon` evaluates what it sees.")
    try:
        with open_ledger(settings) as ledger:
            yield ledger
    except LedgerUnavailableError as error:
        raise LedgerError(str(error)) from None
    except NoSuchSubjectError as error:
        raise typer.BadParameter(str(error)) from None


@contextmanager
def looked_at(settings: "Settings") -> "Iterator[LedgerReader]":
    """The ledger for questions, for the time of the block: nothing is made, migrated or waited for.

    Raises:
        UnreadableError: It does not answer, or is of another version.
        typer.BadParameter: There is none, or it has no such subject.
    """
    from mist_pipeline.alerts.ledger.reader import NoSuchSubjectError
    from mist_pipeline.overview.ledger import reading_ledger

    if not is_there(settings):
        raise typer.BadParameter(f"{no_ledger(settings)} `mist-pipeline daemon` evaluates what it sees.")
    try:
        with reading_ledger(settings.ledger, settings.alerts.policy()) as ledger:
            yield ledger
    except NoSuchSubjectError as error:
        raise typer.BadParameter(str(error)) from None


@dataclass(frozen=True)
class Subject:
    """What an id stands for.

    Attributes:
        incident_id: The incident, or that of the alert.
        alert_id: The alert, if it is the id of one.
    """

    incident_id: str
    alert_id: str | None = None


def subject_of(ledger: "LedgerReader", text: str) -> Subject:
    """The one incident, or alert, whose id this is or begins.

    Raises:
        typer.BadParameter: None does, or those of several incidents do.
    """
    wanted = text.strip().lower()
    found = ledger.find(wanted) if wanted else {}
    if not found:
        close = {**ledger.find(wanted[:2]), **{one.incident_id: "" for one, _ in ledger.incidents(ACTIVE)}}
        raise typer.BadParameter(
            f"no incident and no alert has an id that begins with {clean(text, 40)!r}; {meant(wanted, close)}",
            param_hint="ID",
        )
    if len(set(found.values())) > 1:
        several = sorted(found)[:MOST_MEANT]
        more = f" and {len(found) - len(several):,} more" if len(found) > len(several) else ""
        raise typer.BadParameter(
            f"{clean(text, 40)!r} begins {len(found):,} ids, {', '.join(several)}{more}; type more of the one you mean",
            param_hint="ID",
        )
    incident_id = next(iter(found.values()))
    alerts = [name for name in found if name != incident_id]
    return Subject(incident_id, alerts[0] if len(found) == 1 and alerts else None)


def meant(wanted: str, known: Collection[str]) -> str:
    """Which ids somebody may have meant, or where there is a list of them."""
    beginnings = {name[: len(wanted)] if wanted else name: name for name in known}
    near = difflib.get_close_matches(wanted, beginnings, n=MOST_MEANT)
    if near:
        return f"did you mean {' or '.join(beginnings[one] for one in near)}?"
    return "`mist-pipeline alerts list` shows those that go on, with --all every alert there was"


@dataclass(frozen=True)
class Sites:
    """What sites are called.

    Attributes:
        names: Site id → name, as it was typed.
        labels: Site id → what is shown: clean, and unlike that of any other site.
    """

    names: Mapping[str, str]
    labels: Mapping[str, str]

    @classmethod
    def known(cls, settings: "Settings") -> "Sites":
        """The sites as they were last seen."""
        from mist_pipeline.workflows.ledger_access import known_sites

        rows = known_sites(settings).select("site_id", "name").iter_rows()
        names = {site_id: name or "" for site_id, name in rows}
        return cls(names, display_names(names))

    def label(self, site_id: str, family: str = "") -> str:
        """What a site is called; without one the organisation, or the pipeline itself."""
        from mist_pipeline.alerts.lifecycle.observations import COLLECTOR, is_pipeline

        if not site_id and (family == COLLECTOR or is_pipeline(family)):
            return "The pipeline"
        if not site_id:
            return "The whole organisation"
        return self.labels.get(site_id) or unnamed(site_id)

    def ids_of(self, text: str, also: Iterable[str] = ()) -> set[str]:
        """Sites of this id or name; names are not unique.

        Args:
            text: As it was typed.
            also: Ids of sites that exist besides those that were last seen.

        Raises:
            typer.BadParameter: There is none.
        """
        wanted = folded(text)
        if not wanted:
            raise typer.BadParameter("is empty; give the name or the id of a site", param_hint="--site")
        if text in self.names or text in set(also):
            return {text}
        # A label is of one site; it may look like the name of another.
        shown = {site_id for site_id, label in self.labels.items() if folded(label) == wanted}
        called = {site_id for site_id, name in self.names.items() if folded(name) == wanted}
        if shown or called:
            return called or shown
        if not self.names:
            raise typer.BadParameter(
                f"no site was seen yet, so {clean(text, 60)!r} is not known", param_hint="--site"
            )
        by_name = {folded(name): clean(name) for name in self.names.values() if clean(name)}
        near = difflib.get_close_matches(wanted, by_name, n=MOST_MEANT)
        hint = (
            f"did you mean {' or '.join(repr(by_name[one]) for one in near)}?"
            if near
            else f"{len(self.names):,} sites are known, by id or by name"
        )
        raise typer.BadParameter(f"there is no site {clean(text, 60)!r}; {hint}", param_hint="--site")


def span(text: str) -> timedelta:
    """A length of time: ``90m``, ``2h``, ``1d12h``, ``2w``."""
    try:
        return span_of(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def now_of(context: typer.Context, settings: "Settings") -> datetime:
    """The instant as of which a command works: as told to ``alerts`` itself, else when the folder's clock says it is."""
    clock, _stands = clock_of(settings, context.obj)
    return clock()


def user(name: str | None) -> str:
    """Who does something: as named, else whoever the operating system says it is."""
    if name is not None and clean(name):
        return clean(name)
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # A container may run as a number that nobody gave a name.
        return f"uid {os.getuid()}"


Id: TypeAlias = Annotated[
    str, typer.Argument(metavar="ID", help="Of an incident, or of one of its alerts; its beginning will do.")
]
By: TypeAlias = Annotated[
    str | None, typer.Option(help="Who does it; default: you, as the operating system knows you.")
]
Comment: TypeAlias = Annotated[str, typer.Option(help="Why, for others.")]
