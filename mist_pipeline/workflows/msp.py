"""The organisations that the token of a managed service provider reaches, and a file for each that has none yet.

Here: asking the cloud, comparing with the files that are there. Not here: keys and texts (``settings.proposing``), writing (``cli``).
"""

import errno
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mist_pipeline.domain.text import clean
from mist_pipeline.domain.time_zones import zone_names
from mist_pipeline.mist import endpoints
from mist_pipeline.mist.client import MistClient
from mist_pipeline.mist.errors import Forbidden, MistError, NotFound
from mist_pipeline.mist.parsers import parse_msp_orgs, parse_self, parse_sites
from mist_pipeline.settings.proposing import file_text, key_of
from mist_pipeline.storage.durable import write_if_absent


class NoProviderError(Exception):
    """The token is of no provider, or may not list its organisations; says what it is."""


@dataclass(frozen=True)
class Reached:
    """An organisation of the list.

    Attributes:
        org_id: Its id.
        name: Its name, clean; '' where it has none.
        timezone: Most of its sites'; '' where that is not known.
        num_sites: Its sites.
        trouble: Why it cannot be watched with this token, '' if it can.
    """

    org_id: str
    name: str
    timezone: str = ""
    num_sites: int = 0
    trouble: str = ""


@dataclass(frozen=True)
class Proposed:
    """A file for an organisation that has none.

    Attributes:
        reached: The organisation.
        key: After which the file is named.
        text: What stands in it.
    """

    reached: Reached
    key: str
    text: str


def reached_by(client: MistClient) -> list[Reached]:
    """Every organisation of the provider whose token it is, in the cloud's order; each is asked for its sites.

    Raises:
        NoProviderError: The token is of none, or may not list its organisations.
        MistError: The cloud did not answer.
    """
    (page,) = client.pages(endpoints.whoami())
    privileges = parse_self(page.document)
    providers = {one.msp_id for one in privileges if one.msp_id and one.scope in ("msp", "orggroup")}
    if not providers:
        scopes = ", ".join(sorted({clean(one.scope, 20) for one in privileges})) or "none at all"
        raise NoProviderError(
            f"the token is of no managed service provider (its privileges: {scopes}): write the files by hand, as in docs/organisations.md"
        )
    names = {one.org_id: one.org_name for one in privileges if one.scope == "org" and one.org_id}
    for provider in sorted(providers):
        try:
            pages = list(client.pages(endpoints.msp_orgs(provider)))
        except (Forbidden, NotFound) as error:
            raise NoProviderError(
                f"the token may not list the organisations of its provider ({error}): it needs a privilege of scope msp"
            ) from None
        for one in pages:
            names |= {found.org_id: found.name for found in parse_msp_orgs(one.document)}
    return _with_sites(client, names)


def _with_sites(client: MistClient, names: Mapping[str, str]) -> list[Reached]:
    asked = {endpoints.org_sites(org_id): org_id for org_id in names}
    found = {}
    for call, outcome in client.fetch_many(asked):
        org_id = asked[call]
        name = clean(names[org_id], 80)
        if isinstance(outcome, Forbidden | NotFound):
            found[org_id] = Reached(org_id, name, trouble="the token may not read its sites")
        elif isinstance(outcome, MistError):
            raise outcome
        else:
            sites = [site for page in outcome for site in parse_sites(page.document)]
            zones = Counter(site.timezone for site in sites if site.timezone in zone_names())
            zone = zones.most_common(1)[0][0] if zones else None
            found[org_id] = Reached(org_id, name, zone or "", len(sites))
    return [found[org_id] for org_id in names]


def proposals(reached: Iterable[Reached], known: Mapping[str, str | None]) -> list[Proposed]:
    """A file for each organisation that can be watched and has none.

    Args:
        reached: Those of the token.
        known: Key → organisation id of every file that is there; None where it names none.
    """
    taken, watched = set(known), {org_id for org_id in known.values() if org_id}
    found = []
    for one in reached:
        if one.trouble or one.org_id in watched:
            continue
        key = key_of(one.name, taken)
        taken.add(key)
        found.append(Proposed(one, key, file_text(one.name, one.org_id, one.timezone)))
    return found


def write(proposed: Sequence[Proposed], folder: Path) -> list[Path]:
    """Write the files, each whole or not at all; one that somebody made meanwhile is never replaced.

    Raises:
        FileExistsError: One is there; those before it are written.
        OSError: One cannot be written; those before it are.
    """
    written = []
    for one in proposed:
        path = folder / f"{one.key}.yaml"
        if not write_if_absent(path, one.text.encode()):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
        # It holds no secrets, and the account of the service has to read what another one may have made.
        path.chmod(0o644)
        written.append(path)
    return written
