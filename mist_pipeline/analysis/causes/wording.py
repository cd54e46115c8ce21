"""Causes in words: what a classifier points at, and how a shared attribute is named.

Here: words and nothing else. Not here: which service that is (``domain.services``), how a cause is found (``shared_attributes``,
``candidates``) and how a person
fixes it (remediation steps belong to ``notification``). Names and values come from outside: they are cleaned and
shortened here, and escaped by the renderer.

>>> site_cause("Main Street", "connect", "dns")
'DNS at Main Street → DNS service of this site'
"""

from collections.abc import Mapping
from datetime import timedelta

from mist_pipeline.analysis.causes.changes import Candidate
from mist_pipeline.domain import services
from mist_pipeline.domain.changes import changed_thing
from mist_pipeline.domain.metrics import classifier_title, family_title, in_sentence, symptom
from mist_pipeline.domain.site_names import DISPLAY_NAME_LENGTH
from mist_pipeline.domain.text import clean, duration

NAME_LENGTH = 80
"""Characters of a name or value that are shown."""

_PLACES: dict[str, tuple[str, str]] = {
    "site_group": ("group {value}", "of that group"),
    "gateway": ("sites behind gateway {value}", "at that gateway"),
    "template": ("sites of template {value}", "as configured by that template"),
    "firmware_of_model": ("sites with firmware {value}", ""),
    "firmware": ("sites with firmware {value}", ""),
    "model": ("sites with model {value}", ""),
    "country": ("country {value}", "of that country"),
    "organisation": ("the organisation", "of the whole organisation"),
    "change": ("sites with one change in common", ""),
}

_SUSPECTS: dict[str, str] = {
    "firmware_of_model": "firmware {value}",
    "firmware": "firmware {value}",
    "model": "model {value}",
}
"""Attributes that are themselves the suspect: the service is only how it shows."""


def service(classifier: str, family: str) -> str:
    """The service that a classifier points at; an unknown one gives the family in words."""
    return services.service(classifier) or in_sentence(family_title(clean(family, NAME_LENGTH)))


def shared_cause(
    attribute: str,
    value: str,
    *,
    family: str,
    classifier: str,
    degraded: int,
    judged: int,
    names: Mapping[str, str],
    change: str = "",
) -> str:
    """The sentence for a cause that sites share.

    "DHCP server does not answer at 14 of 15 sites of group North → DHCP service of that group"

    A change of the same sites stands behind it, or is itself the suspect where its sites share nothing else.

    Args:
        attribute: One of ``shared_attributes.ATTRIBUTES`` or ``organisation``.
        value: Its value; for groups and templates an id, shown by its name where ``names`` has one.
        family: Metric family.
        classifier: Dominant classifier, '' where there is none.
        degraded: Sites of the group that are degraded.
        judged: Sites of the group that had data.
        names: Id → name for people.
        change: A change that came before it (`change_words`), '' for none.
    """
    shown = clean(names.get(value, value), NAME_LENGTH)
    place, owner = (text.format(value=shown) for text in _PLACES[attribute])
    seen = (
        classifier_title(clean(classifier, NAME_LENGTH))
        if classifier
        else symptom(clean(family, NAME_LENGTH))
    )
    of = " " if place.startswith("sites") else " sites of "
    where = f"{degraded} of {judged}{of}{place}"
    pointed_at = service(classifier, family)
    if attribute == "change":
        return f"{seen} at {where} → {change} ({pointed_at})"
    behind = f", where {change}" if change else ""
    if attribute in _SUSPECTS:
        return f"{seen} at {where} → {_SUSPECTS[attribute].format(value=shown)} ({pointed_at}){behind}"
    return f"{seen} at {where} → {pointed_at} {owner}{behind}"


def change_words(change: Candidate, minutes_before: float, sites_before: int, sites_hit: int) -> str:
    """A change in words.

    "network template “Retail” was updated 25 min before the first bad hour by an administrator, at 12 of 12 sites"

    Args:
        change: The change.
        minutes_before: From the change to the start of the first bad hour, in the median of the sites.
        sites_before: Sites in trouble that it came before.
        sites_hit: Sites in trouble.
    """
    what = changed_thing(change.kind, change.title)
    is_before = minutes_before >= 1
    when = f"{duration(timedelta(minutes=minutes_before))} before the" if is_before else "in the"
    who = clean(change.admin, NAME_LENGTH) or "an administrator"
    return (
        f"{what} was {change.action} {when} first bad hour by {who}, at {sites_before} of {sites_hit} sites"
    )


def site_cause(name: str, family: str, classifier: str) -> str:
    """The sentence for a cause of one site alone: "DNS at Main Street → DNS service of this site"."""
    seen = (
        classifier_title(clean(classifier, NAME_LENGTH))
        if classifier
        else symptom(clean(family, NAME_LENGTH))
    )
    return f"{seen} at {clean(name, DISPLAY_NAME_LENGTH)} → {service(classifier, family)} of this site"
