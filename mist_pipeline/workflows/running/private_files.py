"""Who of this machine may read what the pipeline writes: the account that runs it, and its group where it is meant.

The ledger holds messages and, where it is wanted, names and addresses of clients; raw files hold all that the cloud tells.
So whatever this process and its children write is theirs alone. Reports and the published copy have other readers: a web
server, analysts. Their folders say whether the group may read them, and whoever writes a file there does as its folder says.

Here: the rights of this process's files and of those folders. Never the rights of a folder that somebody else made: the data
folder may be named by anybody, and may hold more than ours (``doctor`` says what others can read).
"""

import os
import stat
from contextlib import suppress
from pathlib import Path

from mist_pipeline.settings import Settings

OWNER_ALONE = 0o077
"""What nobody but the owner gets of a new file."""

_OURS = ("ledger.db*", "warehouse.duckdb*", "call_budget.db*")
"""Files that earlier versions wrote for everybody to read."""


def keep_private(settings: Settings) -> None:
    """Let this process write files that nobody else can read, and say of folders with other readers who those are.

    Args:
        settings: With the data folder, which need not be there.
    """
    os.umask(OWNER_ALONE)
    if not settings.data.is_dir():
        return
    # Somebody else's files keep their rights: another account may have made them, for example with sudo.
    with suppress(PermissionError):
        for pattern in _OURS:
            for path in settings.data.glob(pattern):
                _allow(path, 0o600)
        is_shared = settings.privacy.readable_by_group
        for folder in (settings.published_path.parent, settings.reports_path):
            if is_shared:
                folder.mkdir(exist_ok=True)
            if folder.is_dir():
                _allow(folder, 0o750 if is_shared else 0o700)
        if is_shared:
            _allow(settings.data, stat.S_IMODE(settings.data.stat().st_mode) | 0o010)


def _allow(path: Path, mode: int) -> None:
    if stat.S_IMODE(path.stat().st_mode) != mode:
        path.chmod(mode)
