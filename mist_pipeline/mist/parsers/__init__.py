"""Documents of the Mist API as typed values: one ``parse_…`` per endpoint.

Tolerant where the cloud is loose (null, a missing metric, an unknown classifier or field, no interval) and strict where
guessing would invent data. What is odd never takes the rest along: a field is empty, a row is set aside, a reading is null, each
noted with its path in the `Oddities` that every ``parse_…`` takes as ``odd``. Only the frame of a document (no list, no window) is
`UnexpectedShape`. No I/O; rows, days and tables are made in `collect.history`.
"""

from mist_pipeline.mist.parsers.account import (
    MspOrganisation,
    Privilege,
    Usage,
    parse_msp_orgs,
    parse_self,
    parse_usage,
)
from mist_pipeline.mist.parsers.alarms import Alarm, parse_alarms
from mist_pipeline.mist.parsers.changes import Change, kept_entry, parse_audit_logs
from mist_pipeline.mist.parsers.impact import (
    ImpactedDevice,
    ImpactedDevices,
    ImpactedPeople,
    ImpactedPerson,
    ImpactRow,
    ImpactSummary,
    parse_impact_summary,
    parse_impacted_devices,
    parse_impacted_people,
)
from mist_pipeline.mist.parsers.oddities import Oddities, Oddity
from mist_pipeline.mist.parsers.sites import (
    Device,
    Radio,
    Site,
    SiteStats,
    parse_sites,
    parse_stats_devices,
    parse_stats_sites,
)
from mist_pipeline.mist.parsers.sle import (
    ClassifierSeries,
    Impact,
    SitesSle,
    SleMetrics,
    SleSummary,
    parse_sites_sle,
    parse_sle_metrics,
    parse_sle_summary,
    score_pct,
)
from mist_pipeline.mist.parsers.webhooks import (
    Webhook,
    WebhookDelivery,
    parse_webhook_deliveries,
    parse_webhooks,
)
from mist_pipeline.mist.parsers.wlan_templates import WlanTemplate, parse_wlan_templates

__all__ = [
    "Alarm",
    "Change",
    "ClassifierSeries",
    "Device",
    "Impact",
    "ImpactRow",
    "ImpactSummary",
    "ImpactedDevice",
    "ImpactedDevices",
    "ImpactedPeople",
    "ImpactedPerson",
    "MspOrganisation",
    "Oddities",
    "Oddity",
    "Privilege",
    "Radio",
    "Site",
    "SiteStats",
    "SitesSle",
    "SleMetrics",
    "SleSummary",
    "Usage",
    "Webhook",
    "WebhookDelivery",
    "WlanTemplate",
    "kept_entry",
    "parse_alarms",
    "parse_audit_logs",
    "parse_impact_summary",
    "parse_impacted_devices",
    "parse_impacted_people",
    "parse_msp_orgs",
    "parse_self",
    "parse_sites",
    "parse_sites_sle",
    "parse_sle_metrics",
    "parse_sle_summary",
    "parse_stats_devices",
    "parse_stats_sites",
    "parse_usage",
    "parse_webhook_deliveries",
    "parse_webhooks",
    "parse_wlan_templates",
    "score_pct",
]
