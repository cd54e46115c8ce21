"""The report as plain text: for a terminal, a mail, a log. Names come last in a line, so that they cannot break it."""

from collections.abc import Iterable, Sequence

from mist_pipeline.domain.finding_kinds import kind_title
from mist_pipeline.domain.metrics import title_of
from mist_pipeline.domain.numbers import beyond_chance, percent, rounded_down
from mist_pipeline.domain.severity import SEVERITIES_IN_WORDS
from mist_pipeline.domain.text import count
from mist_pipeline.report.document.formatting import number, number_hit, signed, why_nobody_is_counted
from mist_pipeline.report.document.model import STATUSES, Anomaly, Classifier, Dashboard
from mist_pipeline.report.queries.data import ReportSettings

_WIDTH = 100


def text_of(dashboard: Dashboard, settings: ReportSettings) -> str:
    """The summary of a dashboard document, lists cut to the limits of a page and saying so."""
    parts = (
        _head(dashboard),
        _incidents(dashboard, settings),
        _attention(dashboard, settings),
        _past(dashboard, settings),
        _at_risk(dashboard, settings),
        _trends(dashboard, settings),
        _anomalies(dashboard, settings),
        _sites(dashboard, settings),
        _classifiers(dashboard, settings),
    )
    return "\n".join(line.rstrip() for part in parts for line in part) + "\n"


def _section(title: str, lines: Iterable[str], nothing: str) -> list[str]:
    """A heading with its lines, or with the plain word that there is nothing."""
    body = list(lines) or [f"  {nothing}"]
    return ["", f"{title.upper()} ".ljust(_WIDTH, "─"), *body]


def _more(shown: Sequence[object], everything: Sequence[object], what: str) -> list[str]:
    """``… and 12 more sites (all of them: the JSON dashboard)`` if something was cut."""
    left = len(everything) - len(shown)
    return [f"  … and {count(left, f'more {what}')} (all of them: the JSON dashboard)"] if left else []


def _head(dashboard: Dashboard) -> list[str]:
    totals, before = dashboard["totals"], dashboard["totals"]["previous_status"]
    lines = [
        f"{dashboard['organisation']} · network report of {dashboard['day']} · as of {dashboard['as_of']}",
        "═" * _WIDTH,
        dashboard["headline"],
        "",
    ]
    for status in STATUSES:
        amount = totals["status"][status]
        change = f"   ({signed(amount - before[status], 0)})" if before and amount != before[status] else ""
        lines.append(f"  {amount:>6,}  {status}{change}")
    read = totals["readings"]
    lines += [
        "",
        (
            f"  Readings: {number(read['ok'])} ok, {number(read['no_users'])} without users, "
            f"{number(read['not_supported'])} not supported, {number(read['missing'])} missing, "
            f"{number(read['not_asked'])} not asked or not answered."
        ),
    ]
    lines.append(f"  Severity and status: {SEVERITIES_IN_WORDS}.")
    if totals["mean_health"] is not None:
        lines.append(f"  Mean health of the judged sites: {rounded_down(totals['mean_health']):.1f} of 100.")
    if dashboard["unknown"]:
        reasons = ", ".join(
            f"{why['reason']} ({number(why['num_sites'])})" for why in dashboard["unknown"][:4]
        )
        lines.append(f"  Not judged: {reasons}.")
    lines += [f"  ! {kind_title(notice['kind'])}: {notice['summary']}" for notice in dashboard["notices"]]
    return lines


def _attention(dashboard: Dashboard, settings: ReportSettings) -> list[str]:
    shown = dashboard["attention"][: settings.max_attention]
    lines: list[str] = []
    for item in shown:
        lines.append(f"  {item['indicator'] or ' '} {item['status']:<9}  {item['label']}: {item['reason']}")
        lines += [f"{'':15}{note}" for note in item["notes"]]
        lines += [f"{'':15}{item['url']}"] if item["url"] else []
    return _section(
        "What needs attention",
        [*lines, *_more(shown, dashboard["attention"], "site")],
        "Nothing: no site is critical or unhealthy, and no degraded one worsens.",
    )


