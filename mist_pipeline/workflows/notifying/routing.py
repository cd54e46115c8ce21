"""Who would be notified of something that has not happened: routes, escalations and silences at one instant.

Here: what `mist-pipeline alerts test-route` asks. Choosing routes is that of the real thing
(``alerts.notify.routes.explain_route``). Not here: sending a test (`messages`), reading arguments and printing (``cli``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from mist_pipeline.alerts.ledger.ledger import NotificationRules
from mist_pipeline.alerts.notify.escalation import Due, schedule
from mist_pipeline.alerts.notify.matchers import Labels
from mist_pipeline.alerts.notify.routes import Explanation, explain_route
from mist_pipeline.alerts.notify.silences import Silence
from mist_pipeline.domain.metrics import CATALOGUE

_FAMILIES = {
    "site_down": "device",
    "collector": "collector",
    "health_drop": "health",
    "pipeline": "pipeline:daily",
}
"""Kind of finding that is not about a metric → the family that its alerts have."""


@dataclass(frozen=True)
class Routing:
    """Who would be notified, and why.

    Attributes:
        labels: Of the alert.
        at: The instant.
        routes: Every route in order, chosen or not, each with its reason.
        silences: Silences and planned ones that would hide it now.
        calls: Escalation → its steps with their times.
        sinks: Where messages would go, each once.
    """

    labels: Labels
    at: datetime
    routes: Sequence[Explanation]
    silences: Sequence[Silence]
    calls: Mapping[str, Sequence[Due]]
    sinks: Sequence[str]


def labels_of(
    notified: NotificationRules, *, severity: str, site_id: str, metric: str, kind: str, scope: str
) -> Labels:
    """The labels that an alert of this would have (as ``alerts.notify.silences.alert_labels``).

    Args:
        notified: For labels of the site.
        severity: Name of the severity.
        site_id: The site, '' for none.
        metric: A metric of the catalogue, '' for none.
        kind: Kind of finding.
        scope: site or infrastructure.
    """
    family = CATALOGUE[metric].family if metric else _FAMILIES.get(kind, "")
    return {
        **notified.labels_by_site.get(site_id, {}),
        "site_id": (site_id,),
        "family": (family,),
        "metric": (metric,),
        "kind": (kind,),
        "severity": (severity,),
        "classifier": ("",),
        "scope": (scope,),
    }


def routing(
    notified: NotificationRules, silences: Sequence[Silence], labels: Labels, at: datetime
) -> Routing:
    """Who would be notified of an alert with these labels.

    Args:
        notified: Routes, escalations and planned silences.
        silences: Those of the ledger.
        labels: Of the alert (`labels_of`).
        at: The instant.
    """
    routes = explain_route(notified.routes, labels, at)
    names = dict.fromkeys(route.escalation for route in routes if route.escalation)
    return Routing(
        labels=labels,
        at=at,
        routes=routes,
        silences=[one for one in [*notified.windows, *silences] if one.silences(labels, at)],
        calls={name: schedule(notified.escalations[name], at) for name in names},
        sinks=list(dict.fromkeys(sink for route in routes for sink in route.sinks)),
    )
