"""Matchers that no alert can ever fulfil together, whatever sites there are: a route or a silence with them does nothing.

Here: what is certain without knowing the organisation. Not here: what matches nothing that is known now (`known_values`): a site may
still come, or change its group.

>>> from mist_pipeline.alerts.notify.matchers import parse_matchers
>>> contradiction(parse_matchers('site="Bonn",site!="Bonn"'))
'no alert fulfils both site="Bonn" and site!="Bonn"'
>>> contradiction(parse_matchers('site="Bonn",site_group="North"'))
''
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations

from mist_pipeline.alerts.notify.fixed_values import FIXED, OF_SINKS, OF_SITES, OWN_SUBJECTS
from mist_pipeline.alerts.notify.matchers import Matcher
from mist_pipeline.domain.metrics import CATALOGUE

_ONE_VALUE = frozenset({"site_id", "country", "family", "metric", "severity", "classifier", "scope"})
"""Labels of which an alert has one value. The others may have several: a site is in groups, and has a name as typed and as shown."""

_OWN = "pipeline"
"""Scope, kind and beginning of the family of what the pipeline reports of itself."""

_OWN_FAMILIES = (*(f"{_OWN}:{subject}" for subject in OWN_SUBJECTS), f"{OF_SINKS}any")
_MEASURED = frozenset(metric.family for metric in CATALOGUE.values())


def contradiction(matchers: Iterable[Matcher]) -> str:
    """Which two matchers exclude one another; '' where none do."""
    for one, other in combinations(dict.fromkeys(matchers), 2):
        if (one.label == other.label and _exclude_label(one, other)) or _exclude_alert(one, other):
            hint = ""
            if one.label == other.label and one.operator == other.operator == "=":
                hint = f'; for either of them write {one.label}=~"{one.value}|{other.value}"'
            return f"no alert fulfils both {one} and {other}{hint}"
    return ""


def _exclude_label(one: Matcher, other: Matcher) -> bool:
    """Whether no value of their label fulfils both."""
    for wanted, against in ((one, other), (other, one)):
        if wanted.operator == "=":
            # Where a label has several values, another one may fulfil `=` and `=~`; none may fulfil `!=` and `!~`.
            may_be_another = against.operator in {"=", "=~"} and wanted.label not in _ONE_VALUE
            if not may_be_another and not against.matches({wanted.label: (wanted.value,)}):
                return True
        if wanted.operator == "=~" and against.operator == "!~" and wanted.value == against.value:
            return True
    return False


def _exclude_alert(one: Matcher, other: Matcher) -> bool:
    """Whether each has alerts that fulfil it, and none has both: trouble of the pipeline is of no site, a metric of one family."""
    pair = (one, other)
    alone = [any(_fulfil([matcher], alert) for alert in _alerts(pair)) for matcher in pair]
    return all(alone) and not any(_fulfil(pair, alert) for alert in _alerts(pair))


def _alerts(matchers: Sequence[Matcher]) -> Iterator[Mapping[str, Sequence[str]]]:
    """Label → values that an alert may have beside the others; a label that is not there may have any."""
    delivery = [one.value for one in matchers if one.label == "family" and one.value.startswith(OF_SINKS)]
    yield {
        "scope": [_OWN],
        "kind": [_OWN],
        "family": [*_OWN_FAMILIES, *delivery],
        "metric": [""],
        "classifier": [""],
        **dict.fromkeys(OF_SITES, ("",)),
    }
    of_sites = {
        "scope": [scope for scope in FIXED["scope"] if scope != _OWN],
        "kind": [kind for kind in FIXED["kind"] if kind != _OWN],
    }
    families = [name for name in FIXED["family"] if not name.startswith(f"{_OWN}:")]
    yield {**of_sites, "metric": [""], "family": families}
    for metric in CATALOGUE.values():
        others = [name for name in families if name not in _MEASURED]
        yield {**of_sites, "metric": [metric.name], "family": [metric.family, *others]}


def _fulfil(matchers: Iterable[Matcher], alert: Mapping[str, Sequence[str]]) -> bool:
    """Whether each of the matchers can be fulfilled by the values that an alert may have."""
    return all(
        one.label not in alert
        or any(one.matches({one.label: (value,)}) for value in alert[one.label])
        # Sinks have any name.
        or (one.label == "family" and one.operator == "=~" and "delivery" in one.value)
        for one in matchers
    )
