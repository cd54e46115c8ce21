"""Common causes read back out of the report: how many sites of how many, which ones, of which metrics, how surely."""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from mist_pipeline.domain.metrics import classifier_title, symptom, title_of
from mist_pipeline.domain.numbers import beyond_chance
from mist_pipeline.domain.text import clean, duration
from mist_pipeline.report.document.model import Dashboard
from mist_pipeline_tests.support.facts.claims import Found, N, Passage, claim, falsehoods
from mist_pipeline_tests.support.facts.plain import section
from mist_pipeline_tests.support.facts.tree import Node
from mist_pipeline_tests.support.facts.truth import Truth, nearest, number_in

_LINE = re.compile(rf"(?P<cause>.+) \((?P<sites>{N}) sites?(?:, (?P<chance>.*chance))?\)")
_CHANGED = re.compile(
    r"(?P<what>[A-Za-z ]+?)(?: “(?P<title>.*)”)? was (?P<action>added|updated|deleted|upgraded) "
    r"(?:(?P<before>[\w ]+) before the|in the) first bad hour by .+, at (?P<sites>\d+) of (?P<hit>\d+) sites"
)
_CARD = re.compile(rf"(?P<sites>{N}) sites?, (?P<metrics>.+?)(?:; (?P<chance>.*chance))?")


@claim(
    r"(?P<seen>[^:;]+) at (?P<hit>\d+) of (?P<judged>\d+) (?:sites (?:of|with|behind) )?(?P<place>.+) → (?P<points>.+?)\.?"
)
def _shared(found: Found, passage: Passage, truth: Truth) -> Iterator[str]:
    row = _row(passage.text, truth)
    if row is None:
        yield "the tables have no such cause"
        return
    counts = json.loads(row["evidence"])
    yield from nearest(found["hit"], len(row["site_ids"]), "sites hit")
    yield from nearest(found["judged"], counts["group_size"], "sites judged")
    yield from _seen(found["seen"], row)
    yield from _change(found["points"], counts.get("change"), len(row["site_ids"]))
    for site_id in row["site_ids"]:
        if not _is_in_trouble(site_id, row["metrics"], truth):
            yield f"{site_id} is neither far below usual nor critical"


@claim(r"(?P<seen>.+) at (?P<label>.+) → (?P<points>.+) of this site\.?")
def _own(found: Found, passage: Passage, truth: Truth) -> Iterator[str]:
    row = _row(passage.text, truth)
    if row is None or len(row["site_ids"]) != 1:
        yield "the tables have no such cause"
        return
    yield from _seen(found["seen"], row)


@claim(rf"part of a common cause of (?P<sites>{N}) sites?")
def _part(found: Found, passage: Passage, truth: Truth) -> Iterator[str]:
    sizes = [len(row["site_ids"]) for row in truth.causes if passage.site_id in row["site_ids"]]
    if number_in(found["sites"]) not in sizes:
        yield f"the causes of the site have {sizes} sites"


def _row(text: str, truth: Truth) -> dict[str, Any] | None:
    """The cause of a sentence; the part before the arrow names it, its numbers left out, since they are what is checked."""
    return next((row for row in truth.causes if _numberless(row["cause"]) == _numberless(text)), None)


def _numberless(text: str) -> str:
    return re.sub(r"\d+ of \d+", "", text).removesuffix(".")


def _change(said: str, known: Mapping[str, Any] | None, sites_hit: int) -> Iterator[str]:
    """What is said of a change that came before."""
    found = _CHANGED.search(said)
    if found is None or known is None:
        if found is not None or known is not None:
            yield f"the tables have the change {known}"
        return
    minutes = known["minutes_before"]
    before = duration(timedelta(minutes=minutes)) if minutes >= 1 else None
    if found["before"] != before:
        yield f"the change came {found['before']} before, the tables have {minutes} min"
    yield from nearest(found["sites"], known["sites_before"], "sites that the change came before")
    yield from nearest(found["hit"], sites_hit, "sites hit that the change is compared with")
    if (
        not found["what"].lower().endswith(known["kind"].replace("_", " "))
        or found["action"] != known["action"]
    ):
        yield f"the tables have a {known['kind']} {known['action']}"
    if (found["title"] or "") != clean(known["title"], 80):
        yield f"the change is of {found['title']!r}, the tables have {known['title']!r}"


