"""People, fields, priorities and workflows of the fake Jira, as Jira describes them in its answers."""

from dataclasses import dataclass, field
from typing import Any

US = {
    "accountId": "acc-us",
    "key": "mist",
    "name": "mist",
    "displayName": "Mist Pipeline",
    "accountType": "atlassian",
}
ANNA = {
    "accountId": "acc-anna",
    "key": "anna",
    "name": "anna",
    "displayName": "Anna Ops",
    "accountType": "atlassian",
}
ROBOT = {
    "accountId": "acc-bot",
    "key": "bot",
    "name": "bot",
    "displayName": "Automation",
    "accountType": "app",
}
CREATED_WITH = (
    "summary",
    "issuetype",
    "project",
    "description",
    "labels",
    "priority",
    "reporter",
    "components",
)
NOT_ON_SCREEN = "Field '{}' cannot be set. It is not on the appropriate screen, or unknown."
"""Jira's own words; English, whatever language the account has."""
RESOLUTION = {
    "required": True,
    "schema": {"type": "resolution", "system": "resolution"},
    "name": "Lösung",
    "key": "resolution",
    "operations": ["set"],
    "hasDefaultValue": False,
    "allowedValues": [{"id": "7", "name": "Erledigt"}, {"id": "8", "name": "Doppelt"}],
}
COMMENT = {
    "required": True,
    "schema": {"type": "comments-page", "system": "comment"},
    "name": "Kommentar",
    "key": "comment",
    "operations": ["add", "edit", "remove"],
    "hasDefaultValue": False,
}
VERSIONS = {
    "required": True,
    "schema": {"type": "array", "items": "version", "system": "fixVersions"},
    "name": "Lösungsversionen",
    "key": "fixVersions",
    "operations": ["set", "add", "remove"],
    "hasDefaultValue": False,
    "allowedValues": [{"id": "10100", "name": "2026"}],
}
"""Fields of a transition's screen, as Jira describes them: each with ``key``, ``name`` and ``operations``."""
PRIORITIES = {"1": "Höchste", "2": "Hoch", "3": "Mittel", "4": "Niedrig"}


@dataclass(frozen=True)
class Way:
    """A transition: its id and (translated) name, where it leads, and fields that its screen demands."""

    id: str
    name: str
    to: str
    fields: dict[str, Any] = field(default_factory=dict)
    is_available: bool = True


@dataclass(frozen=True)
class Workflow:
    """Statuses by id (name, category), and the transitions that leave each."""

    statuses: dict[str, tuple[str, str]]
    ways: dict[str, list[Way]]
    initial: str


STATUSES = {
    "10": ("Zu erledigen", "new"),
    "20": ("In Arbeit", "indeterminate"),
    "30": ("Fertig", "done"),
}
EVERY_WAY = [Way("11", "Zurückstellen", "10"), Way("21", "Beginnen", "20"), Way("31", "Erledigen", "30")]
SIMPLE = Workflow(STATUSES, {"10": EVERY_WAY, "20": EVERY_WAY, "30": EVERY_WAY}, "10")
STRICT = Workflow(
    STATUSES,
    {
        "10": [Way("21", "Done!", "20")],  # a name that lies about where it leads
        "20": [Way("31", "Schließen", "30", {"resolution": RESOLUTION})],
        "30": [Way("41", "Wieder öffnen", "20")],
    },
    "10",
)
"""No way from new to done but through work, and a resolution is demanded there."""
DEAD_END = Workflow(STATUSES, {"10": [], "20": [], "30": []}, "10")
