"""One site and one incident in full, as lines of text. Pure: values in, `rich.text.Text` out, nothing is markup."""

from collections.abc import Iterable, Sequence
from textwrap import wrap

from rich.text import Text

from mist_pipeline.domain.metrics import classifier_title, title_of
from mist_pipeline.domain.severity import status_of
from mist_pipeline.domain.text import clean, count, safe_url
from mist_pipeline.domain.text import instant as in_words
from mist_pipeline.overview.model import IncidentDetail, MetricNow, SiteDetail, SiteNow
from mist_pipeline.overview.wording import evidence_in_words, since, why_sent
from mist_pipeline.watch import charts
from mist_pipeline.watch.glyphs import Glyphs, severity_style, squeezed, status_style
from mist_pipeline.watch.lines import cut, down, incident_line, number

MOST_EVENTS = 40
CHART_ROWS = 7
MOST_ALERTS = 20
MOST_SITES = 12
_WIDE = 96


def site_page(detail: SiteDetail, width: int, glyphs: Glyphs, drawn: int = 0) -> list[Text]:
    """A site: service levels with their usual band, one of them drawn, what is blamed, findings, incidents, devices.

    Args:
        detail: The site.
        width: Of the terminal.
        glyphs: Signs.
        drawn: Which of the service levels is drawn, the worst being 0; counts round.
    """
    site = detail.site
    title = Text()
    title.append(f"{glyphs.status[site.status]} {site.status}  ", style=status_style(site.status))
    title.append(site.label, style="bold")
    lines = [title]
    facts = [f"id {clean(site.site_id, 40)}", *(f"group {name}" for name in site.groups)]
    if site.status != site.last_status:
        facts.append(f"was {site.last_status}")
    if site.changed_since is not None:
        facts.append(f"so since {site.changed_since:%H:%M} UTC")
    if site.health is not None:
        change = number(site.health_change, glyphs, 1, signed=True)
        facts.append(f"health {down(site.health, glyphs, 1)} ({change})")
    if site.clients is not None:
        facts.append(count(site.clients, "client"))
    lines.append(Text(glyphs.dot.join(facts), style="dim"))
    ages = f"Now: {detail.live.words(detail.at)}{glyphs.dot}days: {detail.days.words(detail.at)}"
    lines.append(Text(ages, style="bold reverse" if detail.live.is_stale(detail.at) else "dim"))
    lines += _titled("Service levels", _metrics(detail.metrics, width, glyphs))
    if detail.metrics:
        lines += _chart(detail.metrics[drawn % len(detail.metrics)], width, glyphs)
    lines += _titled(
        "Incidents", (incident_line(one, detail.at, width, glyphs) for one in detail.incidents), "None known."
    )
    lines += [Text(f"  {line}", style="dim") for line in wrap(detail.untold, max(width - 4, 20))]
    lines += _titled(
        "What the cloud blames today",
        (
            Text(
                f"  {cut(title_of(metric), 20, glyphs)} {cut(classifier_title(classifier), min(40, max(width - 56, 14)), glyphs)} {minutes:>8,.0f} degraded user-minutes"
            )
            for metric, classifier, minutes in detail.classifiers
        ),
        "Nothing, or nobody asked.",
    )
    lines += _titled(
        "Findings of the newest poll",
        (
            Text.assemble((f"  {cut(severity, 9, glyphs)}", severity_style(severity)), " ", words)
            for severity, _, words in detail.findings
        ),
        "None.",
    )
    lines += _titled("Devices", _devices(detail.devices, glyphs), "No snapshot of devices yet.")
    return [glyphs.shown(line) for line in lines]


def _metrics(metrics: Sequence[MetricNow], width: int, glyphs: Glyphs) -> Iterable[Text]:
    if not metrics:
        yield Text("  No reading yet.", style="dim")
        return
    days, hours = max(min(width - 100, 30), 0), 24 if width >= _WIDE else 12
    heading = f"  {cut('', 22, glyphs)} {'now':>5}  {'usual':>9}   {cut('24 h', hours, glyphs)} "
    yield Text(
        heading + (cut(f"{days} d", days + 1, glyphs) if days else "") + " trend, forecast", style="dim"
    )
    for one in metrics:
        status = status_of(one.severity)
        line = Text()
        line.append(
            f"  {glyphs.status[status]} {cut(title_of(one.metric), 20, glyphs)}", style=status_style(status)
        )
        line.append(f" {cut(down(one.score_pct, glyphs, 1), 5, glyphs, right=True)}", style="bold")
        usual = (
            f"{down(one.usual_low_pct, glyphs)}-{down(one.usual_high_pct, glyphs)}"
            if one.usual_low_pct is not None
            else "not known"
        )
        line.append(f"  {usual:>9}")
        style = "dim" if status in {"HEALTHY", "UNKNOWN"} else status_style(status)
        line.append(f"   {cut(glyphs.spark(one.hours, hours), hours, glyphs)} ", style=style)
        if days:
            line.append(f"{cut(glyphs.spark(one.days[-days:], days), days, glyphs)} ", style="dim")
        parts = [part for part in (_trend(one, glyphs), _critical(one, glyphs), _state(one)) if part]
        line.append(f" {', '.join(parts)}", style="dim")
        yield line


