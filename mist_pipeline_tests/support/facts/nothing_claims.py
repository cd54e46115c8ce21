"""Sentences that say that there is nothing: each is true of the tables, or somebody would look no further."""

from collections.abc import Iterator

from mist_pipeline_tests.support.facts.claims import Found, N, Passage, claim
from mist_pipeline_tests.support.facts.plain import unwrapped
from mist_pipeline_tests.support.facts.tree import Node
from mist_pipeline_tests.support.facts.truth import Truth, nearest

_NOTHING = tuple(f"  {begins}" for begins in ("Nothing", "No ", "Every site that", "Told above"))


def nothing_said(page: Node, text: str) -> Iterator[Passage]:
    """Every such sentence of the page and of the text."""
    for said in page.all("p", of="nothing"):
        yield Passage("page, nothing", said.text)
    for line in unwrapped(text).splitlines():
        if line.startswith(_NOTHING):
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


@claim(rf"No series is expected to become critical within (?P<days>{N}) days?\.")
def _soon(found: Found, _passage: Passage, truth: Truth) -> Iterator[str]:
    for row in truth.rows("risks"):
        is_soon = (
            row["severity"] == "critical" and row["state"] == "crossing" and row["days"] <= int(found["days"])
        )
        if is_soon and not truth.is_rising(row["site_id"], row["metric"]):
            yield f"{row['metric']} of {row['site_id']} is, in {row['days']:.1f} days"


@claim(r"Every site that needs attention is in an open incident\.")
def _all_told(_found: Found, _passage: Passage, truth: Truth) -> Iterator[str]:
    told = {site_id for one in truth.open for site_id in one.incident.site_ids}
    for row in truth.rows("site_status"):
        if row["status"] in ("CRITICAL", "UNHEALTHY") and row["site_id"] not in told:
            yield f"{row['site_id']} is {row['status']}, and in none"


@claim(r"Told above as an open incident(?:: .+)?\.")
def _cause_told(_found: Found, _passage: Passage, truth: Truth) -> Iterator[str]:
    told = {one.fingerprint for one in truth.open}
    for row in truth.causes:
        if row["scope"] == "infrastructure" and row["cause_fingerprint"] not in told:
            yield f"“{row['cause']}” is not"


@claim(r"No incident is open\.")
def _none_open(_found: Found, _passage: Passage, truth: Truth) -> Iterator[str]:
    if truth.open:
        yield f"{len(truth.open)} are"


@claim(r"No incident began or ended\.")
def _none_changed(_found: Found, _passage: Passage, truth: Truth) -> Iterator[str]:
    morning = truth.data.ledger
    if morning is not None and (
        morning.over or any(one.incident.opened_at > morning.since for one in morning.open)
    ):
        yield "the ledger has some that did"


@claim(r"Nothing was evaluated yet: no incident is known\.")
def _none_evaluated(_found: Found, _passage: Passage, truth: Truth) -> Iterator[str]:
    if truth.data.ledger is None or truth.data.ledger.evaluated_at is not None:
        yield "sites were evaluated"


@claim(r"What is open is not known: the ledger of incidents was not asked\.")
def _not_asked(_found: Found, _passage: Passage, truth: Truth) -> Iterator[str]:
    if truth.data.ledger is not None:
        yield "it was"


@claim(r"The ledger could not be read: (?P<why>.+)\. What is open is not known\.")
def _not_read(found: Found, _passage: Passage, truth: Truth) -> Iterator[str]:
    if truth.data.ledger is None or found["why"] != truth.data.ledger.trouble:
        yield f"the reason is {truth.data.ledger and truth.data.ledger.trouble!r}"
