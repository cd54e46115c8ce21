"""The report as plain text: for a terminal, a mail, a log; no line is wider than 72 columns.

A list has an item a paragraph: it begins two columns in, and what continues it begins further in. Addresses are on the page
and in the JSON dashboard.
"""

import textwrap
from collections.abc import Iterable, Sequence

from mist_pipeline.domain.finding_kinds import kind_title
from mist_pipeline.domain.metrics import title_of
from mist_pipeline.domain.numbers import beyond_chance, percent, rounded_down
from mist_pipeline.domain.severity import SEVERITIES_IN_WORDS
from mist_pipeline.domain.text import count
from mist_pipeline.report.document.formatting import (
    CHANGE_KINDS,
    incident_facts,
    incident_state,
    number,
    number_hit,
    signed,
    why_nobody_is_counted,
)
from mist_pipeline.report.document.model import STATUSES, Anomaly, Classifier, Dashboard
from mist_pipeline.report.queries.data import ReportSettings

WIDTH = 72
_MAX_NAMED = 12


def text_of(dashboard: Dashboard, settings: ReportSettings) -> str:
    """The summary of a dashboard document, lists cut to the limits of a page and saying so."""
    parts = (
        _head(dashboard),
        _open(dashboard, settings),
        _attention(dashboard, settings),
        _changes(dashboard, settings),
        _at_risk(dashboard, settings),
        _trends(dashboard, settings),
        _causes(dashboard, settings),
        _classifiers(dashboard, settings),
        _sites(dashboard, settings),
        _anomalies(dashboard, settings),
    )
    return "\n".join(line.rstrip() for part in parts for line in part) + "\n"


def _item(text: str, first: str = "  ", rest: str = "      ") -> list[str]:
    """One item, wrapped: ``first`` before its first line, ``rest`` before the others."""
    wrapped = textwrap.wrap(text, WIDTH, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False)
    return wrapped or [first.rstrip()]


def _section(title: str, lines: Iterable[str], nothing: str) -> list[str]:
    """A heading with its lines, or with the plain word that there is nothing."""
    body = list(lines) or _item(nothing)
    return ["", f"{title.upper()} ".ljust(WIDTH, "─"), *body]


def _more(shown: Sequence[object], everything: Sequence[object], what: str) -> list[str]:
    """``… and 12 more sites (all of them: the JSON dashboard)`` if something was cut."""
    left = len(everything) - len(shown)
    named = f"{left:,} more series" if what == "series" else count(left, f"more {what}")
    return [f"  … and {named} (all of them: the JSON dashboard)"] if left else []


def _head(dashboard: Dashboard) -> list[str]:
    totals, before = dashboard["totals"], dashboard["totals"]["previous_status"]
    title = f"{dashboard['organisation']} · network report of {dashboard['day']}"
    lines = [
        *_item(title, "", ""),
        f"as of {dashboard['as_of']}",
        "═" * WIDTH,
        *_item(dashboard["headline"], "", ""),
        "",
    ]
    if totals["mean_health"] is not None:
        moved = totals["mean_health_change"]
        change = "" if not moved else f"   ({signed(moved)})"
        lines.append(
            f"  {rounded_down(totals['mean_health']):>6.1f}  Mean health of the judged sites{change}"
        )
    for status in STATUSES:
        amount = totals["status"][status]
        change = f"   ({signed(amount - before[status], 0)})" if before and amount != before[status] else ""
        lines.append(f"  {amount:>6,}  {status}{change}")
    read = totals["readings"]
    lines += [
        "",
        *_item(
            f"Readings: {number(read['ok'])} ok, {number(read['no_users'])} without users, "
            f"{number(read['not_supported'])} not supported, {number(read['missing'])} missing, "
            f"{number(read['not_asked'])} not asked or not answered."
        ),
        *_item(f"Severity and status: {SEVERITIES_IN_WORDS}."),
    ]
    if dashboard["unknown"]:
        reasons = ", ".join(
            f"{why['reason']} ({number(why['num_sites'])})" for why in dashboard["unknown"][:4]
        )
        lines += _item(f"Not judged: {reasons}.")
    for notice in dashboard["notices"]:
        if notice["kind"] != "correlation":
            lines += _item(f"! {kind_title(notice['kind'])}: {notice['summary']}")
    return lines


