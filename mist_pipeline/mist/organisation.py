"""Which organisation is watched: the configured one, or the only one that a token sees. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from mist_pipeline.http_client.failures import excerpt
from mist_pipeline.mist.errors import Forbidden, OrganisationUnclear
from mist_pipeline.mist.parsers import Privilege


@dataclass(frozen=True)
class Organisation:
    """An organisation, and what a token may do there.

    Attributes:
        id: Its id.
        name: For people; '' where the cloud does not say; hostile input.
        scope: Of the privilege by which the token reaches it; '' where it was not asked.
        role: Of that privilege, such as ``read``; '' where the cloud does not say.
    """

    id: str
    name: str
    scope: str = ""
    role: str = ""


def choose(privileges: Sequence[Privilege], wanted: str | None) -> Organisation:
    """The organisation to watch.

    A privilege of another scope (an msp's, a site's) is never taken for an organisation, wherever it stands in the list.
    A configured organisation that is not listed is believed if the token has an msp's or a group's privilege, because
    those reach organisations that are not listed one by one.

    Raises:
        OrganisationUnclear: None configured, and the token sees several or none.
        Forbidden: The configured one is out of the token's reach.
    """
    seen = {each.org_id: each for each in privileges if each.scope == "org" and each.org_id}
    listed = "; ".join(
        f"{excerpt(each.org_name) or 'unnamed'} ({org_id})" for org_id, each in sorted(seen.items())
    )
    if wanted is not None:
        inner = seen.get(wanted) or next((each for each in privileges if each.org_id == wanted), None)
        if inner is not None:
            return Organisation(wanted, inner.org_name, inner.scope, inner.role)
        outer = next((each for each in privileges if each.scope in ("msp", "orggroup")), None)
        if outer is not None:
            return Organisation(wanted, "", outer.scope, outer.role)
        raise Forbidden(
            f"the API token has no privilege on organisation {wanted}; it sees: {listed or 'none'}"
        )
    if len(seen) == 1:
        [(org_id, only)] = seen.items()
        return Organisation(org_id, only.org_name, only.scope, only.role)
    if not seen:
        scopes = ", ".join(sorted({excerpt(each.scope) for each in privileges})) or "none at all"
        raise OrganisationUnclear(
            f"the API token has no privilege on an organisation (its privileges: {scopes}); use a token of the organisation,"
            " or set mist.org_id if the token reaches it through an msp"
        )
    raise OrganisationUnclear(
        f"the API token sees {len(seen)} organisations, set mist.org_id to one of: {listed}"
    )
