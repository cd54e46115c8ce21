"""Numbers, thresholds and risks in the words of the report. Plain text; renderers escape.

Titles of metrics are in ``domain.metrics``, percentages in ``domain.numbers``, status words in ``domain.severity``.

>>> signed(-2.34), signed(0.04), signed(None)
('−2.3', '±0.0', '–')
>>> number(12345.0)
'12,345'
"""

from collections.abc import Mapping
from typing import Any

from mist_pipeline.report.queries.data import ReportSettings

THRESHOLD_NAMES = {
    "critical": "critical",
    "pre_warning": "pre-warning",
    "major": "unhealthy",
    "warning": "degraded",
}
"""What a threshold of ``analysis.risks`` is called, most serious first."""


def signed(value: float | None, decimals: int = 1) -> str:
    """A change with its sign (a true minus); an en dash for none."""
    if value is None:
        return "–"
    text = f"{abs(value):.{decimals}f}"
    if float(text) == 0:
        return f"±{text}"
    return ("−" if value < 0 else "+") + text


def number(value: float | None) -> str:
    """A count with groups of three; an en dash for none."""
    return "–" if value is None else f"{value:,.0f}"


def threshold_pct(metric: str, threshold: str, settings: ReportSettings) -> float | None:
    """Where a threshold of a metric lies, in percent; None for a metric without a pre-warning line."""
    return settings.thresholds_of(metric).get(threshold)


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
    text = sentence({**risk, "severity": name, "state": "crossing"})
    return text[:1].upper() + text[1:]
