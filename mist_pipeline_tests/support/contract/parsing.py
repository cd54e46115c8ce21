"""The parser of every endpoint."""

from collections.abc import Callable
from typing import Any

from mist_pipeline.mist import parsers

PARSERS: dict[str, Callable[..., Any]] = {
    "self": parsers.parse_self,
    "usage": parsers.parse_usage,
    "sites": parsers.parse_sites,
    "sites_sle": parsers.parse_sites_sle,
    "sle_metrics": parsers.parse_sle_metrics,
    "sle_summary": parsers.parse_sle_summary,
    "impact_summary": parsers.parse_impact_summary,
    "impacted_devices": parsers.parse_impacted_devices,
    "impacted_people": parsers.parse_impacted_people,
    "stats_sites": parsers.parse_stats_sites,
    "stats_devices": parsers.parse_stats_devices,
    "alarms": parsers.parse_alarms,
    "webhooks": parsers.parse_webhooks,
}
