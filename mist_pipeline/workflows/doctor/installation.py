"""Configuration, folders, disk: what is there before anything runs."""

import errno
import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryFile

from mist_pipeline.domain.text import count
from mist_pipeline.settings import Settings, SettingsError, unread_variables
from mist_pipeline.warehouse.hours.files import hours_folder
from mist_pipeline.workflows.doctor.check import DOUBTFUL, FINE, WRONG, Check, Shown
from mist_pipeline.workflows.organisation_pin import remembered
from mist_pipeline.workflows.running.foreign import is_foreign
from mist_pipeline.workflows.running.leftovers import find_leftovers
from mist_pipeline.workflows.self_monitoring.service import FULL_BYTES
from mist_pipeline.workflows.self_monitoring.trouble import size

MIN_FREE_BYTES = 5 * 1024**3


def configuration(settings: Settings, shown: Shown) -> Check:
    """The file that was read, and variables that nothing reads."""
    place = "defaults and environment" if settings.source is None else shown(settings.source)
    try:
        unread = unread_variables()
    except SettingsError as error:  # the file of another organisation
        return Check(DOUBTFUL, "configuration", f"{place}; {error}")
    if unread:
        fix = "write the name of an organisation that there is, or unset the variable"
        return Check(DOUBTFUL, "configuration", f"{place}; {unread}", fix)
    fix = "`mist-pipeline init` writes a file to edit" if settings.source is None else ""
    return Check(FINE, "configuration", place, fix)


def data_folder(settings: Settings, shown: Shown) -> Check:
    """The folder that holds everything, and whose it is."""
    place = shown(settings.data)
    if settings.data.exists():
        if error := _not_writable(settings.data):
            said = error.strerror or type(error).__name__
            fix = _FIXES.get(error.errno or 0, _FIXES[errno.EACCES])
            return Check(WRONG, "data folder", f"{place} cannot be written: {said}", fix)
        if is_foreign(settings.data):
            return Check(
                WRONG,
                "data folder",
                f"{place} holds what comes from something else, and nothing of this program",
                "export MIST_PIPELINE_DATA=… names the right one, or a new one",
            )
        owner = remembered(settings)
        if settings.data.stat().st_mode & 0o007:
            return Check(
                DOUBTFUL,
                "data folder",
                f"{place} is open to every account of this machine",
                f"chmod o= {place}",
            )
        return Check(FINE, "data folder", f"{place}, of {owner}" if owner else f"{place}, of nobody yet")
    if settings.is_data_named:
        return Check(FINE, "data folder", f"{place} will be made by the first run")
    return Check(
        WRONG,
        "data folder",
        f"there is none at {settings.data.absolute()}",
        "`mist-pipeline init` makes it here; or name it: export MIST_PIPELINE_DATA=…",
    )


_FIXES = {
    errno.EACCES: "give it to the user that runs the daemon, and run other commands as that user",
    errno.ENOSPC: "free some space; `mist-pipeline retention` frees more once it can write",
    errno.EDQUOT: "free some space, or raise the quota of this account",
    errno.EROFS: "mount its file system writable; a disk that fails is often made read-only by the system",
}
"""What helps where nothing can be written."""


_NAMED = 5
"""Files without rights that are named; they tend to come together."""


def file_rights(settings: Settings, shown: Shown) -> Iterator[Check]:
    """What a run would write to and may not, left by a command of another account; nothing is said where there is nothing."""
    there = (each for pattern in ("*", "*/*") for each in settings.data.glob(pattern))
    hours = hours_folder(settings.warehouse_path)
    locked = sorted(
        path for path in there if not path.is_symlink() and not os.access(path, _wanted(path, hours))
    )
    if locked:
        named = ", ".join(shown(path) for path in locked[:_NAMED])
        more = f" and {len(locked) - _NAMED:,} more" if len(locked) > _NAMED else ""
        fix = "give the folder and all in it to the user that runs the daemon (chown -R), and run other commands as that user"
        yield Check(WRONG, "rights on files", f"this account may not read and write {named}{more}", fix)


def _wanted(path: Path, hours: Path) -> int:
    if path.absolute().parent == hours:
        return os.R_OK  # nobody writes to these again
    return os.R_OK | os.W_OK | (os.X_OK if path.is_dir() else 0)


def _not_writable(folder: Path) -> OSError | None:
    """Why nothing can be written there; None where it can. Tried, since rights alone say nothing of a disk that is full."""
    try:
        with TemporaryFile(dir=folder) as file:
            file.write(b"x" * 4096)
            file.flush()
    except OSError as error:
        return error
    return None


def disk(settings: Settings, shown: Shown) -> Check:
    """Free space where the data lies."""
    place = settings.data if settings.data.exists() else settings.data.absolute().parent
    free = shutil.disk_usage(place).free
    found = f"{size(free)} free at {shown(settings.data)}"
    if free < FULL_BYTES:
        return Check(WRONG, "disk", found, "free some: soon nothing can be written")
    if free < MIN_FREE_BYTES:
        return Check(DOUBTFUL, "disk", found, "free some, or set MIST_PIPELINE_DATA to another disk")
    return Check(FINE, "disk", found)


def leftovers(settings: Settings, shown: Shown) -> Iterator[Check]:
    """What killed processes left behind; nothing is said where there is nothing."""
    found = find_leftovers(settings.data, datetime.now(UTC), is_shared=settings.monitoring.machines > 1)
    if found:
        several = f"{count(len(found), 'file or folder', 'files and folders')} of killed processes"
        said = f"{several}, {size(sum(one.num_bytes for one in found))}, such as {shown(found[0].path)}"
        yield Check(
            DOUBTFUL, "leftovers", said, "`mist-pipeline retention` removes them; the daemon does every night"
        )


def home(folder: Path, shown: Shown, unusable: tuple[str, str] | None = None) -> Check:
    """Where Dagster keeps its own storage.

    Args:
        folder: Its home.
        shown: How paths are written.
        unusable: What is wrong with the storage, and what to do.
    """
    if unusable is not None:
        return Check(WRONG, "Dagster home", *unusable)
    if not folder.exists():
        return Check(FINE, "Dagster home", f"{shown(folder)} will be made by the first run")
    if error := _not_writable(folder):
        said = error.strerror or type(error).__name__
        return Check(WRONG, "Dagster home", f"{shown(folder)} cannot be written: {said}", "see data folder")
    if not (folder / "dagster.yaml").exists():
        return Check(DOUBTFUL, "Dagster home", str(folder), "copy the project's dagster.yaml there")
    return Check(FINE, "Dagster home", shown(folder))
