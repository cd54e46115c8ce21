"""Who a token is and what it may still ask: ``/self`` and ``/self/usage``."""

from dataclasses import dataclass
from typing import Any

from mist_pipeline.mist.parsers.oddities import Oddities
from mist_pipeline.mist.parsers.reader import Node, read_rows


@dataclass(frozen=True, slots=True)
class Privilege:
    """One thing that a token may see.

    Attributes:
        scope: ``msp``, ``org``, ``orggroup``, ``site`` or ``sitegroup``.
        org_id: The organisation that it belongs to, or None (an msp's own privilege).
        org_name: Name of that organisation, '' where the cloud does not say; hostile input.
        role: ``admin``, ``read`` and so on.
        msp_id: The provider that it belongs to, or None.
    """

    scope: str
    org_id: str | None
    org_name: str
    role: str
    msp_id: str | None = None


@dataclass(frozen=True, slots=True)
class MspOrganisation:
    """An organisation of a managed service provider; its name is hostile input."""

    org_id: str
    name: str


@dataclass(frozen=True, slots=True)
class Usage:
    """Calls of one token in the running hour, and its limit; None where the cloud does not say."""

    requests: int | None
    request_limit: int | None


def parse_self(document: Any, odd: Oddities | None = None) -> list[Privilege]:
    """The privileges of a token, in the cloud's order; one without a scope is set aside.

    Raises:
        UnexpectedShape: The document is no object, or its privileges are no list.
    """
    privileges = Node(document, odd or Oddities("self")).child("privileges")
    return [] if privileges.value is None else read_rows(privileges.items(), _privilege, "scope")


def parse_usage(document: Any, odd: Oddities | None = None) -> Usage:
    """How many calls the cloud has counted for a token in this hour.

    Raises:
        UnexpectedShape: The document is no object.
    """
    node = Node(document, odd or Oddities("usage"))
    return Usage(node.count("requests"), node.count("request_limit") or None)


def parse_msp_orgs(document: Any, odd: Oddities | None = None) -> list[MspOrganisation]:
    """The organisations of a provider, in the cloud's order; one without an id is set aside.

    Raises:
        UnexpectedShape: The document is no list.
    """
    return read_rows(Node(document, odd or Oddities("msp_orgs")).items(), _msp_organisation, "id")


def _msp_organisation(node: Node) -> MspOrganisation:
    org_id = node.identifier("id")
    if org_id is None:
        raise node.child("id").fail("an id")
    return MspOrganisation(org_id, node.text("name") or "")


def _privilege(node: Node) -> Privilege:
    scope = node.text("scope")
    if scope is None:
        raise node.child("scope").fail("a text")
    org_name = node.text("org_name") or (node.text("name") if scope == "org" else None) or ""
    role = node.text("role") or ""
    return Privilege(scope, node.identifier("org_id"), org_name, role, node.identifier("msp_id"))
