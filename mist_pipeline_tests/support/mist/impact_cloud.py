"""A cloud that says who is hit, and can fail in every documented way at each of its endpoints."""

from collections.abc import Callable, Mapping
from typing import Any

from mist_pipeline_tests.support.mist.scripted_cloud import Reply, ScriptedCloud, Seen

ORG = "203d3d02-dbc0-4c1b-9f41-76896a3330f4"
Change = Callable[[Seen], Reply | None]


def devices(site_id: str, how_many: int = 3) -> list[dict[str, Any]]:
    """Access points of a site, in no order; one of them has no name."""
    rows = [
        {"ap_mac": f"5c5b35{number:06x}", "name": f"AP-{number}", "degraded": 10 * number, "total": 600}
        for number in range(1, how_many + 1)
    ]
    rows[0]["name"] = None
    return rows


class ImpactCloud:
    """Answers for every site alike; `changed` puts another reply in the place of one."""

    def __init__(self, cloud: ScriptedCloud) -> None:
        self.cloud = cloud
        self.counts: Mapping[str, Any] | None = {
            "num_users": 42,
            "total_users": 180,
            "num_aps": 3,
            "total_aps": 12,
        }
        self.changed: Change = lambda _: None
        cloud.script = self._reply

    @property
    def asked(self) -> list[str]:
        """Last part of the path of each question about who is hit."""
        return [path.rsplit("/", 1)[-1] for path in self.cloud.paths if "/metric/" in path]

    @property
    def sites(self) -> list[str]:
        """Sites asked about, each once, in order."""
        return list(dict.fromkeys(path.split("/")[4] for path in self.cloud.paths if "/sle/" in path))

    def _reply(self, seen: Seen) -> Reply:
        return self.changed(seen) or Reply(document=self._document(seen))

    def _document(self, seen: Seen) -> Any:
        site_id, last = (
            seen.path.split("/")[4] if "/sites/" in seen.path else "",
            seen.path.rsplit("/", 1)[-1],
        )
        if last == "self":
            return {"privileges": [{"scope": "org", "org_id": ORG, "name": "Retail", "role": "read"}]}
        if last == "metrics":
            return {"enabled": ["coverage", "failed_to_connect"], "supported": []}
        window = {"start": int(seen.query["start"]), "end": int(seen.query["end"])}
        listed = {**window, "metric": "coverage", "classifier": "", "failure": "", "page": 1, "limit": 1000}
        if last in ("summary-trend", "summary"):
            samples = {"total": [600.0], "degraded": [60.0], "value": [None]}
            sle = {"name": "coverage", "interval": window["end"] - window["start"], "samples": samples}
            return {**window, "sle": sle, "impact": self.counts, "classifiers": []}
        if last == "impacted-aps":
            rows = devices(site_id)
            return {**listed, "total_count": len(rows), "aps": rows}
        if last == "impacted-users":
            user = {"mac": "a483e7390000", "name": "anna's phone", "degraded": 9, "ap_name": "AP-1"}
            return {**listed, "total_count": 42, "users": [user]}
        if last == "impact-summary":
            wlans = [{"wlan_id": "w", "name": "<b>Guest</b>", "degraded": 45, "total": 90, "duration": 0}]
            wlans.append({"wlan_id": "v", "name": "Corp", "degraded": 15, "total": 90, "duration": 0})
            return {
                **listed,
                "ap": devices(site_id),
                "wlan": wlans,
                "band": [],
                "device_os": [],
                "device_type": [],
            }
        return {"id": last}
