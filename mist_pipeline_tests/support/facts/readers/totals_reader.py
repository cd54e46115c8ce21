"""The totals of a report and its list of sites, read back out of page and text: counts, changes, health, reasons."""

import re
from collections.abc import Iterator, Mapping

from mist_pipeline.domain.numbers import rounded_down
from mist_pipeline.domain.severity import SEVERITIES_IN_WORDS, STATUS_OF_SEVERITY, STATUSES
from mist_pipeline.report.document.model import Dashboard
from mist_pipeline_tests.support.facts.claims import STATUS, TITLE, N
from mist_pipeline_tests.support.facts.plain import section
from mist_pipeline_tests.support.facts.tree import Node
from mist_pipeline_tests.support.facts.truth import Truth, metric_called, number_in, percentage

_COUNT = re.compile(rf" +(?P<number>{N})  (?P<status>{STATUS})(?:   \((?P<change>{N})\))?")
_SITE = re.compile(rf"  (?P<status>{STATUS}) +(?:(?P<health>\d+|–)  )?(?P<rest>\S.*)")
_REASON = re.compile(rf"(?P<title>{TITLE}) (?P<score>{N}) %")
_MEAN = re.compile(rf" +(?P<mean>{N})  Mean health of the judged sites(?:   \((?P<change>{N})\))?")


def totals_falsehoods(document: Dashboard, page: Node, text: str, truth: Truth) -> Iterator[str]:
    """What the totals and the list of sites say that is not so."""
    now = _statuses(truth, newest=True)
    before = _statuses(truth, newest=False)
    yield from _changes_of_page(page, now, before)
    yield from _changes_of_text(text, now, before)
    yield from _mean_health(page, text, truth)
    yield from _sites(text, document, truth)
    for surface, words in (("page", page.one("footer").text), ("text", text)):
        if SEVERITIES_IN_WORDS not in " ".join(words.split()) or SEVERITIES_IN_WORDS.count(" is ") != len(
            STATUS_OF_SEVERITY
        ):
            yield f"{surface}: it does not say which severity is which status"


def _mean_health(page: Node, text: str, truth: Truth) -> Iterator[str]:
    """The mean of all judged sites, and how it changed over those that have a score on both days."""
    rows = [row for row in truth.rows("health_scores") if row["score"] is not None]
    both = [(row["score"], row["score"] - row["change"]) for row in rows if row["change"] is not None]
    shown = page.one(of="mean")
    said = (
        {"page": (shown.one(of="n").text.removesuffix(" of 100"), shown.one(of="c").text)}
        if shown.text
        else {}
    )
    for line in text.splitlines():
        if found := _MEAN.fullmatch(line):
            said["text"] = (found["mean"], found["change"] or "")
    if bool(rows) != (said.keys() == {"page", "text"}):
        yield f"mean health: {len(rows)} sites have a score, it is said on {sorted(said)}"
        return
    for surface, (mean, words) in said.items():
        scores = [rounded_down(row["score"], 2) for row in rows]
        yield from percentage(mean, sum(scores) / len(scores), f"{surface}, mean health")
        number = re.match(N, words)
        change = number_in(number[0]) if number else None
        known = None
        if both:
            now, before = (sum(pair[side] for pair in both) / len(both) for side in (0, 1))
            known = round(rounded_down(now) - rounded_down(before), 1)
        if (change or 0) != (known or 0):
            yield f"{surface}, mean health: changed by {change}, the tables have {known}"


def _statuses(truth: Truth, *, newest: bool) -> Mapping[str, int] | None:
    """Sites by status on the day, or on the newest day before; None where there is none."""
    rows = [
        row
        for row in truth.data.site_status.to_dicts()
        if (row["day"] == truth.day if newest else row["day"] < truth.day)
    ]
    if not rows:
        return None
    last = max(row["day"] for row in rows)
    found = [row["status"] for row in rows if row["day"] == last]
    return {status: found.count(status) for status in STATUSES}


def _changed(
    where: str,
    status: str,
    change: float | None,
    now: Mapping[str, int] | None,
    before: Mapping[str, int] | None,
) -> Iterator[str]:
    known = None if now is None or before is None else now[status] - before[status]
    if change is not None and change != known:
        yield f"{where}: {status} {change:+.0f}, the tables have {known}"
    if change is None and known:
        yield f"{where}: {status} changed by {known}, and it is not said"


def _changes_of_page(
    page: Node, now: Mapping[str, int] | None, before: Mapping[str, int] | None
) -> Iterator[str]:
    for item in page.one("ul", of="counts").all("li"):
        if "mean" in item.classes:
            continue
        status, said = item.one(of="w").text, item.one(of="c").text
        found = re.fullmatch(rf"(?P<change>{N}) against the day before", said)
        if found or said == "as the day before":
            yield from _changed("page", status, number_in(found["change"]) if found else 0.0, now, before)
        elif before is not None or not said.startswith("of "):
            yield f"page: {status}: no checker for “{said}”"


def _changes_of_text(
    text: str, now: Mapping[str, int] | None, before: Mapping[str, int] | None
) -> Iterator[str]:
    for line in text.splitlines():
        if (found := _COUNT.fullmatch(line)) is None:
            continue
        if now is not None and number_in(found["number"]) != now[found["status"]]:
            yield f"text: {found['number']} {found['status']}, the tables have {now[found['status']]}"
        change = number_in(found["change"]) if found["change"] else None
        yield from _changed("text", found["status"], change, now, before)


def _sites(text: str, document: Dashboard, truth: Truth) -> Iterator[str]:
    labels = sorted(
        ((site["label"], site["site_id"]) for site in document["sites"]), key=lambda one: -len(one[0])
    )
    for line in section(text, "SITES, WORST FIRST"):
        if found := _SITE.fullmatch(line):
            label, site_id = next((one for one in labels if found["rest"].startswith(one[0])), ("", ""))
            if truth.row("site_status", site_id).get("status") != found["status"]:
                yield f"text, sites: {label} is {truth.row('site_status', site_id).get('status')}"
            if (found["health"] or "–") != "–":
                score = truth.row("health_scores", site_id).get("score")
                yield from percentage(found["health"], score, f"text, health of {label}")
            for reason in _REASON.finditer(found["rest"].removeprefix(label)):
                known = truth.score(site_id, metric_called(reason["title"].strip()))
                yield from percentage(reason["score"], known, f"text, {reason['title']} of {label}")
