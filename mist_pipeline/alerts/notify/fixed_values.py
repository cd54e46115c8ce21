"""Labels whose values do not depend on the organisation, and which of their values one alert may have at once.

Here: names alone. Not here: what is known of sites (`known_values`), which matchers exclude one another (`contradictions`).
"""

from collections.abc import Collection, Mapping

from mist_pipeline.alerts.lifecycle.policy import DEFAULT_RULES
from mist_pipeline.domain.metrics import CATALOGUE, CLASSIFIERS
from mist_pipeline.domain.severity import SEVERITIES

OF_SITES = ("site", "site_id", "site_group", "country", "model", "firmware", "template")
"""Labels that an alert has from its site."""

OWN_SUBJECTS = (
    "daily", "collect", "analyse", "report", "renew", "late_hours", "search", "snapshots", "live", "retention", "copies",
    "read_back", "evaluate", "deliver", "escalate", "watch", "settings", "checks", "evaluations", "recipients",
    "ledger", "clock", "cloud_clock", "disk", "unevaluated", "unsent", "uncalled", "switched_off", "not_ticking",
    "ticks_fail", "storage", "standby",
)  # fmt: skip
"""What the pipeline reports of itself: families ``pipeline:<subject>``, without the days (`alert_labels`)."""

OF_SINKS = "pipeline:delivery:"
"""Begins the families of sinks, which have any name."""

_OURS = ("", "collector", "device", "health", *(f"pipeline:{subject}" for subject in OWN_SUBJECTS))

FIXED: Mapping[str, Collection[str]] = {
    "severity": SEVERITIES,
    "scope": ("site", "infrastructure", "pipeline"),
    "metric": ("", *CATALOGUE),
    "kind": tuple(DEFAULT_RULES),
    "family": (*dict.fromkeys(metric.family for metric in CATALOGUE.values()), *_OURS),
    "classifier": ("", *CLASSIFIERS),
}
"""Labels whose values do not depend on the organisation. A classifier that is new in the cloud is known from its alert on."""

_ALONE = ("collector", "pipeline", "health_drop")
_OF_DEVICES = ("site_down", "mist_alarm")
KINDS_TOGETHER = (
    *((kind,) for kind in _ALONE),
    _OF_DEVICES,
    tuple(kind for kind in DEFAULT_RULES if kind not in {*_ALONE, *_OF_DEVICES}),
)
"""Kinds of findings that one alert may have: those of one family."""
