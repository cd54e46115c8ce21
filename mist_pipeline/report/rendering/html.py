"""The page: the document as one HTML file with everything inside it and nothing outside of it.

Here: what is cut to fit, and the values that templates need. Not here: markup (``templates/``), pictures (`charts`,
`sparklines`). Every string of the document passes Jinja's autoescape; the only markup that is trusted is the SVG of
`charts`, which holds no name.
"""

import base64
import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from itertools import groupby
from typing import Any, TypeVar

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from mist_pipeline.analysis.risks.horizon import WARNING_DAYS
from mist_pipeline.domain.finding_kinds import kind_title
from mist_pipeline.domain.metrics import title_of
from mist_pipeline.domain.numbers import beyond_chance, percent, rounded_down
from mist_pipeline.domain.palette import DARK, LIGHT, PAPER
from mist_pipeline.domain.severity import SEVERITIES_IN_WORDS, STATUS_OF_SEVERITY, status_of
from mist_pipeline.domain.text import count
from mist_pipeline.report.document import formatting
from mist_pipeline.report.document.formatting import CHANGE_KINDS
from mist_pipeline.report.document.model import STATUSES, Attention, Classifier, Dashboard, Reading
from mist_pipeline.report.queries.data import ReportSettings
from mist_pipeline.report.rendering.charts import fan_chart, status_chart
from mist_pipeline.report.rendering.sparklines import SPARK_HEIGHT, SPARK_WIDTH, mosaic, sparkline

T = TypeVar("T")

_HEALTH_STEPS = ((60.0, "h0"), (70.0, "h1"), (80.0, "h2"), (90.0, "h3"), (95.0, "h4"))
_MAX_MEMBERS = 40
_MAX_OF_A_CAUSE = 3
_BIG_SPARK = (170, 46)


@dataclass(frozen=True)
class PageBefore:
    """The page of the newest earlier day: which day, and its relative address."""

    day: str
    href: str


@dataclass(frozen=True)
class Shown(Sequence[T]):
    """The part of a list that fits the page, and how much does not."""

    items: Sequence[T]
    total: int

    @property
    def left(self) -> int:
        """How many are not shown."""
        return self.total - len(self.items)

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, place: Any) -> Any:
        return self.items[place]


def cut(items: Sequence[T], limit: int) -> Shown[T]:
    """The first ``limit`` of a list, knowing of the rest."""
    return Shown(items[:limit], len(items))


def cut_attention(items: Sequence[Attention], limit: int) -> Shown[Attention]:
    """The first ``limit`` sites, of each common cause no more than `_MAX_OF_A_CAUSE`: the cause has its own card."""
    seen: Counter[str] = Counter()
    chosen: list[Attention] = []
    for item in items:
        cause = item["cause_fingerprint"]
        if cause is not None:
            seen[cause] += 1
            if seen[cause] > _MAX_OF_A_CAUSE:
                continue
        chosen.append(item)
    return Shown(chosen[:limit], len(items))


def health_class(score: float | None) -> str:
    """CSS class of a health value; ``h5`` is well, ``none`` is not known."""
    if score is None:
        return "none"
    return next((name for limit, name in _HEALTH_STEPS if score < limit), "h5")


def health_text(value: float) -> str:
    """A health value without its unit, rounded down."""
    return f"{rounded_down(value, 0):.0f}"


def blame_class(degraded_pct: float | None) -> str:
    """CSS class of a classifier's share: ≥ 20 red, ≥ 10 dark orange, > 0 orange."""
    if not degraded_pct or degraded_pct <= 0:
        return "blame-none"
    return "blame-red" if degraded_pct >= 20 else "blame-darkorange" if degraded_pct >= 10 else "blame-orange"


def reading_text(reading: Reading) -> str:
    """A reading in full, for a tooltip and for screen readers."""
    title = title_of(reading["metric"])
    if reading["state"] != "ok":
        texts = {
            "no_users": "no users",
            "not_supported": "not supported",
            "missing": "the cloud had no data",
            "not_asked": "not asked or not answered",
        }
        return f"{title}: {texts.get(reading['state'], reading['state'])}"
    status = "too few users to judge" if reading["severity"] is None else status_of(reading["severity"])
    users = "" if reading["num_users"] is None else f", {count(reading['num_users'], 'user')}"
    change = "" if reading["change_pct"] is None else f", {formatting.signed(reading['change_pct'])} points"
    return f"{title}: {percent(reading['score_pct'])}, {status}{change}{users}"


def reading_class(reading: Reading) -> str:
    """CSS class of a reading's cell."""
    if reading["state"] != "ok":
        return "none"
    return STATUS_OF_SEVERITY.get(reading["severity"] or "", "few").lower()


def by_metric(rows: Iterable[Classifier]) -> list[tuple[str, list[Classifier]]]:
    """Classifiers that blame anything, by metric, in the order of the document."""
    blamed = (row for row in rows if row["degraded_pct"] > 0)
    return [(metric, list(group)) for metric, group in groupby(blamed, key=lambda row: row["metric"])]


def long_day(day: str) -> str:
    """``Sunday 22 November 2026``."""
    when = date.fromisoformat(day)
    return f"{when:%A} {when.day} {when:%B %Y}"


def short_day(day: str) -> str:
    """``22 Nov``."""
    when = date.fromisoformat(day)
    return f"{when.day} {when:%b}"


