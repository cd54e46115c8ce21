"""What is known of sites that are silent: nobody there can be counted, but how many usually are, and their access points.

Pure. The finding of kind ``site_down`` says it in its evidence.

>>> one = {"num_aps": 12, "usual_users": 41.7, "is_partial": False}
>>> sites = Silent.of_evidence({"a": one, "b": {**one, "num_aps": None}})
>>> sites.num_aps, sites.why_no_users
(12, 'nobody can be counted at 2 silent sites, about 83 are usual there at that hour')
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from mist_pipeline.alerts.lifecycle.model import Alert
from mist_pipeline.alerts.lifecycle.signals import SITE_DOWN

DEVICES_NOT_KNOWN = "it is not known how many a silent site has"


@dataclass(frozen=True)
class Silent:
    """Sites that are silent as a whole.

    Attributes:
        num_sites: How many.
        num_aps: Their access points, over the sites where that is known; None where it is not.
        usual_users: Users that are usual there in the busiest hour of the trouble; None where that is not known.
    """

    num_sites: int
    num_aps: int | None
    usual_users: float | None

    @classmethod
    def of_alerts(cls, alerts: Iterable[Alert]) -> "Silent":
        """The silent sites among those with these alerts."""
        told = {alert.site_id: _evidence(alert) for alert in alerts if SITE_DOWN in alert.kinds}
        return cls.of_evidence({site: said for site, said in told.items() if said})

    @classmethod
    def of_evidence(cls, told: Mapping[str, Mapping[str, Any]]) -> "Silent":
        """Sites by the evidence of their finding; those that lost a part of their devices are not silent."""
        silent = [said for said in told.values() if not said.get("is_partial", True)]
        aps = [said["num_aps"] for said in silent if isinstance(said.get("num_aps"), int)]
        users = [said["usual_users"] for said in silent if isinstance(said.get("usual_users"), int | float)]
        return cls(len(silent), sum(aps) if aps else None, sum(users) if users else None)

    @property
    def why_no_users(self) -> str:
        """Why users are not known, and how many usually are there."""
        where = "a silent site" if self.num_sites == 1 else f"{self.num_sites:,} silent sites"
        why = f"nobody can be counted at {where}"
        usual = round(self.usual_users or 0)
        return (
            f"{why}, about {usual:,} {'is' if usual == 1 else 'are'} usual there at that hour"
            if usual
            else why
        )


def _evidence(alert: Alert) -> Mapping[str, Any]:
    """The evidence of its leading finding; nothing where that is another one, or of an earlier version."""
    try:
        parsed = json.loads(alert.evidence) if alert.evidence else {}
    except ValueError:
        return {}
    return parsed if isinstance(parsed, dict) and "usual_users" in parsed else {}