def _open(dashboard: Dashboard, settings: ReportSettings) -> list[str]:
    ledger = dashboard["ledger"]
    if ledger is None:
        return []
    if ledger["open"] is None:
        unread = f"The ledger could not be read: {ledger['trouble']}. What is open is not known."
        return _section("Open now", _item(unread), "")
    shown = ledger["open"][: settings.max_attention]
    lines: list[str] = []
    for incident in shown:
        taken = f"{incident['acknowledged_by']} has it" if incident["acknowledged_by"] else "nobody has it"
        new = ", new" if incident["is_new"] else ""
        lines += _item(f"{incident['severity']}  {incident['where']}: {incident['what']}")
        lines += _item(
            f"{incident_state(incident)}{new}; {taken}",
            "      · ",
            "        ",
        )
        facts = [*incident_facts(incident), *(f"ticket {ticket['ticket']}" for ticket in incident["tickets"])]
        for fact in facts:
            lines += _item(fact, "      · ", "        ")
        for place, step in enumerate(incident["next_steps"], 1):
            lines += _item(step, f"      {place}. ", "         ")
        lines.append(f"      mist-pipeline alerts show {incident['incident_id'][:8]}")
    lines += _more(shown, ledger["open"], "incident")
    evaluated = ledger["evaluated_at"]
    if evaluated is not None:
        read = f"The ledger as of {ledger['read_at']}; sites were last evaluated at {evaluated}."
        return _section("Open now", [*(lines or _item("No incident is open.")), *_item(read)], "")
    return _section("Open now", lines, "Nothing was evaluated yet: no incident is known.")


def _attention(dashboard: Dashboard, settings: ReportSettings) -> list[str]:
    everything = [item for item in dashboard["attention"] if item["incident_id"] is None]
    shown = everything[: settings.max_attention]
    has_open = len(everything) < len(dashboard["attention"])
    lines: list[str] = []
    for item in shown:
        lines += _item(f"{item['indicator'] or ' '} {item['status']:<9}  {item['label']}: {item['reason']}")
        for note in item["notes"]:
            lines += _item(note, "      · ", "        ")
    unknown = dashboard["totals"]["status"]["UNKNOWN"]
    nothing = (
        "Every site that needs attention is in an open incident."
        if dashboard["attention"]
        else f"No judged site is critical or unhealthy, and no degraded one worsens; {count(unknown, 'site')} could not be judged."
        if unknown
        else "There is no site that could need attention."
        if not dashboard["totals"]["sites"]
        else "Nothing: no site is critical or unhealthy, and no degraded one worsens."
    )
    return _section(
        "In trouble, and in no open incident" if has_open else "What needs attention",
        [*lines, *_more(shown, everything, "site")],
        nothing,
    )


def _changes(dashboard: Dashboard, settings: ReportSettings) -> list[str]:
    ledger = dashboard["ledger"]
    if ledger is None or ledger["changes"] is None or ledger["evaluated_at"] is None:
        return []
    told = {one["incident_id"] for one in (ledger["open"] or [])[: settings.max_attention]}
    shown = ledger["changes"][: settings.max_rows]
    lines: list[str] = []
    for change in shown:
        what = "open, see above" if change["incident_id"] in told else change["what"]
        lines += _item(f"{CHANGE_KINDS[change['kind']]}  {change['severity']}  {change['where']}: {what}")
        lines += _item(f"{change['when']} ({change['lasted']})", "      · ", "        ")
    lines += _more(shown, ledger["changes"], "change")
    return _section(f"Since {ledger['since']}", lines, "No incident began or ended.")


def _causes(dashboard: Dashboard, settings: ReportSettings) -> list[str]:
    if dashboard["incidents"] is None:
        return []
    ledger = dashboard["ledger"]
    told = {one["cause_fingerprint"] for one in (ledger["open"] if ledger else None) or []}
    shared = [cause for cause in dashboard["incidents"] if cause["scope"] == "infrastructure"]
    causes = [cause for cause in shared if cause["cause_fingerprint"] not in told]
    shown = causes[: settings.max_rows]
    lines: list[str] = []
    for cause in shown:
        sure = "" if cause["p_value"] is None else f", {beyond_chance(cause['p_value'])}"
        lines += _item(f"{cause['cause']} ({count(cause['num_sites'], 'site')}{sure})")
        named = ", ".join(site["label"] for site in cause["sites"][:_MAX_NAMED])
        left = cause["num_sites"] - min(len(cause["sites"]), _MAX_NAMED)
        lines += _item(named + (f" and {count(left, 'more site')}" if left else ""), "      · ", "        ")
    nothing = (
        "Told above as an open incident." if shared else "Nothing: no trouble is shared by several sites."
    )
    return _section("What the troubled share", [*lines, *_more(shown, causes, "cause")], nothing)


