"""The report of a day read back out of its page, its text and its document, and checked as a whole.

Sentences become passages for `claims`. Here besides: what a list claims by its order, what a card claims by its picture,
and numbers that stand alone in a cell.
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import pairwise
from math import ceil

from mist_pipeline.domain.metrics import title_of
from mist_pipeline.domain.severity import SEVERITY_OF_STATUS
from mist_pipeline.report import build_dashboard, render_html, render_text
from mist_pipeline.report.document.model import STATUSES, Attention, Dashboard
from mist_pipeline_tests.support.facts.claims import Passage, falsehoods
from mist_pipeline_tests.support.facts.headline_claims import headline
from mist_pipeline_tests.support.facts.nothing_claims import nothing_said
from mist_pipeline_tests.support.facts.plain import section
from mist_pipeline_tests.support.facts.readers.blame_reader import blame_falsehoods
from mist_pipeline_tests.support.facts.readers.cause_reader import cause_falsehoods
from mist_pipeline_tests.support.facts.readers.ledger_reader import ledger_falsehoods
from mist_pipeline_tests.support.facts.readers.totals_reader import totals_falsehoods
from mist_pipeline_tests.support.facts.tree import Node, tree
from mist_pipeline_tests.support.facts.truth import Truth, metric_called, number_in, percentage


def report_falsehoods(truth: Truth) -> list[str]:
    """What any form of the report of the day says that is not so."""
    document = build_dashboard(truth.data)
    page = tree(render_html(truth.data))
    return [
        *falsehoods(headline(document, page), truth),
        *falsehoods(_of_document(document), truth),
        *falsehoods(_of_odd(document), truth),
        *_counts(page, truth),
        *card_falsehoods(document, truth),
        *order_falsehoods(document),
        *ledger_falsehoods(document, page, render_text(truth.data), truth),
        *totals_falsehoods(document, page, render_text(truth.data), truth),
        *cause_falsehoods(document, page, render_text(truth.data), truth),
        *blame_falsehoods(document, page, render_text(truth.data), truth),
        *falsehoods(nothing_said(page, render_text(truth.data)), truth),
        *falsehoods(_of_page(page, document), truth),
        *_cells(page, document, truth),
        *falsehoods(_of_text(render_text(truth.data), document), truth),
    ]


def finding_falsehoods(truth: Truth) -> list[str]:
    """What any finding of the day says that is not so."""
    found = truth.data.findings
    rows = [] if found is None else found.select("summary", "site_id", "metric").rows()
    return falsehoods([Passage("finding", *row) for row in rows], truth)


def _counts(page: Node, truth: Truth) -> Iterator[str]:
    """The row of numbers at the top: how many sites have each status."""
    statuses = [row["status"] for row in truth.rows("site_status")]
    for item in page.one("ul", of="counts").all("li"):
        if "mean" in item.classes:
            continue
        status, said = item.one(of="w").text, item.one(of="n").text
        if number_in(said) != statuses.count(status):
            yield f"page, counts: {said} {status}, the tables have {statuses.count(status)}"


def _of_document(document: Dashboard) -> Iterator[Passage]:
    for item in document["attention"]:
        metric = item["metric"] or ""
        for text in (item["reason"], *item["notes"]):
            yield Passage("JSON, attention", text, item["site_id"], metric)
    for risk in document["at_risk"] or []:
        for text in (risk["sentence"], *risk["why"]):
            yield Passage("JSON, at risk", text, risk["site_id"], risk["metric"])
    for trend in document["trends"]:
        for day in trend["line"]:
            yield Passage("JSON, week", day["text"], trend["site_id"], trend["metric"])


def _of_odd(document: Dashboard) -> Iterator[Passage]:
    for odd in document["anomalies"] or []:
        for text in odd["deviations"]:
            yield Passage("JSON, unusual", text, odd["site_id"])
    for far in document["far_from_usual"] or []:
        for text in far["deviations"]:
            yield Passage("JSON, far from usual", text, far["site_id"])


def card_falsehoods(document: Dashboard, truth: Truth) -> Iterator[str]:
    """What the picture of a card shows is what its sentence says."""
    for risk in document["at_risk"] or []:
        name = f"JSON, at risk: {risk['label']}, {risk['metric']}"
        line, probability = risk["threshold_pct"], risk["probability"]
        known = truth.row("risks", risk["site_id"], risk["metric"], risk["threshold"]).get("days")
        crosses = None if known is None else truth.day + timedelta(days=max(1, ceil(known)))
        if risk["crosses_on"] != (crosses and crosses.isoformat()):
            yield f"{name}: drawn to cross on {risk['crosses_on']}, the tables have {crosses}"
        is_soon = risk["threshold"] == "critical" and known is not None
        if risk["is_soon"] != (is_soon and known <= truth.data.settings.forecast_days):
            yield f"{name}: soon is {risk['is_soon']}, the tables have {known} days"
        if line is None or probability is None or risk["threshold"] == "pre_warning" or not risk["forecast"]:
            continue
        lowest = min(day["mean_pct"] for day in risk["forecast"][:7])
        if probability >= 0.5 and lowest >= line:
            yield f"{name}: {probability:.0%} promised, the line that is drawn ends at {lowest} above {line:g}"
        share = sum(min(course) < line for course in risk["courses"]) / len(risk["courses"] or [1])
        if abs(share - probability) > 0.02:
            yield f"{name}: {probability:.0%} promised, {share:.0%} of the courses that are drawn cross"


def order_falsehoods(document: Dashboard) -> Iterator[str]:
    """Worst first: by status, and under one status by the score that is shown."""
    place = {status: number for number, status in enumerate(STATUSES)}
    attention = [(item["status"], item["score_pct"]) for item in document["attention"]]
    yield from _worst_first("JSON, attention", attention, place)
    sites = [
        (
            site["status"],
            min(
                (
                    r["score_pct"]
                    for r in site["metrics"]
                    if r["severity"] == SEVERITY_OF_STATUS.get(site["status"])
                ),
                default=None,
                key=lambda score: 101.0 if score is None else score,
            ),
        )
        for site in document["sites"]
        if site["status"] in ("CRITICAL", "UNHEALTHY", "DEGRADED")
    ]
    yield from _worst_first("JSON, sites", sites, place)


def _worst_first(
    where: str, rows: Sequence[tuple[str, float | None]], place: dict[str, int]
) -> Iterator[str]:
    scored = [(status, score) for status, score in rows if score is not None]
    for (status, score), (next_status, next_score) in pairwise(scored):
        if place[next_status] < place[status]:
            yield f"{where}: worst first, but {next_status} comes after {status}"
        elif next_status == status and next_score < score:
            yield f"{where}: worst first, but {next_score:.2f} comes after {score:.2f}"


def _of_page(page: Node, document: Dashboard) -> Iterator[Passage]:
    """Sentences of the cards, with the site that their heading names."""
    sites = {site["label"]: site["site_id"] for site in document["sites"]}
    yield from _of_attention(page, document, sites)
    yield from _of_what_comes(page, sites)
    yield from _of_the_unusual(page.one(at="unusual"), sites)


def _alone(document: Dashboard) -> list[Attention]:
    """The sites that need attention and are in no open incident."""
    return [item for item in document["attention"] if item["incident_id"] is None]


def _of_attention(page: Node, document: Dashboard, sites: dict[str, str]) -> Iterator[Passage]:
    for item, shown in zip(page.one(at="attention").all("li"), _alone(document), strict=False):
        site_id = sites.get(item.one("h3").text, "")
        if site_id == shown["site_id"]:
            yield Passage("page, attention", item.one("p").one("bdi").text, site_id, shown["metric"] or "")
        for note in item.one(of="notes").all("span"):
            yield Passage("page, attention", note.text, site_id, shown["metric"] or "")


def _of_what_comes(page: Node, sites: dict[str, str]) -> Iterator[Passage]:
    for card in page.one(at="at-risk").all("article"):
        title, _, text = card.one(of="sub").text.partition(": ")
        site_id, metric = sites.get(card.one("h3").text, ""), metric_called(title)
        for said in (text, *(why.text for why in card.one(of="whys").all("span"))):
            yield Passage("page, at risk", said, site_id, metric)
    for row in page.one(at="trends").one("tbody").all("tr"):
        title = next(
            (child for child in row.one("th").children if isinstance(child, str) and child.strip()), ""
        )
        site_id = sites.get(row.one("th").one(of="why").text, "")
        alert, speed = row.one(of="goes").one(of="alert").text, row.one(of="goes").one(of="why").text
        if alert:
            is_there = alert == "↑ ALERT: critical"
            said = f"{alert}, {speed}" if is_there and speed else alert.removeprefix("↑ ALERT: ")
            yield Passage("page, week", said, site_id, metric_called(title.strip()))
        if speed and alert != "↑ ALERT: critical":
            yield Passage("page, week", speed, site_id, metric_called(title.strip()))


def _of_the_unusual(odd: Node, sites: dict[str, str]) -> Iterator[Passage]:
    for card in odd.all("article"):
        site_id = sites.get(card.one("h3").text, "")
        for line in card.one("ul").all("li"):
            yield Passage("page, unusual", line.text, site_id)
    for line in odd.one("ul", of="far-off").all("li"):
        for part in line.all("span"):
            yield Passage("page, far from usual", part.text, sites.get(line.one("bdi").text, ""))
    for said in odd.all("p", of="nothing"):
        yield Passage("page, unusual", said.text)


def _cells(page: Node, document: Dashboard, truth: Truth) -> Iterator[str]:
    """Scores that stand alone: in front of a card of attention, in the table of sites."""
    sites = {site["label"]: site["site_id"] for site in document["sites"]}
    rows = page.one(at="sites").one("tbody").all("tr")
    metrics = {title_of(metric): metric for metric in document["metrics"]}
    headings = [th.text for th in page.one(at="sites").one("thead").all("th")]
    for row in rows:
        cells = [child for child in row.children if isinstance(child, Node)]
        site_id = sites.get(cells[1].one("bdi").text, "")
        for heading, cell in zip(headings, cells, strict=True):
            said = cell.text.rstrip(" ↑↓→")
            if heading in metrics and said[:1].isdigit():
                yield from percentage(
                    said, truth.score(site_id, metrics[heading]), f"page, {heading} of {site_id}"
                )
    for item, shown in zip(page.one(at="attention").all("li"), _alone(document), strict=False):
        said = item.one(of="score").text.removesuffix(" %")
        if said != "no data":
            number_in(said)
            yield from percentage(
                said, truth.score(shown["site_id"], shown["metric"] or ""), "page, attention"
            )


def _of_text(text: str, document: Dashboard) -> Iterator[Passage]:
    """Sentences of the plain text, section by section."""
    sites = {site["label"]: site["site_id"] for site in document["sites"]}
    labels = sorted(sites, key=len, reverse=True)
    for line in section(text, "UNUSUAL"):
        if line.strip().startswith("Nothing"):
            yield Passage("text, unusual", line.strip())
    site_id, metric = "", ""
    for line in section(text, "CRITICAL WITHIN"):
        if " at " in line and not line.startswith("      · "):
            title, _, rest = line.strip().partition(" at ")
            label = next((name for name in labels if rest.startswith(f"{name}: ")), "")
            site_id, metric = sites.get(label, ""), metric_called(title)
            yield Passage("text, at risk", rest.removeprefix(f"{label}: "), site_id, metric)
        elif line.startswith("      · "):
            yield Passage("text, at risk", line.strip(" ·"), site_id, metric)
    for line in (*section(text, "WHAT NEEDS ATTENTION"), *section(text, "IN TROUBLE")):
        item = next((a for a in document["attention"] if f"{a['status']:<9}  {a['label']}: " in line), None)
        if item is not None:
            site_id, metric = item["site_id"], item["metric"] or ""
            yield Passage("text, attention", line.partition(f"{item['label']}: ")[2], site_id, metric)
        elif line.startswith("      · "):
            yield Passage("text, attention", line.strip(" ·"), site_id, metric)
