"""Numbers, thresholds and risks in the words of the report. Plain text; renderers escape.

Titles of metrics are in ``domain.metrics``, percentages in ``domain.numbers``, status words in ``domain.severity``.

>>> signed(-2.34), signed(0.04), signed(None)
('−2.3', '±0.0', '–')
>>> number(12345.0)
'12,345'
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, tzinfo
from typing import Any

from mist_pipeline.domain.numbers import beyond_chance
from mist_pipeline.domain.text import count
from mist_pipeline.report.document.incident_model import OpenIncident
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


def short(value: float | None, decimals: int = 2) -> float | None:
    """A number with as many decimals as the document keeps of it."""
    return None if value is None else round(value, decimals)


def number(value: float | None) -> str:
    """A count with groups of three; an en dash for none."""
    return "–" if value is None else f"{value:,.0f}"


CHANGE_KINDS: Mapping[str, str] = {
    "began": "began",
    "began and ended": "began and ended",
    "ended": "ended",
    "past": "over before it was noticed",
}
"""What became of an incident since the report before, in words."""


def incident_state(incident: OpenIncident) -> str:
    """Whether it goes on, since when, and for how long; one that recovers does so since the end of its last bad hour."""
    if incident["recovering_since"] is not None:
        return f"recovering since {incident['recovering_since']}, after {incident['lasts']}"
    return f"{incident['progress']} since {incident['since']}, {incident['lasts']}"


def incident_facts(incident: OpenIncident) -> list[str]:
    """What is known of an open incident besides: who is hit, who was notified or why nobody was, how sure its cause is."""
    facts = [incident["impact"]] if incident["impact"] else []
    if incident["worse"]:
        facts.append(f"much worse: {incident['worse']}")
    if incident["notified"]:
        facts.append(f"notified: {', '.join(one['sink'] for one in incident['notified'])}")
    if incident["withheld"]:
        facts.append(f"nobody is notified: {incident['withheld']}")
    if incident["p_value"] is not None:
        facts.append(f"shared {beyond_chance(incident['p_value'])}")
    return facts


UNKNOWN_HIT: Mapping[str | None, str] = {
    "not_asked": "not asked for this day",
    "not_said": "the cloud did not say",
}
"""Why the users and access points that are hit are not known (``impact_state``)."""
_NO_REASON = "not known"


def number_hit(value: float | None, row: Mapping[str, Any]) -> str:
    """How many a classifier hits, and at how many of its sites that is known; or why it is not.

    >>> number_hit(31, {"num_sites": 40, "num_sites_counted": 2}), number_hit(None, {"impact_state": "not_asked"})
    ('31 at 2 of 40 sites', 'not asked for this day')
    """
    if value is None:
        return UNKNOWN_HIT.get(row["impact_state"], _NO_REASON)
    if row["num_sites_counted"] < row["num_sites"]:
        return f"{number(value)} at {row['num_sites_counted']:,} of {count(row['num_sites'], 'site')}"
    return number(value)


def why_nobody_is_counted(rows: Iterable[Mapping[str, Any]]) -> str:
    """Why of none of these classifiers it is known who is hit, each reason once.

    >>> why_nobody_is_counted([{"impact_state": "not_said"}, {"impact_state": None}])
    'the cloud did not say, not known'
    """
    return ", ".join(dict.fromkeys(UNKNOWN_HIT.get(row["impact_state"], _NO_REASON) for row in rows))


def period(began: datetime, ended: datetime, zone: tzinfo) -> str:
    """From when to when, with the zone; the day is said again only where it is another one.

    >>> from zoneinfo import ZoneInfo
    >>> nine, one = datetime(2026, 11, 21, 9, tzinfo=UTC), datetime(2026, 11, 22, 1, tzinfo=UTC)
    >>> period(nine, nine.replace(hour=13), ZoneInfo("Europe/Berlin"))
    '2026-11-21 10:00–14:00 CET'
    >>> period(nine, one, ZoneInfo("Asia/Dubai"))
    '2026-11-21 13:00 – 2026-11-22 05:00 UTC+04'

    Where the clocks were changed meanwhile, both names of the zone are said:

    >>> period(datetime(2026, 10, 24, 22, tzinfo=UTC), datetime(2026, 10, 25, 4, tzinfo=UTC), ZoneInfo("Europe/Berlin"))
    '2026-10-25 00:00 CEST – 05:00 CET'
    """
    first, last = began.astimezone(zone), ended.astimezone(zone)
    zones = _zone_name(first), _zone_name(last)
    is_one_day, is_one_zone = first.date() == last.date(), zones[0] == zones[1]
    start = f"{first:%Y-%m-%d %H:%M}" + ("" if is_one_zone else f" {zones[0]}")
    end = f"{last:%H:%M}" if is_one_day else f"{last:%Y-%m-%d %H:%M}"
    return f"{start}{'–' if is_one_day and is_one_zone else ' – '}{end} {zones[1]}"


def _zone_name(moment: datetime) -> str:
    """``CET``; ``UTC+04`` for a zone without a name."""
    name = f"{moment:%Z}"
    return f"UTC{name}" if name[:1] in "+-" else name


def local(moment: datetime, zone: tzinfo) -> str:
    """An instant in the organisation's time: ``2026-11-21 10:00 CET``."""
    there = moment.astimezone(zone)
    return f"{there:%Y-%m-%d %H:%M} {_zone_name(there)}"


def stamp(moment: datetime) -> str:
    """An instant as the document holds it: ISO 8601, UTC, whole seconds."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def threshold_pct(metric: str, threshold: str, settings: ReportSettings) -> float | None:
    """Where a threshold of a metric lies, in percent; None for a metric without a pre-warning line."""
    return settings.thresholds_of(metric).get(threshold)


def risk_sentence(risk: Mapping[str, Any]) -> str:
    """What a row about to cross a threshold says: ``Approaching critical in 2–3 days at the current trend (70 %)``.

    Args:
        risk: A row of ``analysis.risks``, with ``threshold`` naming the line that it is shown under.
    """
    from mist_pipeline.analysis.risks.risk import WITHHELD, sentence

    if risk["threshold"] == "pre_warning":
        return f"Under the pre-warning line and heading down{WITHHELD if risk.get('is_withheld') else ''}"
    name = THRESHOLD_NAMES[risk["threshold"]]
    if any(risk[value] is None for value in ("days_low", "days_high", "probability")):
        return f"Approaching {name} soon"
    text = sentence({**risk, "severity": name, "state": "crossing"})
    return text[:1].upper() + text[1:]
