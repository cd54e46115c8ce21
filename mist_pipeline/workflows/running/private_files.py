"""Who of this machine may read what the pipeline writes: the account that runs it, and its group where it is meant.

The ledger holds messages and, where it is wanted, names and addresses of clients; raw files hold all that the cloud tells.
So whatever this process and its children write is theirs alone. Reports and the published copy, with its old hours, have other readers: a web
server, analysts. Their folders say whether the group may read them, and whoever writes a file there does as its folder says.

Here: the rights of this process's files and of those folders. Not the rights of a data folder that somebody named: it may hold
more than ours (``doctor`` says where others can read it).
"""

import os
import stat
from contextlib import suppress
from pathlib import Path

from mist_pipeline.settings import Settings
from mist_pipeline.workflows.running.pin_file import has_pin

OWNER_ALONE = 0o077
"""What nobody but the owner gets of a new file."""

_OURS = ("ledger.db*", "pushes.db*", "warehouse.duckdb*", "call_budget.db*")
"""Files that earlier versions wrote for everybody to read."""


def keep_private(settings: Settings) -> None:
    """Let this process write files that nobody else can read, and say of folders with other readers who those are.

    Args:
        settings: With the data folder, which need not be there.
    """
    os.umask(OWNER_ALONE)
    if not settings.data.is_dir():
        return
    # Somebody else's files keep their rights: another account may have made them, for example with sudo. Other processes may
    # remove some meanwhile.
    with suppress(PermissionError, FileNotFoundError):
        for pattern in _OURS:
            for path in (*settings.data.glob(pattern), *settings.installation.glob(pattern)):
                _allow(path, 0o600)
        is_shared = settings.privacy.readable_by_group
        for folder in (settings.published_path.parent, settings.reports_path):
            if is_shared:
                folder.mkdir(exist_ok=True)
            if folder.is_dir():
                _allow_below(folder, is_shared=is_shared)
        # The published copy reads old hours there; it is made with the first of them.
        if (hours := settings.warehouse_path.with_name("hours")).is_dir():
            _allow_below(hours, is_shared=is_shared)
        mode = stat.S_IMODE(settings.data.stat().st_mode)
        if not settings.is_data_named and has_pin(settings):
            # Ours for certain: nobody named it, and an organisation's data is in it.
            mode = 0o700
        _allow(settings.data, mode | 0o010 if is_shared else mode)


def _allow_below(folder: Path, *, is_shared: bool) -> None:
    """Say who may read a folder; where that changes, also what is in it."""
    mode = 0o750 if is_shared else 0o700
    if stat.S_IMODE(folder.stat().st_mode) == mode:
        return
    for path in folder.rglob("*"):
        if not path.is_symlink():
            _allow(path, mode if path.is_dir() else mode & 0o660)
    _allow(folder, mode)


def _allow(path: Path, mode: int) -> None:
    if stat.S_IMODE(path.stat().st_mode) != mode:
        path.chmod(mode)
