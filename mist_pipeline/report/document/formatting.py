"""How the report says things: metric names, numbers, days, thresholds. Plain text; renderers escape."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from mist_pipeline.analysis.scores.status import STATUS_OF_SEVERITY
from mist_pipeline.domain.metrics import CATALOGUE
from mist_pipeline.report.queries.data import ReportSettings

SEVERITY_RANK = {"critical": 0, "major": 1, "warning": 2, "info": 3}
THRESHOLD_NAMES = {
    "critical": "critical",
    "pre_warning": "pre-warning",
    "major": "unhealthy",
    "warning": "degraded",
}
"""What a threshold of ``analysis.risks`` is called, most serious first."""


def metric_title(metric: str) -> str:
    """Name of a metric for people; one that the catalogue does not know keeps its own."""
    known = CATALOGUE.get(metric)
    return known.title if known else metric


def in_catalogue_order(metrics: Sequence[str]) -> list[str]:
    """Metrics in the order in which people are shown them, unknown ones last by name."""
    order = {name: place for place, name in enumerate(CATALOGUE)}
    return sorted(set(metrics), key=lambda name: (order.get(name, len(order)), name))


def percent(value: float | None, decimals: int = 1) -> str:
    """A score with its unit, rounded down, so that 69.99 (critical) never reads 70.0; an en dash for none."""
    if value is None:
        return "–"
    scale = 10**decimals
    return f"{math.floor(value * scale + 1e-9) / scale:.{decimals}f} %"


def signed(value: float | None, decimals: int = 1) -> str:
    """A change with its sign (a true minus); an en dash for none."""
    if value is None:
        return "–"
    text = f"{abs(value):.{decimals}f}"
    if float(text) == 0:
        return f"±{text}"
    return ("−" if value < 0 else "+") + text


def number(value: float | None) -> str:
    """A count with thin groups of three; an en dash for none."""
    return "–" if value is None else f"{value:,.0f}"


def count(amount: int, one: str, many: str | None = None) -> str:
    """``1 site``, ``3,000 sites``."""
    return f"{amount:,} {one if amount == 1 else many or one + 's'}"


def status_of(severity: str | None) -> str:
    """The status word of a severity; none is UNKNOWN."""
    return STATUS_OF_SEVERITY.get(severity or "", "UNKNOWN")


def threshold_pct(metric: str, threshold: str, settings: ReportSettings) -> float | None:
    """Where a threshold of a metric lies, in percent; None for a metric without a pre-warning line."""
    bands = settings.bands_of(metric)
    return {
        "critical": bands.critical,
        "major": bands.major,
        "warning": bands.warning,
        "pre_warning": settings.pre_warning.get(metric),
    }.get(threshold)


def risk_sentence(risk: Mapping[str, Any]) -> str:
    """What a row about to cross a threshold says: ``Approaching critical in 2–3 days at the current trend (70 %)``.

    Args:
        risk: A row of ``analysis.risks``, with ``threshold`` naming the line that it is shown under.
    """
    from mist_pipeline.analysis.risks.risk import sentence

    if risk["threshold"] == "pre_warning":
        return "Under the pre-warning line and heading down"
    name = THRESHOLD_NAMES[risk["threshold"]]
    if any(risk[value] is None for value in ("days_low", "days_high", "probability")):
        return f"Approaching {name} soon"
    said = sentence({**risk, "severity": name, "state": "crossing"})
    return said[:1].upper() + said[1:]
