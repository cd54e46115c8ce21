"""Which organisations `daemon` and `ui` serve: the one that there is or that is chosen, else all of several.

Here: their settings, what keeps one of them out, their code locations, their locks. Not here: serving them (`daemon`), which there
are (``settings.organisations``).
"""

import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from mist_pipeline.cli.code_location.files import code_location
from mist_pipeline.cli.code_location.forks import Location
from mist_pipeline.cli.console import errors, literal

if TYPE_CHECKING:
    from mist_pipeline.settings import Settings


def settings_of_all(extra: Mapping[str, str] | None = None) -> "list[Settings]":
    """The settings of each organisation that is served; one that is wrongly configured is left out where there are others, and said.

    Args:
        extra: Variables that win over those of the environment.

    Raises:
        SettingsError: None can be served, or two would share a ledger.
    """
    from mist_pipeline.settings import SettingsError

    found, wrong = configured(extra)
    sentences = [f"{key} is not served: {why}" for key, why in wrong.items()]
    if not found:
        raise SettingsError("\n".join(sentences))
    for sentence in sentences:
        errors.print(f"[yellow]![/] {literal(sentence)}", soft_wrap=True)
    refuse_common_ledger(found)
    return found


def configured(extra: Mapping[str, str] | None = None) -> "tuple[list[Settings], dict[str, str]]":
    """The settings of the organisation that there is or that is chosen, else of all of several, and why those of some cannot be used, by key.

    Args:
        extra: Variables that win over those of the environment.

    Raises:
        SettingsError: There is one, or one is chosen, and it is wrongly configured.
    """
    from mist_pipeline.settings import SettingsError, load_settings, organisations
    from mist_pipeline.settings.organisations import ORGANISATION_VARIABLE

    variables = {**os.environ, **(extra or {})}
    keys = [] if variables.get(ORGANISATION_VARIABLE) else organisations(variables)
    if not keys:
        return [load_settings(environment=variables)], {}
    found, wrong = [], {}
    for key in keys:
        try:
            found.append(load_settings(environment={**variables, ORGANISATION_VARIABLE: key}))
        except SettingsError as error:
            wrong[key] = str(error)
    return found, wrong


def is_about_all() -> bool:
    """Whether there are several organisations, none of which is chosen.

    Raises:
        SettingsError: A file is not named by a key.
    """
    from mist_pipeline.settings import organisations
    from mist_pipeline.settings.organisations import ORGANISATION_VARIABLE

    return not os.environ.get(ORGANISATION_VARIABLE) and bool(organisations())


def refuse_common_ledger(served: "Sequence[Settings]") -> None:
    """Refuse two organisations with one ledger: each would tell its people of the other's incidents.

    Raises:
        SettingsError: Names both.
    """
    from mist_pipeline.settings import SettingsError

    known: dict[object, str] = {}
    for settings in served:
        key, place = settings.organisation.key, _place(settings.ledger)
        if other := known.get(place):
            raise SettingsError(
                f"{other} and {key} have the same ledger: give each its own in alerts.ledger, or leave it out"
            )
        known[place] = key


def _place(ledger: str | Path) -> object:
    """Where a ledger is, however it is written."""
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        url = None if isinstance(ledger, Path) or "://" not in ledger else make_url(ledger)
    except (ArgumentError, ValueError):
        return ledger  # no address at all, which is said when it is opened
    if url is None or url.get_backend_name() == "sqlite":
        return Path(ledger if url is None else url.database or "").resolve()
    # Another user or another query may mean another schema.
    return (
        url.get_backend_name(),
        url.username,
        (url.host or "").lower(),
        url.port or 5432,
        url.database,
        tuple(sorted(url.query.items())),
    )


def locations_of(served: "Sequence[Settings]") -> dict[Location, list[Path]]:
    """The code location of each, with the files that its settings come from."""
    from mist_pipeline.settings import shared_file

    found = {}
    for settings in served:
        organisation = settings.organisation.key if settings.is_one_of_several else ""
        shared = [shared_file()] if settings.is_one_of_several else []
        files = [*shared, *([settings.source] if settings.source else [])]
        found[Location(code_location(settings), organisation)] = files
    return found


def take_folders(served: "Sequence[Settings]", command: str, address: str, stack: ExitStack) -> list[int]:
    """Take the data folder of each, and the one that they have in common, until the end of a block; new ones are made.

    Returns:
        Descriptors of the locks, for processes that keep the folders as well.

    Raises:
        FolderInUseError: Another daemon or UI works there.
    """
    from mist_pipeline.workflows.running.folder_lock import lock_file, take_folder

    zone = served[0].organisation.zone
    descriptors = []
    # The common one first: it says who has them all.
    for folder in dict.fromkeys([served[0].installation, *(settings.data for settings in served)]):
        folder.mkdir(parents=True, exist_ok=True)
        file = lock_file(served[0].monitoring.machines)
        lock = take_folder(folder, command, address, datetime.now(zone), file=file)
        stack.callback(lock.release)
        descriptors.append(lock.descriptor)
    return descriptors
