"""Which organisations there are: a file each in a folder beside the shared configuration file, whose values it overrides.

Here: finding them, choosing one, laying its values over the shared ones. Not here: reading files and variables (`loading`).

>>> laid_over({"mist": {"cloud": "emea-01", "detail": "off"}}, {"mist": {"detail": "full"}, "history": {"keep_days": 9}})
{'mist': {'cloud': 'emea-01', 'detail': 'full'}, 'history': {'keep_days': 9}}
"""

import difflib
import re
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from mist_pipeline.settings.model import KEY, LONGEST_KEY

ORGANISATION_VARIABLE = "MIST_PIPELINE_ORG"
FOLDER = "organisations"

RESERVED = frozenset({"dagster", FOLDER, "assets", "live"})
"""What lies beside the organisations' data folders, and beside their parts of the console."""

OWN = (
    ("mist", "org_id"),
    ("warehouse", "name"),
    ("alerts", "ledger"),
    ("monitoring", "heartbeat_url"),
    ("monitoring", "heartbeat_fail_url"),
)
"""Keys that are each organisation's own: one value for all of them would mix what they keep, or hide that one is silent."""


OF_ALL = (
    ("web", "access"),
    ("web", "proxies"),
    ("web", "user_header"),
    ("compute", "max_runs"),
    ("monitoring", "machines"),
)
"""Keys that are about what all share: the one port at which their consoles are, the one Dagster and its machines."""


_OF_ONE = re.compile("MIST_PIPELINE_([A-Z0-9].*?)__")
"""How variables of one organisation begin."""


class OrganisationError(ValueError):
    """Organisations cannot be told apart, or the one that is asked for is none of them; says what to do."""


def organisation_files(shared: Path, chosen: str = "") -> dict[str, Path]:
    """Every organisation and its file, by key.

    Args:
        shared: The shared configuration file, beside which the folder is; it need not be there.
        chosen: The key of the one that is asked for: what is wrong with the names of others is no reason to stop it.

    Raises:
        OrganisationError: A file is not named by a key, or two are of one.
    """
    found = sorted([*(shared.parent / FOLDER).glob("*.yaml"), *(shared.parent / FOLDER).glob("*.yml")])
    files: dict[str, Path] = {}
    for path in found:
        if path.name.startswith("."):
            continue  # an editor's own, while somebody edits a file of an organisation
        key = path.stem
        is_wrong = not KEY.fullmatch(key) or len(key) > LONGEST_KEY or key in RESERVED
        if chosen and key != chosen and (is_wrong or key in files):
            continue
        if key in RESERVED:
            raise OrganisationError(
                f"{path}: {key!r} is the name of something beside the organisations; choose another key"
            )
        if is_wrong:
            raise OrganisationError(
                f"{path}: {key!r} is no key of an organisation, after which its file is named; use at most {LONGEST_KEY} "
                "lower-case letters and digits, with single `_` between them, beginning with a letter, such as acme_eu"
            )
        if key in files:
            raise OrganisationError(f"{files[key]} and {path} are both of {key}; keep one of them")
        files[key] = path
    return files


def file_of(key: str, files: Mapping[str, Path], shared: Path) -> Path:
    """The file of an organisation.

    Raises:
        OrganisationError: There is none; lists those that there are.
    """
    if key in files:
        return files[key]
    place = shared.parent / FOLDER
    if not files:
        raise OrganisationError(
            f"There is no organisation {key!r}: {place} has no files. Write {place / 'NAME.yaml'} with what differs from "
            f"{shared}, or leave out --org and {ORGANISATION_VARIABLE}."
        )
    raise OrganisationError(f"There is no organisation {key!r} in {place}; there are {', '.join(files)}.")


def choose_one(files: Mapping[str, Path]) -> OrganisationError:
    """What whoever chose none of several is told."""
    return OrganisationError(
        f"There are several organisations: {', '.join(files)}. Choose one with --org NAME, or for all commands with "
        f"`export {ORGANISATION_VARIABLE}=NAME`."
    )


def laid_over(shared: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Values over others: mappings key by key, everything else as a whole."""
    merged = dict(shared)
    for key, value in own.items():
        below = merged.get(key)
        if isinstance(below, Mapping) and isinstance(value, Mapping):
            merged[key] = laid_over(below, value)
        else:
            merged[key] = value
    return merged


def below(address: str, key: str) -> str:
    """Where the part of an organisation is in the console of all.

    >>> below("https://mist.example.com/", "acme"), below("https://mist.example.com/acme", "acme")
    ('https://mist.example.com/acme', 'https://mist.example.com/acme')
    >>> below("https://acme", "acme")
    'https://acme/acme'
    """
    place = address.rstrip("/")
    _scheme, _, rest = place.partition("://")
    return place if rest.partition("/")[2].split("/")[-1] == key else f"{place}/{key}"


def stray_variables(names: Iterable[str], keys: Collection[str]) -> list[str]:
    """Variables that are named like those of one organisation, and are of none: nothing reads them.

    Args:
        names: Of variables.
        keys: Of all organisations.

    >>> stray_variables(["MIST_PIPELINE_ACMEX__MIST__ORG_ID", "MIST_PIPELINE_ACME__WEB__USERS", "MIST_PIPELINE__WEB__USERS"], ["acme"])
    ['MIST_PIPELINE_ACMEX__MIST__ORG_ID']
    """
    prefixes = tuple(map(variable_prefix, keys))
    return sorted(name for name in names if _OF_ONE.match(name) and not name.startswith(prefixes))


def nearest_keys(names: Iterable[str], keys: Collection[str]) -> dict[str, str]:
    """The organisation that was probably meant by each stray variable, as far as one is near.

    Args:
        names: Of stray variables.
        keys: Of all organisations.

    Returns:
        What stands in the variable → key.

    >>> nearest_keys(["MIST_PIPELINE_ACMEX__MIST__ORG_ID", "MIST_PIPELINE_INITECH__WEB__USERS"], ["acme", "globex"])
    {'ACMEX': 'acme'}
    """
    found = {}
    for wrong in dict.fromkeys(match[1] for name in names if (match := _OF_ONE.match(name))):
        if near := difflib.get_close_matches(wrong.lower(), keys, n=1):
            found[wrong] = near[0]
    return found


def variable_prefix(key: str) -> str:
    """How variables of one organisation begin, which win over those of all."""
    return f"MIST_PIPELINE_{key.upper()}__"
