"""Sentences that say that there is nothing: each is true of the tables, or somebody would look no further."""

from collections.abc import Iterator

from mist_pipeline_tests.support.facts.claims import Found, N, Passage, claim
from mist_pipeline_tests.support.facts.tree import Node
from mist_pipeline_tests.support.facts.truth import Truth, nearest


def nothing_said(page: Node, text: str) -> Iterator[Passage]:
    """Every such sentence of the page and of the text."""
    for said in page.all("p", of="nothing"):
        yield Passage("page, nothing", said.text)
    for line in text.splitlines():
        if line.startswith("  Nothing"):
            yield Passage("text, nothing", line.strip())


@claim(
    rf"(?:Nothing: no site|No judged site) is critical or unhealthy, and no degraded one worsens"
    rf"(?:; (?P<unknown>{N}) sites? could not be judged)?\."
)
def _attention(found: Found, _passage: Passage, truth: Truth) -> Iterator[str]:
    statuses = {row["site_id"]: row["status"] for row in truth.rows("site_status")}
    bad = [site for site, status in statuses.items() if status in ("CRITICAL", "UNHEALTHY")]
    if bad:
        yield f"{bad} are"
    worsening = {
        row["site_id"] for row in truth.rows("trends") if row["indicator"] == "↑" and _is_trouble(row, truth)
    }
    if degraded := sorted(site for site in worsening if statuses.get(site) == "DEGRADED"):
        yield f"{degraded} do"
    if found["unknown"]:
        yield from nearest(found["unknown"], list(statuses.values()).count("UNKNOWN"), "sites not judged")


def _is_trouble(row: dict[str, object], truth: Truth) -> bool:
    severity = truth.row("sle_daily", str(row["site_id"]), str(row["metric"])).get("severity")
    return severity in ("critical", "major", "warning")


@claim(r"Nothing fell beyond its own noise against the day before\.")
def _trends(_found: Found, _passage: Passage, truth: Truth) -> Iterator[str]:
    for row in truth.rows("trends"):
        if row["is_degrading"] or (row["indicator"] == "↑" and _is_trouble(row, truth)):
            yield f"{row['metric']} of {row['site_id']} did, by {row['change_pct']:.1f} points"


@claim(r"Nothing: no series is expected to cross a threshold\.")
def _at_risk(_found: Found, _passage: Passage, truth: Truth) -> Iterator[str]:
    for row in truth.rows("risks"):
        is_warned = row["severity"] in ("critical", "major") and row["state"] == "crossing"
        if is_warned and not truth.is_rising(row["site_id"], row["metric"]):
            yield f"{row['metric']} of {row['site_id']} is"


@claim(r"Nothing: no trouble is shared by several sites(?: more often than chance would have it)?\.")
def _causes(_found: Found, _passage: Passage, truth: Truth) -> Iterator[str]:
    if shared := [row["cause"] for row in truth.causes if row["scope"] == "infrastructure"]:
        yield f"there is {shared}"


@claim(r"Nothing is blamed(?: for this day, or no site was asked in detail)?\.")
def _blames(_found: Found, _passage: Passage, truth: Truth) -> Iterator[str]:
    for row in truth.data.classifiers_daily.to_dicts():
        if row["day"] == truth.day and (row["degraded_pct"] or 0) > 0:
            yield f"{row['classifier']} is, at {row['site_id']}"
