"""The main screen as lines of text: header, incidents, sites. Pure: values in, `rich.text.Text` out, nothing is markup."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from mist_pipeline.domain.metrics import title_of
from mist_pipeline.domain.numbers import rounded_down
from mist_pipeline.domain.severity import STATUSES, status_of
from mist_pipeline.domain.text import ID_LENGTH, count
from mist_pipeline.overview.model import IncidentNow, Now, SiteNow
from mist_pipeline.overview.wording import since
from mist_pipeline.watch.glyphs import Glyphs, severity_style, status_style
from mist_pipeline.watch.rows import Heading

_WIDE = 110
_HEAT = {2: "on #5a4a12", 1: "on #332c14"}
_WARN = "bold black on #f0c04a"


@dataclass(frozen=True)
class Columns:
    """Widths of the site table."""

    site: int
    metric: int
    spark: int
    incident: int

    @classmethod
    def of(cls, width: int) -> "Columns":
        """Widths for a terminal."""
        is_wide = width >= _WIDE
        spark, metric, incident = (24, 20, ID_LENGTH) if is_wide else (8, 13, 1)
        # Mark, status, score, trend, health, clients, forecast, and a space before each column.
        rest = 1 + 12 + 6 + 2 + 4 + 7 + 5 + (metric + 1) + (spark + 1) + (incident + 1)
        return cls(site=max(8, min(width - rest - 1, 46)), metric=metric, spark=spark, incident=incident)


def cut(text: str, width: int, glyphs: Glyphs, *, right: bool = False) -> str:
    """A text in exactly so many cells of a terminal, whatever its letters are."""
    size = cell_len(text)
    if size > width:
        end = "~" if glyphs.is_ascii else "…"
        return set_cell_size(text, max(width - 1, 0)) + (end if width > 0 else "")
    return " " * (width - size) + text if right else text + " " * (width - size)


def number(value: float | None, glyphs: Glyphs, digits: int = 0, *, signed: bool = False) -> str:
    """A number, or a dash."""
    if value is None:
        return glyphs.dash
    text = f"{value:+,.{digits}f}" if signed else f"{value:,.{digits}f}"
    return text.replace("-", glyphs.minus)


def down(value: float | None, glyphs: Glyphs, digits: int = 0) -> str:
    """A percentage or a health, rounded down as on every surface, or a dash."""
    return glyphs.dash if value is None else f"{rounded_down(value, digits):.{digits}f}"


def header(now: Now, at_start: Mapping[str, int], width: int, glyphs: Glyphs) -> list[Text]:
    """The lines above everything: age, organisation, changes, pipeline."""
    lines = [
        _first(now, glyphs),
        _counts(now, glyphs),
        _changes(now, at_start, glyphs),
        _pipeline(now, glyphs),
    ]
    return [glyphs.shown(_clipped(line, width)) for line in lines]


def _clipped(line: Text, width: int) -> Text:
    line.no_wrap = True
    line.truncate(width, overflow="ellipsis")
    return line


def _first(now: Now, glyphs: Glyphs) -> Text:
    organisation = now.organisation
    line = Text()
    if now.live.is_stale(now.at):
        line.append(f" {'OLD: ' if now.live.as_of else ''}{now.live.words(now.at)} ", style=_WARN)
    elif now.live.trouble:
        line.append(f" {now.live.words(now.at)} ", style=_WARN)
    else:
        line.append(now.live.words(now.at)[:1].upper() + now.live.words(now.at)[1:], style="bold")
    line.append(f"{glyphs.dot}{count(len(now.sites), 'site')}")
    if organisation.clients is not None:
        line.append(f"{glyphs.dot}{count(organisation.clients, 'client')}")
    if organisation.health is not None and organisation.day is not None:
        # Of a whole day, beside what is now: it says of which.
        change = number(organisation.health_change, glyphs, 1, signed=True)
        health = f"{down(organisation.health, glyphs, 1)} ({change})"
        line.append(f"{glyphs.dot}health {health} on {organisation.day:%Y-%m-%d}")
    return line


def _counts(now: Now, glyphs: Glyphs) -> Text:
    line = Text()
    for status in STATUSES:
        amount = now.organisation.counts.get(status, 0)
        style = status_style(status) if amount else "dim"
        line.append(f"{glyphs.status[status]} {status} {amount:,}", style=style)
        line.append("   ")
    return line


def _changes(now: Now, at_start: Mapping[str, int], glyphs: Glyphs) -> Text:
    line = Text(style="dim")
    day = now.organisation.day
    line.append(f"Since {day:%d %b}: " if day else "Since the last analysed day: ")
    line.append(_difference(now.organisation.counts, now.organisation.counts_before, glyphs))
    line.append(f"{glyphs.dot}since you began: ")
    line.append(_difference(now.organisation.counts, at_start, glyphs))
    return line


def _difference(counts: Mapping[str, int], before: Mapping[str, int], glyphs: Glyphs) -> str:
    if not before:
        return "not known"
    changed = [
        f"{glyphs.status[status]} {number(counts.get(status, 0) - before.get(status, 0), glyphs, signed=True)}"
        for status in STATUSES
        if counts.get(status, 0) != before.get(status, 0)
    ]
    return "  ".join(changed) or "no change"


def _pipeline(now: Now, glyphs: Glyphs) -> Text:
    state = now.pipeline
    line = Text()
    if state.last_poll is None:
        words = (
            "Polls are not known" if now.live.is_unreadable else "No poll yet: `mist-pipeline daemon` polls"
        )
        line.append(words, style="bold")
    else:
        due = f"next {state.next_poll:%H:%M}" if state.next_poll else ""
        line.append(f"Last poll {state.last_poll:%H:%M}, {since(state.last_poll, now.at)} ago")
        if state.is_late:
            line.append(f"{glyphs.dot}polls are missing: is the daemon running?", style="bold")
        else:
            line.append(f"{glyphs.dot}{due} UTC")
    line.append(glyphs.dot)
    if now.ledger.trouble:
        line.append(f" Incidents: {now.ledger.words(now.at)} ", style=_WARN)
    elif state.waiting:
        line.append(f"{count(state.waiting, 'message')} waiting", style="bold")
    else:
        line.append("no message waits")
    for sink, why in state.failing.items():
        line.append(f"{glyphs.dot}")
        line.append(f" {sink} {why} ", style=_WARN)
    if now.days.trouble:
        line.append(f"{glyphs.dot}health: {now.days.words(now.at)}", style="bold")
    return line


def whole_keys(keys: str, width: int) -> str:
    """Keys and what they do, two spaces between them: as many as there is room for, none of them cut.

    >>> whole_keys("? help  enter open  q quit", 20)
    '? help  enter open'
    """
    shown = ""
    for one in keys.split("  "):
        longer = f"{shown}  {one}" if shown else one
        if len(longer) > width:
            break
        shown = longer
    return shown


def incident_heading(now: Now, shown: int, glyphs: Glyphs) -> Text:
    """The line above the incidents; nothing to show is not always good news."""
    if now.ledger.as_of is None:
        words = f"Incidents: {now.ledger.words(now.at)}"
    elif not now.incidents:
        words = "No incident goes on"
    else:
        taken = sum(one.state == "acknowledged" for one in now.incidents)
        words = f"{count(len(now.incidents), 'incident')} going on, {taken} acknowledged"
        if shown != len(now.incidents):
            words += f"{glyphs.dot}{shown} shown"
    return glyphs.shown(Text(words, style="bold"))


_AGE = len("23 h 59 min")


def incident_line(incident: IncidentNow, at: datetime, width: int, glyphs: Glyphs) -> Text:
    """One incident: id, severity, age, who has it, where and what."""
    status = status_of(incident.severity)
    line = Text(no_wrap=True)
    line.append(f" {incident.incident_id[:ID_LENGTH]} ", style="bold")
    line.append(
        cut(f"{glyphs.status[status]} {incident.severity}", 10, glyphs),
        style=severity_style(incident.severity),
    )
    line.append(f" {cut(since(incident.began_at, incident.bad_until or at), _AGE, glyphs, right=True)} ")
    if incident.is_active:
        who = incident.acknowledged_by or ("held back" if incident.withheld else "nobody yet")
    else:
        who = incident.progress
    line.append(cut(who, 10, glyphs), style="" if incident.acknowledged_by else "italic")
    place = 26 if width >= _WIDE else 16
    line.append(f" {cut(incident.where, place, glyphs)} ")
    line.append(cut(incident.what, max(width - line.cell_len, 0), glyphs))
    line.truncate(width)
    return glyphs.shown(line)


def site_heading(width: int, order: str, glyphs: Glyphs) -> Text:
    """Names of the columns of the sites; the one that they are sorted by is underlined."""
    columns = Columns.of(width)
    line = Text(" ", no_wrap=True, style="bold")
    for name, size, right, by in (
        ("status", 11, False, "status"), ("site", columns.site, False, "name"), ("worst", columns.metric, False, ""),
        ("%", 5, True, "score"), ("", 1, False, ""), ("24 h", columns.spark, False, ""), ("hlt", 3, True, "health"),
        ("users", 6, True, "clients"), ("crit", 4, True, "forecast"),
        ("incident" if columns.incident > 1 else "i", columns.incident, False, ""),
    ):  # fmt: skip
        gap = " " * (size - len(name))
        line.append(f" {gap if right else ''}")
        line.append(name, style="underline" if by == order and by else "")
        line.append("" if right else gap)
    return glyphs.shown(line)


def site_line(site: SiteNow, width: int, glyphs: Glyphs, *, is_new: bool = False, heat: int = 0) -> Text:
    """One site of the table.

    Args:
        site: It.
        width: Cells of the terminal.
        glyphs: Signs.
        is_new: It got worse and nobody looked at it yet.
        heat: How recently it changed.
    """
    columns = Columns.of(width)
    style = status_style(site.status)
    line = Text(no_wrap=True, style=_HEAT.get(heat, ""))
    line.append(glyphs.new if is_new else " ", style="bold reverse" if is_new else "")
    line.append(f" {cut(f'{glyphs.status[site.status]} {site.status}', 11, glyphs)}", style=style)
    line.append(f" {cut(site.label, columns.site, glyphs)}", style="bold" if is_new else "")
    is_quiet = site.status in {"HEALTHY", "UNKNOWN"}
    line.append(
        f" {cut(title_of(site.worst_metric), columns.metric, glyphs)}", style="dim" if is_quiet else ""
    )
    line.append(
        f" {cut(down(site.worst_pct, glyphs, 1), 5, glyphs, right=True)}",
        style="dim" if is_quiet else style,
    )
    worse = "bold" if site.trend == "worsening" else "dim"
    line.append(f" {glyphs.trend.get(site.trend, ' ')}", style=worse)
    line.append(
        f" {cut(glyphs.spark(site.hours, columns.spark), columns.spark, glyphs)}",
        style="dim" if is_quiet else style,
    )
    line.append(f" {cut(down(site.health, glyphs), 3, glyphs, right=True)}")
    line.append(f" {cut(number(site.clients, glyphs), 6, glyphs, right=True)}")
    line.append(f" {cut(_forecast(site, glyphs), 4, glyphs, right=True)}", style="bold")
    sign = glyphs.status["CRITICAL"] if site.incident_ids else ""
    incident = (
        (site.incident_ids[0][:ID_LENGTH] if columns.incident > 1 else sign) if site.incident_ids else ""
    )
    line.append(f" {cut(incident, columns.incident, glyphs)}")
    line.truncate(width)
    return glyphs.shown(line)


def _forecast(site: SiteNow, glyphs: Glyphs) -> str:
    if not site.forecast_metric:
        return ""
    return "soon" if site.forecast_days is None else f"{number(site.forecast_days, glyphs)} d"


def group_line(heading: Heading, width: int, glyphs: Glyphs) -> Text:
    """The line above the sites of a group."""
    line = Text(no_wrap=True, style="bold")
    line.append(f" {heading.name}  ")
    for status, amount in heading.counts.items():
        if amount:
            line.append(f"{glyphs.status[status]} {amount:,}  ", style=status_style(status))
    line.truncate(width, overflow="ellipsis")
    return glyphs.shown(line)


def whole_screen(now: Now, sites: list[SiteNow], width: int, glyphs: Glyphs) -> list[Text]:
    """Everything at once, for a terminal that nobody watches."""
    lines = [*header(now, {}, width, glyphs)[:2], header(now, {}, width, glyphs)[3], Text()]
    lines.append(incident_heading(now, len(now.incidents), glyphs))
    lines += [incident_line(one, now.at, width, glyphs) for one in now.incidents]
    lines += [Text(), site_heading(width, "status", glyphs)]
    return lines + [site_line(site, width, glyphs) for site in sites]