def _chart(one: MetricNow, width: int, glyphs: Glyphs) -> list[Text]:
    """A service level over 24 hours and 30 days, beside one another where there is room."""
    usual = "not known"
    if one.usual_low_pct is not None:
        usual = f"{down(one.usual_low_pct, glyphs)}-{down(one.usual_high_pct, glyphs)} %"
    style = status_style(status_of(one.severity))
    most = max((width - charts.AXIS) // charts.PLACE, 1)
    hours, days = (
        charts.bars(
            squeezed(values, most),
            one.usual_low_pct,
            one.usual_high_pct,
            rows=CHART_ROWS,
            ticks=ticks,
            glyphs=glyphs,
            style=style,
        )
        for values, ticks in (
            (one.hours, ("24 h ago", "now")),
            (one.days, (f"{len(one.days)} days ago", "newest")),
        )
    )
    column = charts.AXIS + len(one.hours) * charts.PLACE + 3
    if len(hours) == len(days) and width >= column + charts.AXIS + len(one.days) * charts.PLACE:
        both = charts.beside(hours, days, column)
    else:
        both = [*hours, Text(), *days]
    band = f"{glyphs.band * 2} usual: {usual}"
    heading = Text(f"{title_of(one.metric)}", style="bold underline")
    heading.append(f"  {band}{glyphs.dot}m: the next service level", style="dim not underline not bold")
    return [Text(), heading, *both]


def _trend(one: MetricNow, glyphs: Glyphs) -> str:
    if not one.trend:
        return ""
    return f"{glyphs.trend[one.trend]} {number(one.change_pct, glyphs, 1, signed=True)}"


def _critical(one: MetricNow, glyphs: Glyphs) -> str:
    if one.critical_days is None:
        return ""
    return f"critical in {number(one.critical_days, glyphs, 1)} d{', withheld' if one.is_withheld else ''}"


def _state(one: MetricNow) -> str:
    if one.state != "ok":
        return {"no_users": "no users", "not_supported": "not supported"}.get(one.state, "no reading")
    return "few users" if one.severity is None else ""


def _devices(devices: Sequence[tuple[str, str, str, str, str, int | None]], glyphs: Glyphs) -> Iterable[Text]:
    for kind, name, model, firmware, status, clients in devices:
        style = "" if status == "connected" else "bold"
        words = f"  {cut(kind, 8, glyphs)} {cut(name, 28, glyphs)} {cut(model, 12, glyphs)} {cut(firmware, 16, glyphs)} {status}"
        yield Text(words + ("" if clients is None else f", {count(clients, 'client')}"), style=style)


def incident_page(detail: IncidentDetail, glyphs: Glyphs) -> list[Text]:
    """An incident: what, since when, who has it, how sure, evidence, sites, alerts, history, who was notified, tickets, escalation."""
    incident = detail.incident
    status = status_of(incident.severity)
    title = Text()
    title.append(f"{glyphs.status[status]} {incident.severity}  ", style=severity_style(incident.severity))
    title.append(incident.what, style="bold")
    lines = [title]
    who = f", {incident.state} by {incident.acknowledged_by}" if incident.acknowledged_by else ""
    good_since = incident.last_bad_at if incident.progress == "recovering" else None
    recovering = f" since {in_words(good_since)}" if good_since is not None else ""
    facts = [
        f"incident {clean(incident.incident_id, 40)}",
        f"{incident.progress}{recovering}{who}",
        f"began {in_words(incident.began_at)} ({since(incident.began_at, detail.at)} ago)",
        f"noticed {in_words(incident.opened_at)}",
    ]
    if incident.resolved_at is not None and incident.bad_until is not None:
        facts.append(f"over {in_words(incident.bad_until)}")
    lines += [Text(glyphs.dot.join(facts), style="dim"), Text(f"Where: {incident.where}")]
    if detail.cause and detail.cause != incident.what:
        lines.append(Text(f"Cause: {detail.cause}"))
    if detail.impact:
        lines.append(Text(f"Impact: {detail.impact}"))
    if incident.worse:
        lines.append(Text(f"Much worse: {incident.worse}", style="bold"))
    if incident.withheld:
        lines.append(Text(f"Nobody was notified: {incident.withheld}", style="bold"))
    if detail.certainty:
        lines.append(Text(f"How sure: {detail.certainty}"))
    lines += _titled(
        "Evidence",
        (Text(f"  {cut(name, 24, glyphs)} {value}") for name, value in evidence_in_words(detail.evidence)),
    )
    lines += _titled(f"Sites ({len(detail.sites)})", _sites(detail.sites, glyphs))
    lines += _titled(
        "What the sites share",
        (
            Text(
                f"  {cut(one.title, 12, glyphs)} {one.value}: {one.number} of {one.of} here, {one.everywhere} everywhere"
            )
            for one in detail.shared
        ),
    )
    lines += _titled(
        f"Alerts ({detail.incident.num_alerts:,})",
        (
            Text.assemble(
                (f"  {cut(severity, 9, glyphs)}", severity_style(severity)),
                f" {cut(state, 12, glyphs)} {where}  ",
                (words, "dim"),
            )
            for severity, state, where, words in detail.alerts[:MOST_ALERTS]
        ),
    )
    earlier = len(detail.timeline) - MOST_EVENTS
    told = [Text(f"  {in_words(moment)}  {words}") for moment, words in detail.timeline[-MOST_EVENTS:]]
    if earlier > 0:
        told.insert(0, Text(f"  {count(earlier, 'earlier line')} left out", style="dim"))
    lines += _titled("What happened", told)
    lines += _titled("Messages", _messages(detail, glyphs), "Nobody was notified.")
    lines += _titled("Tickets", _tickets(detail, glyphs))
    lines += _titled("Escalation", _escalations(detail, glyphs))
    lines += _titled("Feedback", _feedback(detail))
    return [glyphs.shown(line) for line in lines]


def _sites(sites: Sequence[SiteNow], glyphs: Glyphs) -> Iterable[Text]:
    for site in sites[:MOST_SITES]:
        line = Text(
            f"  {glyphs.status[site.status]} {cut(site.status, 9, glyphs)}", style=status_style(site.status)
        )
        metric = title_of(site.worst_metric) if site.worst_metric else ""
        score = "" if site.worst_pct is None else f"{down(site.worst_pct, glyphs, 1)} %"
        line.append(f" {cut(site.label, 32, glyphs)} {cut(metric, 20, glyphs)} {score:>7}", style="not bold")
        yield line
    if len(sites) > MOST_SITES:
        yield Text(f"  {count(len(sites) - MOST_SITES, 'more site')}, better than these", style="dim")


def _messages(detail: IncidentDetail, glyphs: Glyphs) -> Iterable[Text]:
    for row in detail.records.get("deliveries", ()):
        at = row["sent_at"] or row["created_at"]
        words = f"  {in_words(at)}  {cut(clean(row['sink'], 16), 16, glyphs)} {cut(why_sent(row['reason']), 22, glyphs)} "
        style = "" if row["state"] == "sent" else "bold"
        yield Text.assemble(
            words, (clean(row["state"], 12), style), f"  {clean(row['last_error'] or '', 120)}"
        )


def _tickets(detail: IncidentDetail, glyphs: Glyphs) -> Iterable[Text]:
    for row in detail.records.get("tickets", ()):
        address = safe_url(row["url"]) or ""
        who = f" by {clean(row['who'], 60)}" if row["who"] else ""
        yield Text(
            f"  {cut(clean(row['sink'], 16), 16, glyphs)} {clean(row['ticket'], 40)} {row['state']}{who}  {address}"
        )


def _escalations(detail: IncidentDetail, glyphs: Glyphs) -> Iterable[Text]:
    for row in detail.records.get("escalations", ()):
        target = clean(f"{row['sink']} {row['target'] or ''}", 40)
        because = f" ({clean(row['because'], 60)})" if row["because"] else ""
        yield Text(
            f"  {cut(clean(row['policy'], 16), 16, glyphs)} step {row['number']}: {target}, "
            f"due {in_words(row['due_at'])}, {row['state']}{because}"
        )


def _feedback(detail: IncidentDetail) -> Iterable[Text]:
    for row in detail.records.get("feedback", ()):
        comment = clean(row["comment"], 120)
        yield Text(f"  {in_words(row['at'])}  {clean(row['by'], 40)}: {row['verdict']} {comment}")


def _titled(title: str, lines: Iterable[Text], nothing: str = "") -> list[Text]:
    """A section; one without lines says so, or is left out."""
    found = list(lines)
    if not found:
        if not nothing:
            return []
        found = [Text(f"  {nothing}", style="dim")]
    return [Text(), Text(title, style="bold underline"), *found]
