"""An incident as an HTML page: the body of a mail, and a page of the file sink.

Here: what of an incident the template shows, and how it is cut. Not here: words (`wording`) and layout (``templates/``).
The page loads nothing but the pictures that it comes with.
"""

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from mist_pipeline.delivery.message import AlertView, IncidentView, Message
from mist_pipeline.delivery.rendering import wording
from mist_pipeline.delivery.rendering.impact import device_label
from mist_pipeline.domain.metrics import classifier_title
from mist_pipeline.domain.numbers import percent
from mist_pipeline.domain.palette import DARK, LIGHT
from mist_pipeline.domain.text import NAME_LENGTH, clean, instant, safe_url

if TYPE_CHECKING:
    import jinja2

MOST_ALERTS = 15
"""Children with a row of their own …"""
MOST_NAMED = 400
"""… and, after them, at most so many by name only: mail readers cut a mail at about 100 kB."""
MOST_DEVICES = 10
"""Devices with a link."""
MOST_BLAMED = 12
"""Rows of a classifier table."""


@dataclass(frozen=True)
class Blame:
    """A row of a classifier table."""

    site: str
    classifier: str
    degraded_pct: float
    num_users: int | None

    @property
    def tone(self) -> str:
        """As in the report: from 20 % red, from 10 % dark orange, above 0 orange."""
        if self.degraded_pct >= 20:
            return "red"
        if self.degraded_pct >= 10:
            return "darkorange"
        return "orange" if self.degraded_pct > 0 else "none"


@dataclass(frozen=True)
class BlameTable:
    """What the cloud blames for one metric on one whole day, worst first; '' where the day is not known."""

    metric: str
    day: str
    rows: tuple[Blame, ...]
    left_out: int

    @property
    def has_sites(self) -> bool:
        """Whether it is of several sites, so that each row has to name its own."""
        return len({row.site for row in self.rows}) > 1

    @property
    def has_users(self) -> bool:
        """Whether the users hit are known of any row."""
        return any(row.num_users is not None for row in self.rows)


@dataclass(frozen=True)
class Row:
    """A child with a row of its own; of what was over before it was noticed with its times."""

    site: str
    url: str | None
    subject: str
    severity: str
    status: str
    summary: str
    when: str = ""


def blame_tables(incident: IncidentView) -> list[BlameTable]:
    """One table a metric and day, from ``classifiers`` in the evidence of its alerts.

    Rows there are mappings with the columns of ``history.classifiers_daily``: classifier, degraded_pct, and num_users
    where it is known. Anything else is not a row.
    """
    labels = wording.site_labels(incident.sites)
    found: dict[tuple[str, str], list[Blame]] = {}
    for alert in incident.alerts:
        key = wording.subject_of(alert), _blamed_day(alert)
        found.setdefault(key, []).extend(_blames(alert, labels[alert.site.site_id]))
    tables = []
    for (metric, day), rows in found.items():
        ordered = sorted(rows, key=lambda row: (-row.degraded_pct, row.site, row.classifier))
        if ordered:
            left_out = max(len(ordered) - MOST_BLAMED, 0)
            tables.append(BlameTable(metric, day, tuple(ordered[:MOST_BLAMED]), left_out))
    return tables


def render_page(message: Message, pictures: Mapping[str, str]) -> str:
    """The page.

    Args:
        message: The message.
        pictures: Title → address of its picture (``cid:…`` or ``data:…``), ours.

    Returns:
        HTML, everything of the incident escaped.
    """
    incident = message.incident
    labels = wording.site_labels(incident.sites)
    named = incident.alerts[MOST_ALERTS : MOST_ALERTS + MOST_NAMED]
    return _template().render(
        light=LIGHT,
        dark=DARK,
        headline=wording.headline(message),
        why=wording.why(message),
        title=wording.title_of(incident),
        state=wording.state(message),
        tone=_tone(message),
        is_over=wording.over_since(incident) is not None,
        facts=wording.facts(incident),
        devices=_devices(incident),
        rows=[_row(alert, labels) for alert in incident.alerts[:MOST_ALERTS]],
        named=list(dict.fromkeys(labels[alert.site.site_id] for alert in named)),
        left_out=max(len(incident.alerts) - MOST_ALERTS - MOST_NAMED, 0),
        blame_tables=blame_tables(incident),
        has_sites=len(incident.sites) > 1,
        steps=wording.steps(incident),
        pictures=pictures,
        links=wording.links(incident),
        answers=wording.answers(incident),
        footer=f"Incident {clean(incident.incident_id, 80)}, message {message.sequence}, "
        f"{instant(incident.updated_at)}",
    )


def _devices(incident: IncidentView) -> list[tuple[str, str]]:
    """The worst devices that have a page in the cloud: name and address."""
    shown = incident.impact.devices[:MOST_DEVICES] if incident.impact else ()
    return [(device_label(device), url) for device in shown if (url := safe_url(device.url))]


def _tone(message: Message) -> str:
    if message.reason == "test":
        return "test"
    return "resolved" if message.incident.status == "resolved" else message.incident.severity


def _row(alert: AlertView, labels: Mapping[str, str]) -> Row:
    return Row(
        site=labels[alert.site.site_id],
        url=safe_url(alert.site.url),
        subject=wording.subject_of(alert),
        severity=alert.severity,
        status="past" if alert.is_past else alert.status,
        summary=wording.summary_of(alert),
        when=wording.past_period(alert) if alert.is_past else "",
    )


def _blamed_day(alert: AlertView) -> str:
    """``22 Nov 2026``; the table is of that whole day, a title is of the hours of the trouble."""
    try:
        day = date.fromisoformat(str(alert.evidence.get("classifiers_day")))
    except ValueError:
        return ""
    return f"{day:%-d %b %Y}"


def _blames(alert: AlertView, label: str) -> Iterator[Blame]:
    rows = alert.evidence.get("classifiers")
    for row in rows if isinstance(rows, list | tuple) else ():
        if not isinstance(row, Mapping):
            continue
        name, share, users = row.get("classifier"), row.get("degraded_pct"), row.get("num_users")
        if isinstance(name, str) and isinstance(share, int | float) and 0 <= share <= 100:
            known = users if isinstance(users, int) else None
            yield Blame(label, clean(name, NAME_LENGTH), float(share), known)


@functools.cache
def _template() -> "jinja2.Template":
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("mist_pipeline.delivery.rendering"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["percent"] = percent
    environment.filters["classifier_title"] = classifier_title
    return environment.get_template("incident.html.j2")


def picture_title(name: str) -> str:
    """``coverage at Köln-Süd.png`` → ``Coverage at Köln-Süd``."""
    title = clean(Path(name).stem, NAME_LENGTH)
    return title[:1].upper() + title[1:] or "Chart"
