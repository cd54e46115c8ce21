"""What Jira answers, read into values: issues, their history, and the fields that a transition demands.

Names of statuses are per workflow and translated, so only their categories are read:

>>> required_fields({"fields": {"resolution": {"required": True}, "comment": {"required": False}}})
['resolution']

Not here: the requests (`api`).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from mist_pipeline.delivery.sink import Refused
from mist_pipeline.delivery.tickets.client import dig, rows_of, text_of
from mist_pipeline.delivery.tickets.system import Hand, StoppedError, Ticket

Category = Literal["new", "indeterminate", "done"]


@dataclass(frozen=True, kw_only=True)
class Issue(Ticket):
    """An issue as it was read; its id and number are its key.

    Attributes:
        category: Category of its status; names of statuses are per workflow and translated.
        status_id: Its status.
        description: Its description as JSON or text, for finding marks in it.
    """

    category: Category
    status_id: str
    description: str


@dataclass(frozen=True)
class Edit:
    """One entry of the history of an issue: which of its fields somebody changed, and to what."""

    at: datetime
    author_id: str
    author: str
    is_app: bool
    fields: Mapping[str, str]


def issue_of(document: object) -> Issue:
    """An issue.

    Raises:
        StoppedError: With `Refused` where it lacks what every issue has.
    """
    key, number = text_of(document, "key"), text_of(document, "id")
    category = text_of(document, "fields", "status", "statusCategory", "key")
    if not (key and number.isdecimal() and category and _instant(text_of(document, "fields", "created"))):
        raise StoppedError(
            Refused("Jira: an issue came without key, id, status category or date (too few permissions?)")
        )
    closed = (
        _instant(text_of(document, "fields", name))
        for name in ("statuscategorychangedate", "resolutiondate", "updated")
    )
    is_done = category == "done"
    return Issue(
        id=key,
        number=key,
        age=number.zfill(20),
        names=frozenset(str(label) for label in rows_of(document, "fields", "labels")),
        is_done=is_done,
        closed_at=next((at for at in closed if at), None) if is_done else None,
        resolution=text_of(document, "fields", "resolution", "name") if is_done else "",
        category="done" if is_done else "new" if category == "new" else "indeterminate",
        status_id=text_of(document, "fields", "status", "id"),
        description=json.dumps(dig(document, "fields", "description")),
    )


def edit_of(document: object) -> Edit:
    """An entry of a history; what is odd in it is left out."""
    author = dig(document, "author")
    return Edit(
        at=_instant(text_of(document, "created")) or datetime.min.replace(tzinfo=UTC),
        author_id=account_of(author),
        author=text_of(author, "displayName"),
        is_app=text_of(author, "accountType") == "app",
        fields={text_of(item, "field"): text_of(item, "to") for item in rows_of(document, "items")},
    )


def account_of(document: object) -> str:
    """The id of an account, by whichever name its dialect has for it."""
    return text_of(document, "accountId") or text_of(document, "key") or text_of(document, "name")


def hand_of(edit: Edit | None) -> Hand | None:
    """Who did it, and when."""
    return None if edit is None else Hand(edit.author, edit.at)


def _instant(text: str) -> datetime | None:
    """Jira's ``2026-11-23T17:00:00.000+0000``."""
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%f%z").astimezone(UTC)
    except ValueError:
        return None


def required_fields(way: object) -> list[str]:
    """Fields that a transition demands and that have no default."""
    fields = dig(way, "fields")
    if not isinstance(fields, Mapping):
        return []
    return [
        str(name)
        for name, about in fields.items()
        if dig(about, "required") is True and dig(about, "hasDefaultValue") is not True
    ]


def filled_fields(way: object, comment: object) -> dict[str, object]:
    """What a transition is sent for the fields that it demands; those without a choice Jira will name itself.

    Each field says which ``operations`` it takes. What can be set goes into ``fields``: the first allowed value (usually of the
    resolution), in a list where the field holds several. A comment can only be added.

    Args:
        way: The transition.
        comment: Text of a comment, in the format of the dialect.
    """
    filled: dict[str, object] = {}
    added: dict[str, object] = {}
    for name in required_fields(way):
        about = dig(way, "fields", name)
        operations = rows_of(about, "operations")
        if name == "comment":
            added[name] = [{"add": {"body": comment}}]
            continue
        allowed = rows_of(about, "allowedValues")
        if not (allowed and text_of(allowed[0], "id")):
            continue
        value = {"id": text_of(allowed[0], "id")}
        is_many = text_of(about, "schema", "type") == "array"
        if "set" in operations or not operations:
            filled[name] = [value] if is_many else value
        elif "add" in operations:
            added[name] = [{"add": value}]
    return {**({"fields": filled} if filled else {}), **({"update": added} if added else {})}
