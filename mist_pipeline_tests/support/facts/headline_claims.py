"""The first sentence of a report: better or worse, how many, why, what comes, what is not known."""

import re
from collections.abc import Iterator
from datetime import timedelta

from mist_pipeline.report.document.model import Dashboard
from mist_pipeline_tests.support.facts.claims import TITLE, Found, N, Passage, claim
from mist_pipeline_tests.support.facts.tree import Node
from mist_pipeline_tests.support.facts.truth import Truth, metric_called, nearest, number_in, percentage


def headline(document: Dashboard, page: Node) -> Iterator[Passage]:
    """The sentence, as the document and the page have it."""
    worst = document["sites"][0]["site_id"] if document["sites"] else ""
    yield Passage("JSON, headline", document["headline"], worst)
    yield Passage("page, headline", page.one("h1").text, worst)


_VERDICT = r"(?:(?P<verdict>Worse than|Better than|Much as) (?:the day before|on (?P<day>[\d-]+)): )?"


@claim(
    _VERDICT
    + rf"(?P<sites>{N}) of (?P<all>{N}) sites? (?:is|are) critical(?:, (?P<way>up|down) from (?P<then>{N}))?"
    rf"(?:, worst (?P<worst>.+?)(?: \((?P<title>{TITLE}) (?P<score>{N}) %\))?)?(?P<rest>(?:; .+)?)\."
)
def _headline_critical(found: Found, passage: Passage, truth: Truth) -> Iterator[str]:
    statuses = [row["status"] for row in truth.rows("site_status")]
    yield from nearest(found["sites"], statuses.count("CRITICAL"), "critical sites")
    yield from _compared(found, truth)
    if found["then"]:
        is_up = number_in(found["sites"]) > number_in(found["then"])
        if (found["way"] == "up") is not is_up:
            yield f"{found['way']} from {found['then']} to {found['sites']}"
    yield from nearest(found["all"], len(statuses), "sites")
    if found["score"]:
        metric = metric_called(found["title"])
        yield from percentage(found["score"], truth.score(passage.site_id, metric), "score")
        worst = min(
            truth.score(row["site_id"], row["metric"]) or 0.0
            for row in truth.rows("sle_daily")
            if row["severity"] == "critical"
        )
        yield from percentage(found["score"], worst, "the worst score")
    yield from _headline_rest(found["rest"], truth)


@claim(
    _VERDICT
    + rf"(?:[Nn]o site is critical(?: \((?P<then>{N}) (?:was|were)\))?, (?:(?P<major>{N}) unhealthy)?(?: and )?(?:(?P<warning>{N}) degraded)?"
    rf"|[Aa]ll (?P<healthy>{N}) (?:judged )?sites? (?:is|are) healthy)(?P<rest>(?:; .+)?)\."
)
def _headline_calm(found: Found, _passage: Passage, truth: Truth) -> Iterator[str]:
    statuses = [row["status"] for row in truth.rows("site_status")]
    yield from nearest("0", statuses.count("CRITICAL"), "critical sites")
    yield from _compared(found, truth)
    for name, status in (("major", "UNHEALTHY"), ("warning", "DEGRADED"), ("healthy", "HEALTHY")):
        if found[name]:
            yield from nearest(found[name], statuses.count(status), status)
    yield from _headline_rest(found["rest"], truth)


@claim(rf"None of (?P<sites>{N}) sites? could be judged: .+\.")
def _headline_unknown(found: Found, _passage: Passage, truth: Truth) -> Iterator[str]:
    yield from nearest(found["sites"], len(truth.rows("site_status")), "sites")
    if any(row["status"] != "UNKNOWN" for row in truth.rows("site_status")):
        yield "some could be judged"


def _compared(found: Found, truth: Truth) -> Iterator[str]:
    """Better or worse than the newest day before, by the sites that could be judged on both; how many were critical."""
    now = {row["site_id"]: row["status"] for row in truth.rows("site_status")}
    earlier = [row for row in truth.data.site_status.to_dicts() if row["day"] < truth.day]
    newest = max((row["day"] for row in earlier), default=None)
    then = {row["site_id"]: row["status"] for row in earlier if row["day"] == newest}
    both = [site for site in now if "UNKNOWN" not in (now[site], then.get(site, "UNKNOWN"))]
    expected = "Much as" if both else None
    for status in ("CRITICAL", "UNHEALTHY", "DEGRADED"):
        count, before = (sum(of[site] == status for site in both) for of in (now, then))
        if abs(count - before) * 20 > max(count, before):
            expected = "Worse than" if count > before else "Better than"
            break
    if found["verdict"] != expected:
        yield f"“{found['verdict']}”, the tables say “{expected}”"
    if found["verdict"] and (found["day"] or str(truth.day - timedelta(days=1))) != str(newest):
        yield f"the day that it is compared with is {newest}"
    if found["then"]:
        yield from nearest(
            found["then"], list(then.values()).count("CRITICAL"), "critical sites the day before"
        )


def _headline_rest(rest: str, truth: Truth) -> Iterator[str]:
    """What a headline says besides: sites that will be critical, sites that could not be judged."""
    for part in rest.split("; ")[1:]:
        soon = re.fullmatch(
            rf"(?P<n>{N}) more sites? (?:is|are) expected to be critical within (?P<days>\d+) days?", part
        )
        unknown = re.fullmatch(rf"(?P<n>{N}) sites? could not be judged", part)
        shared = re.fullmatch(rf"(?P<n>{N}) sites share one cause: (?P<cause>.+)", part)
        if soon:
            expected = {
                row["site_id"]
                for row in truth.rows("risks")
                if row["severity"] == "critical"
                and row["state"] == "crossing"
                and row["days"] <= int(soon["days"])
                and not truth.is_rising(row["site_id"], row["metric"])
                and truth.row("site_status", row["site_id"]).get("status") != "CRITICAL"
            }
            yield from nearest(soon["n"], len(expected), "sites soon critical")
        elif unknown:
            statuses = [row["status"] for row in truth.rows("site_status")]
            yield from nearest(unknown["n"], statuses.count("UNKNOWN"), "sites not judged")
        elif shared:
            known = {row["cause"]: row for row in truth.causes}
            widest = max(
                (len(row["site_ids"]) for row in known.values() if row["scope"] == "infrastructure"),
                default=None,
            )
            yield from nearest(shared["n"], widest, "sites that share a cause")
            if shared["cause"] not in known:
                yield f"the tables have no cause “{shared['cause']}”"
        else:
            yield f"no checker for “{part}”"
