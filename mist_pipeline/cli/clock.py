"""What time it is for a command that shows the present: as told; in a demonstration when it plays; else what it is."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mist_pipeline.settings import Settings


def clock_of(settings: "Settings", as_of: datetime | None) -> tuple[Callable[[], datetime], bool]:
    """A clock, and whether it stands.

    Args:
        settings: With the data folder, which may be that of a demonstration.
        as_of: The instant that was asked for, if any.
    """
    if as_of is None and (scene := settings.data / "scene.json").exists():
        as_of = datetime.fromisoformat(json.loads(scene.read_text(encoding="utf-8"))["now"])
    if as_of is not None:
        stands = as_of
        return lambda: stands, True
    return lambda: datetime.now(UTC), False
