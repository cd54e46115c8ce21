"""Where a command works: its data folder, which must be meant, and the line that says where it works and who is told.

Here: refusing a folder that nobody made, and that line. Not here: whose folder it is (``workflows.organisation_pin``).
"""

import os
import pwd
from pathlib import Path
from typing import TYPE_CHECKING

from mist_pipeline.cli.console import console, errors, shown

if TYPE_CHECKING:
    from mist_pipeline.settings import Settings


def need_data_folder(settings: "Settings") -> None:
    """Refuse to work in a data folder that is not there, unless a variable names it.

    So a command that is typed in the wrong directory begins no second history there.

    Raises:
        SettingsError: It is not there, and nobody named it; it is no folder, or one of somebody else.
    """
    from mist_pipeline.settings import SettingsError
    from mist_pipeline.workflows.running.foreign import is_foreign
    from mist_pipeline.workflows.running.private_files import keep_private

    folder = settings.data.absolute()
    if folder.exists() and not folder.is_dir():
        raise SettingsError(f"{folder} is no folder; set MIST_PIPELINE_DATA to the data folder")
    if not folder.exists() and not settings.is_data_named:
        raise SettingsError(
            f"There is no data folder at {folder}. If another directory was meant, go there. Otherwise "
            "`mist-pipeline init` makes one here, `mist-pipeline demo` one of a demonstration, and "
            "`export MIST_PIPELINE_DATA=…` names it."
        )
    if folder.exists() and is_foreign(folder):
        raise SettingsError(
            f"{folder} is no data folder: what is in it comes from something else. `export MIST_PIPELINE_DATA=…` names "
            "the right one, or a new one."
        )
    keep_private(settings)
    _warn_of_another_account(folder)


def _warn_of_another_account(folder: Path) -> None:
    """Say so where files that this command writes could not be read by the account that owns the folder."""
    if not folder.exists() or (owner := folder.stat().st_uid) == os.geteuid():
        return
    try:
        name = pwd.getpwuid(owner).pw_name
    except KeyError:
        name = f"#{owner}"
    errors.print(
        f"! {folder} belongs to the account {name}, which cannot read what you write there. Use: sudo -u {name} …",
        markup=False,
        soft_wrap=True,
    )


def announce(settings: "Settings", *, notifies: bool = True, hint: str = "") -> None:
    """Say in one line where a command works and who may be told; refuses a folder that is not meant.

    Args:
        settings: Of the command.
        notifies: Whether people are notified of anything.
        hint: How they would be, where they are not.

    Raises:
        SettingsError: As `need_data_folder`.
    """
    from mist_pipeline.settings.recipients import recipients

    need_data_folder(settings)
    people = recipients(settings.notifications) if notifies else []
    who = "; ".join(people) or f"nobody ({hint if not notifies else _why_nobody(settings)})"
    console.print(
        f"Data: {shown(settings.data)}{_whose(settings)} · Configuration: {_configuration(settings)} · Notifies: {who}",
        markup=False,
        soft_wrap=True,
    )


def _whose(settings: "Settings") -> str:
    from mist_pipeline.domain.text import clean
    from mist_pipeline.workflows.organisation_pin import remembered

    if not settings.data.exists():
        return " (new)"
    owner = remembered(settings)
    return f" ({clean(owner.name, 60) or clean(owner.org_id, 60)})" if owner else ""


def _configuration(settings: "Settings") -> str:
    return shown(settings.source) if settings.source else "defaults and environment"


def _why_nobody(settings: "Settings") -> str:
    if not settings.notifications.sinks:
        return "no sink is configured"
    return "no route is configured" if not settings.notifications.routes else "no route leads to a sink"