def instant(as_of: str) -> str:
    """``23 November 2026, 05:30 UTC``."""
    when = datetime.fromisoformat(as_of)
    return f"{when.day} {when:%B %Y, %H:%M} UTC"


_FILTERS: dict[str, Callable[..., object]] = {
    "beyond_chance": beyond_chance,
    "change_kind": CHANGE_KINDS.__getitem__,
    "incident_facts": formatting.incident_facts,
    "incident_state": formatting.incident_state,
    "blame_class": blame_class,
    "by_metric": by_metric,
    "count": count,
    "health_class": health_class,
    "instant": instant,
    "long_day": long_day,
    "metric": title_of,
    "number": formatting.number,
    "number_hit": formatting.number_hit,
    "kind_title": kind_title,
    "why_nobody_is_counted": formatting.why_nobody_is_counted,
    "percent": percent,
    "health": health_text,
    "reading_class": reading_class,
    "reading_text": reading_text,
    "short_day": short_day,
    "signed": formatting.signed,
    "status_of": status_of,
    "sparkline": sparkline,
}


def trusted(markup: str) -> Markup:
    """Markup of our own making: the style sheet, and charts, which hold numbers, days and our own words only."""
    return Markup(markup)  # noqa: S704 - never called with what people or the cloud wrote


@cache
def environment() -> Environment:
    """The templates, compiled once a process."""
    environment = Environment(
        loader=PackageLoader("mist_pipeline.report.rendering"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(_FILTERS)
    return environment


def style_of(day: str) -> dict[str, object]:
    """The style sheet of a page, and its hash for the page's security policy.

    Args:
        day: ISO day, for the foot of what is printed. Nothing else: a style sheet holds no name that people typed.
    """
    sheet = environment().get_template("report.css")
    style = sheet.render(light=LIGHT, dark=DARK, paper=PAPER, day=day).strip()
    return {
        "style": trusted(style),
        "style_hash": base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
    }


class Page:
    """A dashboard document with its pictures drawn, ready to become HTML."""

    def __init__(self, dashboard: Dashboard, settings: ReportSettings) -> None:
        """Cut the lists and draw the charts.

        Args:
            dashboard: `build_dashboard`.
            settings: The limits of the page.
        """
        risks = dashboard["at_risk"] or []
        ledger = dashboard["ledger"]
        incidents = (ledger["open"] if ledger else None) or []
        shared = [cause for cause in dashboard["incidents"] or [] if cause["scope"] == "infrastructure"]
        told = {one["cause_fingerprint"] for one in incidents}
        known = {cause["cause_fingerprint"] for cause in shared}
        has_history = len(dashboard["status_by_day"]) > 1
        self._values: dict[str, object] = {
            "d": dashboard,
            "statuses": STATUSES,
            **style_of(dashboard["day"]),
            "mosaic": mosaic(dashboard["sites"]),
            "status_chart": trusted(status_chart(dashboard["status_by_day"], "by-day"))
            if has_history
            else None,
            "fans": [
                trusted(
                    fan_chart(
                        risk,
                        dashboard["days"],
                        dashboard["thresholds"].get(risk["metric"], {}),
                        f"fan-{place}",
                    )
                )
                for place, risk in enumerate(risks[: settings.max_charts])
            ],
            "attention": cut_attention(
                [item for item in dashboard["attention"] if item["incident_id"] is None],
                settings.max_attention,
            ),
            "open": cut(incidents, settings.max_attention),
            "open_lines": cut(incidents[settings.max_attention :], settings.max_rows),
            "shown_open": {
                one["incident_id"] for one in incidents[: settings.max_attention + settings.max_rows]
            },
            "changes": cut((ledger["changes"] if ledger else None) or [], settings.max_rows),
            "shared": cut(
                [cause for cause in shared if cause["cause_fingerprint"] not in told], settings.max_attention
            ),
            "shared_above": [one for one in incidents if one["cause_fingerprint"] in known],
            "num_soon": sum(risk["is_soon"] for risk in risks),
            "left_by_status": Counter(site["status"] for site in dashboard["sites"][settings.max_sites :]),
            "max_members": _MAX_MEMBERS,
            "warning_days": WARNING_DAYS,
            "has_changes": any(risk["changes"] for risk in risks[: settings.max_charts]),
            "has_courses": any(risk["courses"] for risk in risks[: settings.max_charts]),
            "n_courses": max((len(risk["courses"]) for risk in risks[: settings.max_charts]), default=0),
            "severities_in_words": SEVERITIES_IN_WORDS,
            "more_risks": cut(risks[settings.max_charts :], settings.max_rows),
            "trends": cut(dashboard["trends"], settings.max_rows // 2),
            "sites": cut(dashboard["sites"], settings.max_sites),
            "heat": cut(dashboard["sites"], settings.max_rows),
            "anomalies": cut(dashboard["anomalies"] or [], settings.max_rows // 2),
            "far": cut(dashboard["far_from_usual"] or [], settings.max_rows // 2),
            "has_health": any(site["health"] is not None for site in dashboard["sites"]),
            "spark": (SPARK_WIDTH, SPARK_HEIGHT),
            "big_spark": _BIG_SPARK,
            "settings": settings,
        }

    def html(self, data_href: str | None = None, previous: PageBefore | None = None) -> str:
        """The page.

        Args:
            data_href: Relative address of the JSON dashboard beside the page, to link to where lists are cut.
            previous: The page of the day before.
        """
        template = environment().get_template("report.html.j2")
        return template.render(**self._values, data_href=data_href, previous=previous)
