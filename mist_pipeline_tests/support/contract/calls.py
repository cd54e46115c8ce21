"""Every call of the client that asks, with plausible arguments."""

from typing import get_args

from mist_pipeline.mist import endpoints
from mist_pipeline.mist.endpoints import Call

ORG, SITE = "203d3d02-dbc0-4c1b-9f41-76896a3330f4", "4ac1dcf4-9d8b-7211-65c4-057819f0862b"

CALLS: list[Call] = [
    endpoints.whoami(),
    endpoints.usage(),
    endpoints.org_sites(ORG),
    *[endpoints.sites_sle(ORG, sle, 1769990400, 1769994000) for sle in get_args(endpoints.Sle)],
    endpoints.sle_metrics(SITE),
    endpoints.sle_summary(SITE, "failed_to_connect", 1769904000, 1769990400),
    endpoints.impact_summary(SITE, "time-to-connect", 1769904000, 1769990400),
    *[
        endpoints.impacted_devices(SITE, "time-to-connect", kind, 1769904000, 1769990400)
        for kind in get_args(endpoints.DeviceKind)
    ],
    *[
        endpoints.impacted_people(SITE, "time-to-connect", connection, 1769904000, 1769990400)
        for connection in get_args(endpoints.Connection)
    ],
    endpoints.stats_sites(ORG),
    *[endpoints.stats_devices(ORG, kind) for kind in get_args(endpoints.DeviceType)],
    endpoints.alarms(ORG, 1769904000, 1769990400),
    endpoints.webhooks(ORG),
]

NOT_IN_THE_COPY = {"audit_logs", "msp_orgs", "wlan_templates", "webhook_ping", "webhook_deliveries"}
"""The audit log, organisations of a provider, WLAN templates, and endpoints of a single webhook: the copy of the official file holds how
webhooks are listed and made."""
