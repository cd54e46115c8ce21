"""The audit log as the cloud tells it: over its API with who, whence and the values before and after, and in its webhooks.

Sentences and fields are those of published examples where there are any (``Update WLAN "…"``, ``Update Site Settings``, ``Add Webhook "…"``,
``Accessed Org "…"``); the others are made in their likeness.
"""

import json
from typing import Any, Final

from mist_pipeline.simulator.changes.drawn import ConfigChange, changes
from mist_pipeline.simulator.world.clock import Clock
from mist_pipeline.simulator.world.organisation import ORG_ID, stable_uuid
from mist_pipeline.simulator.world.world import World

Document = dict[str, Any]

ADMINS: Final = (
    "Jo Doe jo.doe@example.com",
    "Kim <b>Lee</b> kim.lee@example.com",
    "Network automation",
    "Sam O'Neil\nsam@example.com",
)
_SECRET_VALUES: Final = {"auth": {"type": "psk", "psk": "a simulated passphrase"}}


class AuditLog:
    """Finds the entries of a window.

    Args:
        world: Whose.
        clock: Nothing later than its now is told.
    """

    def __init__(self, world: World, clock: Clock) -> None:
        self._world, self._clock = world, clock

    def between(self, start: float, end: float) -> list[ConfigChange]:
        """The entries from start up to end or now, oldest first; epoch seconds."""
        until = min(end, self._clock.now().timestamp() + 0.001)
        return changes(self._world, start, until) if start < until else []

    def document(self, change: ConfigChange) -> Document:
        """One entry as the API tells it."""
        body: Document = {
            "id": change.change_id,
            "timestamp": change.at,
            "org_id": ORG_ID,
            "site_id": change.site_id,
            "admin_id": stable_uuid(self._world.seed, "admin", change.admin),
            "admin_name": ADMINS[change.admin],
            "message": change.message,
            "src_ip": f"192.0.2.{change.admin + 1}",
            "user_agent": "Mozilla/5.0 (X11; Linux x86_64)",
        }
        if change.target is not None:
            body[change.target[0]] = change.target[1]
        if change.message.startswith("Update"):
            body |= {"before": _SECRET_VALUES, "after": _SECRET_VALUES}
        return body

    def event(self, change: ConfigChange) -> Document:
        """One entry as a webhook tells it: without the id of the person, without a site that it has not, values as text."""
        body = {name: value for name, value in self.document(change).items() if name != "admin_id" and value}
        return {
            name: json.dumps(value) if name in ("before", "after") else value for name, value in body.items()
        }