def _at_risk(dashboard: Dashboard, settings: ReportSettings) -> list[str]:
    risks = dashboard["at_risk"]
    if risks is None:
        return []
    shown = risks[: settings.max_rows]
    days = count(settings.forecast_days, "day")
    lines: list[str] = []
    if risks and not any(risk["is_soon"] for risk in risks):
        lines += _item(f"No series is expected to become critical within {days}.")
    for risk in shown:
        lines += _item(f"{title_of(risk['metric'])} at {risk['label']}: {risk['sentence']}")
        for why in risk["why"]:
            lines += _item(why, "      · ", "        ")
    lines += _more(shown, risks, "series")
    if dashboard["scorecard"]:
        lines = lines or _item("Nothing: no series is expected to cross a threshold.")
        lines += _item(f"Was it right before? {' '.join(dashboard['scorecard'])}")
    return _section(
        f"Critical within {days}, then later or milder",
        lines,
        "Nothing: no series is expected to cross a threshold.",
    )


def _trends(dashboard: Dashboard, settings: ReportSettings) -> list[str]:
    shown = dashboard["trends"][: settings.max_rows // 2]
    lines: list[str] = []
    for trend in shown:
        lines += _item(f"{title_of(trend['metric'])} at {trend['label']}")
        for day in trend["line"]:
            lines += _item(day["text"], "      · ", "        ")
    return _section(
        "Getting worse, day by day",
        [*lines, *_more(shown, dashboard["trends"], "series")],
        "Nothing fell beyond its own noise against the day before.",
    )


def _anomalies(dashboard: Dashboard, settings: ReportSettings) -> list[str]:
    if dashboard["anomalies"] is None:
        return []
    odd, far = dashboard["anomalies"], dashboard["far_from_usual"] or []
    shown, also = odd[: settings.max_rows // 2], far[: settings.max_rows // 2]
    lines: list[str] = []
    for item in shown:
        lines += _item(f"{item['anomaly_score'] or 0:.2f}  {item['label']}: {_shares(item)}")
        for text in item["deviations"]:
            lines += _item(text, "      · ", "        ")
    lines += _more(shown, odd, "site")
    lines += ["  Single scores that are far from usual:"] if also else []
    for other in also:
        lines += _item(other["label"])
        for text in other["deviations"]:
            lines += _item(text, "      · ", "        ")
    return _section(
        "Unusual",
        [*lines, *_more(also, far, "site")],
        "Nothing: every site that could be judged behaves like itself and its peers.",
    )


def _shares(item: Anomaly) -> str:
    """``Coverage 61 %, Roaming 12 %``: the metrics that make a site unusual."""
    return ", ".join(
        f"{title_of(share['metric'])} {share['share'] * 100:.0f} %" for share in item["contributions"][:3]
    )


def _sites(dashboard: Dashboard, settings: ReportSettings) -> list[str]:
    shown = dashboard["sites"][: settings.max_rows]
    has_health = any(site["health"] for site in dashboard["sites"])
    lines: list[str] = []
    for site in shown:
        score = site["health"]["score"] if site["health"] else None
        health = f"{'–' if score is None else f'{rounded_down(score, 0):.0f}':>4}  " if has_health else ""
        why = f": {site['reason']}" if site["reason"] else ""
        lines += _item(f"{site['status']:<9}  {health}{site['label']}{why}", rest=" " * 13)
    title = "Sites, worst first" + (" (status, health, scores)" if has_health else "")
    return _section(title, [*lines, *_more(shown, dashboard["sites"], "site")], "There are no sites.")


def _hit(row: Classifier) -> str:
    """``users 31 at 2 of 40 sites, APs 4; ``; empty where neither is known."""
    numbers = {"users": row["num_users"], "APs": row["num_aps"]}
    known = [f"{what} {number_hit(value, row)}" for what, value in numbers.items() if value is not None]
    return f"{', '.join(known)}; " if known else ""


def _classifiers(dashboard: Dashboard, settings: ReportSettings) -> list[str]:
    blamed = [row for row in dashboard["classifiers"] if row["degraded_pct"] > 0]
    shown = blamed[: settings.max_rows]
    lines: list[str] = []
    for row in shown:
        lines += _item(
            f"{percent(row['degraded_pct'])}  {title_of(row['metric'])} / {row['title']}; {_hit(row)}"
            f"worst {percent(row['worst_pct'])} at {row['worst_site']}"
        )
    if shown and all(row["num_users"] is None and row["num_aps"] is None for row in shown):
        lines += _item(f"Users and APs that are hit: {why_nobody_is_counted(shown)}.")
    return _section(
        "What the cloud blames", [*lines, *_more(shown, blamed, "classifier")], "Nothing is blamed."
    )