def _seen(said: str, row: Mapping[str, Any]) -> Iterator[str]:
    known = classifier_title(row["classifier"]) if row["classifier"] else symptom(row["family"])
    if said != known:
        yield f"{known!r} is what the tables have"


def _is_in_trouble(site_id: str, metrics: list[str], truth: Truth) -> bool:
    return any(
        truth.row("deviations", site_id, metric).get("is_deviating")
        or truth.row("sle_daily", site_id, metric).get("severity") in ("critical", "major")
        for metric in metrics
    )


def cause_falsehoods(document: Dashboard, page: Node, text: str, truth: Truth) -> Iterator[str]:
    """What any form of the report says of common causes that is not so."""
    told, known = document["incidents"] or [], {row["cause_fingerprint"]: row for row in truth.causes}
    if {cause["cause_fingerprint"] for cause in told} != known.keys():
        yield "JSON, causes: not the causes of the tables"
        return
    for cause in told:
        row = known[cause["cause_fingerprint"]]
        where = f"JSON, causes: {cause['cause']}"
        if {site["site_id"] for site in cause["sites"]} != set(row["site_ids"]):
            yield f"{where}: not the sites of the tables"
        if cause["num_sites"] != len(row["site_ids"]) or set(cause["metrics"]) != set(row["metrics"]):
            yield f"{where}: {cause['num_sites']} sites, the tables have {len(row['site_ids'])}"
        for site in cause["sites"]:
            status = truth.row("site_status", site["site_id"]).get("status")
            if site["status"] != status:
                yield f"{where}: {site['label']} is {status}"
    passages = [Passage("JSON, causes", cause["cause"]) for cause in told]
    yield from falsehoods(passages, truth)
    yield from _of_cards(page, truth)
    yield from _of_lines(text, truth)
    yield from falsehoods(
        [Passage("page, notice", notice.one("bdi").text) for notice in page.all("p", of="notice")], truth
    )


def _of_cards(page: Node, truth: Truth) -> Iterator[str]:
    for card in page.one(at="incidents").all("article", of="cause-card"):
        cause = card.one("p", of="cause").text
        row, facts = _row(cause, truth), _CARD.fullmatch(card.one("p", of="facts").text)
        yield from falsehoods([Passage("page, causes", cause)], truth)
        if row is None or facts is None:
            yield f"page, causes: no checker for “{card.one('p', of='facts').text}”"
            continue
        yield from _facts("page, causes", facts, row)
        if set(facts["metrics"].split(" and ")) != {title_of(metric) for metric in row["metrics"]}:
            yield f"page, causes: {facts['metrics']}, the tables have {row['metrics']}"


def _of_lines(text: str, truth: Truth) -> Iterator[str]:
    for line in section(text, "WHAT THE TROUBLED SHARE"):
        if found := _LINE.fullmatch(line.strip()):
            yield from falsehoods([Passage("text, causes", found["cause"])], truth)
            if row := _row(found["cause"], truth):
                yield from _facts("text, causes", found, row)


def _facts(surface: str, found: re.Match[str], row: Mapping[str, Any]) -> Iterator[str]:
    if number_in(found["sites"]) != len(row["site_ids"]):
        yield f"{surface}: {found['sites']} sites, the tables have {len(row['site_ids'])}"
    if row["scope"] != "infrastructure":
        yield f"{surface}: what one site has is no common cause"
    chance = None if row["p_value"] is None else beyond_chance(row["p_value"])
    if found["chance"] != chance:
        yield f"{surface}: {found['chance']}, the tables have {chance}"
