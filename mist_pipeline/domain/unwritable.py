"""Why nothing can be written to a folder: SQLite says "unable to open database file" or "disk I/O error" of all of it."""

import os
from pathlib import Path

_TOO_LITTLE = 1 << 20


def why_unwritable(folder: Path) -> str:
    """Why nothing can be written below a folder, and what to do about it; '' where it can.

    >>> why_unwritable(Path("/tmp"))
    ''

    Args:
        folder: It need not be there.
    """
    place = folder.absolute()
    while not place.exists() and place != place.parent:
        place = place.parent
    system = os.statvfs(place)
    if system.f_flag & os.ST_RDONLY:
        return f"the file system of {place} is read-only: mount it writable (one whose disk fails is often made read-only)"
    if not os.access(place, os.W_OK | os.X_OK):
        return f"this account may not write to {place}: use the account that owns it, or change its rights"
    if system.f_bavail * system.f_frsize < _TOO_LITTLE:
        return f"the disk of {place} is full: free some space, and start the same command again"
    return ""
