"""What the cloud's answers say about this machine's clock, kept for whoever asks without asking the cloud."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from mist_pipeline.settings import Settings
from mist_pipeline.storage.durable import write_atomically

_FILE = "cloud_clock.json"


@dataclass(frozen=True)
class Skew:
    """How far the cloud's clock is ahead of this machine's, and when that was seen."""

    ahead: timedelta
    seen_at: datetime


def remember_skew(settings: Settings, ahead: timedelta, now: datetime) -> None:
    """Keep what an answer of the cloud said about this machine's clock."""
    facts = {"cloud_ahead_seconds": ahead.total_seconds(), "seen_at": now.isoformat()}
    write_atomically(settings.data / _FILE, [(json.dumps(facts) + "\n").encode()])


def read_skew(settings: Settings) -> Skew | None:
    """What the last answer of the cloud said about this machine's clock; None where there was none, or it is damaged."""
    try:
        facts = json.loads((settings.data / _FILE).read_text(encoding="utf-8"))
        return Skew(
            timedelta(seconds=float(facts["cloud_ahead_seconds"])), datetime.fromisoformat(facts["seen_at"])
        )
    except (OSError, ValueError, KeyError, TypeError, OverflowError):
        return None
