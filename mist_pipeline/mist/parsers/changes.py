"""Entries of the organisation's audit log: what was changed, where and when, read from the cloud's sentences.

The cloud tells a change as a sentence, ``Update WLAN "Guests"``: a verb, what it was, and its name. The official file has no list of
them, so whatever is not known is kept as ``other``. An entry also holds who did it, from where, and the values before and after, which
may be passphrases: `kept_entry` is what of it may be written down.

>>> [one] = parse_audit_logs({"results": [{"id": "e1", "timestamp": 1772445600, "message": 'Update WLAN "Guests"', "site_id": "s1"}]})
>>> one.action, one.kind, one.title, one.site_id
('updated', 'wlan', 'Guests', 's1')
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from mist_pipeline.mist.endpoints import is_plain_id
from mist_pipeline.mist.parsers.oddities import Oddities
from mist_pipeline.mist.parsers.reader import Node, read_rows

OTHER: Final = "other"

_ACTIONS: Final = {
    "add": "added", "create": "added", "clone": "added", "import": "added",
    "update": "updated", "modify": "updated", "edit": "updated", "change": "updated", "set": "updated", "assign": "updated",
    "delete": "deleted", "remove": "deleted",
    "upgrade": "upgraded",
}  # fmt: skip
"""Verb that begins a sentence → what happened."""

_KINDS: Final = (
    ("firmware", r"firmware|upgrade"),
    ("network_template", r"network ?template|switch template"),
    ("gateway_template", r"gateway ?template|wan edge template"),
    ("rf_template", r"rf ?template"),
    ("site_template", r"site ?template"),
    ("ap_template", r"ap ?template|device ?profile"),
    (OTHER, r"(alarm|sdk|email|notification) ?template"),
    ("wlan_template", r"wlan template|org template|^template"),
    ("wlan", r"wlan|ssid"),
    ("site_settings", r"site settings?"),
    ("organisation_settings", r"org(anization)? settings?"),
    ("network", r"networks?|vlans?"),
    ("device", r"devices?|access points?|aps?|switch(es)?|gateways?|wan edges?"),
    ("site", r"sites?"),
)
"""Kind → words that name it in a sentence; the first that fits counts."""
_WORDS: Final = tuple((kind, re.compile(rf"(?:^|\b)(?:{words})\b")) for kind, words in _KINDS)

_ID_FIELDS: Final = {
    "networktemplate_id": "network_template",
    "gatewaytemplate_id": "gateway_template",
    "rftemplate_id": "rf_template",
    "sitetemplate_id": "site_template",
    "aptemplate_id": "ap_template",
    "deviceprofile_id": "ap_template",
    "template_id": "wlan_template",
    "wlan_id": "wlan",
    "network_id": "network",
    "device_id": "device",
}
"""Field with the id of what was changed → its kind."""

KINDS: Final = tuple(dict.fromkeys((*(kind for kind, _ in _KINDS if kind != OTHER), OTHER)))
ACTIONS: Final = (*dict.fromkeys(_ACTIONS.values()), OTHER)

_SENTENCE: Final = re.compile(r'\s*([A-Za-z]+)\s*([^"]*)(?:"((?:[^"\\]|\\.)*)")?', re.DOTALL)
"""Verb, what it was, and its name: the first that is in quotes. What comes behind may be values."""

_TYPED: Final = re.compile(r"\".*\"|'.*'|\S*@\S*", re.DOTALL)
_MOST_READ: Final = 2_000
_KEPT: Final = frozenset({"id", "timestamp", "for_site"})
_NOT_KEPT_IDS: Final = frozenset({"admin_id", "msp_id"})


@dataclass(frozen=True, slots=True)
class Change:
    """One entry.

    Attributes:
        id: Key; the same over the API and in the webhook ``audits``.
        timestamp: Epoch seconds.
        action: One of `ACTIONS`.
        kind: One of `KINDS`.
        object_id: Of what was changed, where the entry has it.
        title: Its name as people typed it, hostile; None where the sentence has none, and for ``other``, which may name people.
        message: The sentence without what people typed; hostile.
        site_id: Or None where it is about no single site.
        admin: Who, or None where that is not kept; hostile.
    """

    id: str
    timestamp: float
    action: str
    kind: str
    object_id: str | None
    title: str | None
    message: str
    site_id: str | None
    admin: str | None


def parse_audit_logs(*documents: Any, odd: Oddities | None = None) -> list[Change]:
    """The entries of all pages, one per id; one without id, time or sentence is set aside.

    Raises:
        UnexpectedShape: There is no list.
    """
    odd = odd or Oddities("audit_logs")
    lists = [Node(document, odd).required("results").items() for document in documents]
    found = [change for rows in lists for change in read_rows(rows, _change)]
    return list({change.id: change for change in found}.values())


def kept_entry(entry: Mapping[str, Any], *, with_admin: bool) -> dict[str, Any]:
    """What of an entry may be written down: neither address nor browser, no values before and after, the person only if wanted.

    Args:
        entry: As the cloud sent it.
        with_admin: The name of the person is wanted.
    """
    message = entry.get("message")
    kept = {
        name: value
        for name, value in entry.items()
        if (name in _KEPT and isinstance(value, str | int | float))
        or (
            name.endswith("_id")
            and name not in _NOT_KEPT_IDS
            and isinstance(value, str)
            and is_plain_id(value)
        )
    }
    if with_admin and "admin_name" in entry:
        kept["admin_name"] = entry["admin_name"]
    if isinstance(message, str):
        kept["message"] = _named(message) if _read(message, kept)[1] != OTHER else _plain(message)
    return kept


def _change(node: Node) -> Change:
    identity, at = node.required_id("id"), node.required_moment("timestamp")
    message = node.text("message") or ""
    fields = node.value if isinstance(node.value, dict) else {}
    action, kind, title = _read(message, fields)
    return Change(
        id=identity,
        timestamp=at,
        action=action,
        kind=kind,
        object_id=_object_id(kind, fields),
        title=title if kind != OTHER else None,
        message=_plain(message if kind == OTHER else _named(message)),
        site_id=node.identifier("site_id"),
        admin=node.text("admin_name") or None,
    )


def _read(message: str, fields: Mapping[str, Any]) -> tuple[str, str, str | None]:
    """Action, kind and name that a sentence tells."""
    found = _SENTENCE.match(message[:_MOST_READ])
    verb, words, title = (found[1].lower(), found[2].lower(), found[3]) if found else ("", "", None)
    action = _ACTIONS.get(verb, OTHER)
    if action == OTHER:  # a login, a restart, whatever changes no configuration
        return OTHER, OTHER, None
    if action == "upgraded":
        return action, "firmware", title
    told = next((kind for kind, of_kind in _WORDS if of_kind.search(words)), "")
    of_fields = (kind for name, kind in _ID_FIELDS.items() if fields.get(name))
    return action, told or next(of_fields, OTHER), title


def _object_id(kind: str, fields: Mapping[str, Any]) -> str | None:
    """The id of what was changed, of a field that names its kind."""
    named = (fields.get(name) for name, of in _ID_FIELDS.items() if of == kind)
    return next((one for one in named if isinstance(one, str) and is_plain_id(one)), None)


def _named(message: str) -> str:
    """A sentence up to the name of what was changed."""
    found = _SENTENCE.match(message[:_MOST_READ])
    if found is None or found[3] is None:
        return _plain(message)
    return f'{_plain(message[: found.start(3) - 1])} "{found[3]}"'


def _plain(message: str) -> str:
    """A sentence without what people typed: what is in quotes, and addresses of mail."""
    return " ".join(_TYPED.sub("…", message[:_MOST_READ]).split())