def _past(dashboard: Dashboard, settings: ReportSettings) -> list[str]:
    everything = dashboard["past_incidents"]
    if not everything:
        return []
    shown = everything[: settings.max_rows]
    lines: list[str] = []
    for past in shown:
        lines.append(f"  {past['severity']:<9}  {past['when']} ({past['lasted']})  {past['where']}")
        lines.append(f"{'':13}{past['what']}")
    return _section("Over before it was noticed", [*lines, *_more(shown, everything, "incident")], "")


def _incidents(dashboard: Dashboard, settings: ReportSettings) -> list[str]:
    if dashboard["incidents"] is None:
        return []
    shown = dashboard["incidents"][: settings.max_rows]
    lines: list[str] = []
    for incident in shown:
        sure = "" if incident["p_value"] is None else f", {beyond_chance(incident['p_value'])}"
        lines.append(
            f"  {incident['scope']}: {incident['cause']} ({count(incident['num_sites'], 'site')}{sure})"
        )
    return _section(
        "Common causes",
        [*lines, *_more(shown, dashboard["incidents"], "cause")],
        "Nothing: no trouble is shared by several sites.",
    )


def _at_risk(dashboard: Dashboard, settings: ReportSettings) -> list[str]:
    if dashboard["at_risk"] is None:
        return []
    shown = dashboard["at_risk"][: settings.max_rows]
    lines = [f"  {title_of(risk['metric'])} at {risk['label']}: {risk['sentence']}" for risk in shown]
    return _section(
        "At risk",
        [*lines, *_more(shown, dashboard["at_risk"], "series")],
        "Nothing: no series is expected to cross a threshold.",
    )


def _trends(dashboard: Dashboard, settings: ReportSettings) -> list[str]:
    shown = dashboard["trends"][: settings.max_rows]
    lines: list[str] = []
    for trend in shown:
        lines.append(f"  {title_of(trend['metric'])} at {trend['label']}")
        lines += [f"      {day['text']}" for day in trend["line"]]
    return _section(
        "Getting worse, seven days",
        [*lines, *_more(shown, dashboard["trends"], "series")],
        "Nothing fell beyond its own noise against the day before.",
    )


def _anomalies(dashboard: Dashboard, settings: ReportSettings) -> list[str]:
    if dashboard["anomalies"] is None:
        return []
    odd, far = dashboard["anomalies"], dashboard["far_from_usual"] or []
    shown, also = odd[: settings.max_rows], far[: settings.max_rows]
    lines: list[str] = []
    for item in shown:
        lines.append(f"  {item['anomaly_score'] or 0:.2f}  {item['label']}: {_shares(item)}")
        lines += [f"        {text}" for text in item["deviations"]]
    lines += _more(shown, odd, "site")
    lines += ["  Single scores that are far from usual:"] if also else []
    for other in also:
        lines += [f"  {other['label']}", *(f"        {text}" for text in other["deviations"])]
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
        lines.append(f"  {site['status']:<9}  {health}{site['label']}{why}")
    title = "Sites, worst first" + (" (status, health of 100, worst scores)" if has_health else "")
    return _section(title, [*lines, *_more(shown, dashboard["sites"], "site")], "There are no sites.")


def _hit(row: Classifier) -> str:
    """``users 31 at 2 of 40 sites, APs 4; ``; empty where neither is known."""
    numbers = {"users": row["num_users"], "APs": row["num_aps"]}
    known = [f"{what} {number_hit(value, row)}" for what, value in numbers.items() if value is not None]
    return f"{', '.join(known)}; " if known else ""


def _classifiers(dashboard: Dashboard, settings: ReportSettings) -> list[str]:
    blamed = [row for row in dashboard["classifiers"] if row["degraded_pct"] > 0]
    shown = blamed[: settings.max_rows]
    lines = [
        f"  {percent(row['degraded_pct']):>7}  {title_of(row['metric'])} / {row['title']}; {_hit(row)}"
        f"worst {percent(row['worst_pct'])} at {row['worst_site']}"
        for row in shown
    ]
    if shown and all(row["num_users"] is None and row["num_aps"] is None for row in shown):
        lines.append(f"  Users and APs that are hit: {why_nobody_is_counted(shown)}.")
    return _section(
        "What the cloud blames", [*lines, *_more(shown, blamed, "classifier")], "Nothing is blamed."
    )
