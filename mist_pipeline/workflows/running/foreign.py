"""Whether a folder is somebody else's: named as the data folder by mistake, it would be filled and its files' rights changed."""

import re
from itertools import islice
from pathlib import Path

OURS = frozenset(
    {
        "call_budget.db", "cloud_clock.json", "clouds.json", "config.yaml", "daemon.lock", "dagster", "evaluations", "ledger.db", "messages",
        "organisation.json", "published", "pushes.db", "raw", "reports", "scene.json", "warehouse.duckdb",
    }
)  # fmt: skip
"""Names of what this program puts into a data folder; one of them is enough."""

_LOCK = re.compile(r"daemon\..+\.lock")
"""That of one of several machines (`folder_lock`), which is the first thing that it puts there."""

_NOBODYS = frozenset({"lost+found"})
_MOST = 10_000
"""So many names are looked at."""


def is_foreign(folder: Path) -> bool:
    """Whether a folder has things in it of which none is ours; hidden ones do not count, nor do those of a fresh disk."""
    names = {path.name for path in islice(folder.iterdir(), _MOST)}
    seen = {name for name in names if not name.startswith(".")} - _NOBODYS
    return bool(seen) and not any(name in OURS or _LOCK.fullmatch(name) for name in seen)
