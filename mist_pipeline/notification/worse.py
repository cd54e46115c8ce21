"""How an incident became much worse, as a message says it. Not here: when that is (``alerts.lifecycle.levels``), words (``delivery``)."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from mist_pipeline.alerts.lifecycle.model import Alert, Worse
from mist_pipeline.delivery.message import SiteView, WorseView


def newest(many: Iterable[Worse | None]) -> Worse | None:
    """The newest of several; of those at one instant the worst."""
    known = (one for one in many if one is not None)
    return max(known, key=lambda one: (one.at, one.to_pct, one.alert_id), default=None)


def told(said: Mapping[str, Any], alerts: Iterable[Alert], at: datetime) -> Worse | None:
    """What a row of the outbox says of it, or what is known of the alerts that went on by then.

    Args:
        said: The payload of the row, or of the part of a digest.
        alerts: Alerts of the incident.
        at: When the row was decided.
    """
    if (own := said.get("worse")) is not None:
        return Worse(**{**own, "at": datetime.fromisoformat(own["at"])})
    return newest(alert.worse for alert in alerts if alert.is_active and alert.worse and alert.worse.at <= at)


def worse_view(worse: Worse, site: SiteView) -> WorseView:
    """With its site."""
    return WorseView(site, worse.metric, worse.from_pct, worse.to_pct, worse.at)
