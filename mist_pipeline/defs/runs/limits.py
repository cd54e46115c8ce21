"""How long a run of each job may take: one that hangs must not keep its job from running for ever.

Dagster's monitoring ends a run that takes longer. The limits are several times what 3,000 sites take, and none is so long that a
job that notifies people misses an hour. Not here: runs whose process is gone (`dead`), which end within a minute.
"""

from collections.abc import Mapping
from datetime import timedelta

LIMIT_TAG = "dagster/max_runtime"
"""Run tag from which Dagster's monitoring takes the limit, in seconds."""

MAX_RUNTIME: Mapping[str, timedelta] = {
    "evaluate": timedelta(minutes=20),
    "escalate": timedelta(minutes=15),
    "deliver": timedelta(minutes=15),
    "read_back": timedelta(minutes=15),
    "watch": timedelta(minutes=15),
    "live": timedelta(minutes=45),
    "snapshots": timedelta(hours=2),
    "copies": timedelta(hours=2),
    "retention": timedelta(hours=6),
    "daily": timedelta(hours=12),
    "renew": timedelta(hours=12),
    "late_hours": timedelta(hours=2),
    "search": timedelta(hours=12),
    "collect": timedelta(hours=24),
    "analyse": timedelta(hours=24),
    "report": timedelta(hours=24),
}
"""Job → longest run. Those that may be a backfill by hand, started in the UI, have a day."""

UNLIMITED = {LIMIT_TAG: "0"}
"""Tag of a run of the command line: somebody waits for it and can end it."""


def limited(job: str, tags: Mapping[str, str] | None = None) -> dict[str, str]:
    """The tags of a job with its limit."""
    return {**(tags or {}), LIMIT_TAG: str(int(MAX_RUNTIME[job].total_seconds()))}
