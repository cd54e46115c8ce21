"""What the cloud blames, read back out of the report: shares, users, access points, worst sites, order."""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from mist_pipeline.domain.metrics import classifier_title, title_of
from mist_pipeline.report.document.model import Dashboard
from mist_pipeline_tests.support.facts.claims import N
from mist_pipeline_tests.support.facts.plain import section
from mist_pipeline_tests.support.facts.tree import Node
from mist_pipeline_tests.support.facts.truth import Truth, metric_called, number_in, percentage

Key = tuple[str, str]
"""Metric, and title of a classifier."""

_HIT = rf"{N}(?: at {N} of {N} sites?)?|not asked for this day|the cloud did not say|not known"
_LINE = re.compile(
    rf"(?P<share>{N}) %  (?P<metric>.+?) / (?P<title>.+?); (?:users (?P<users>{_HIT}))?(?:, )?(?:APs (?P<aps>{_HIT}))?(?:; )?"
    rf"worst (?P<worst>{N}) % at (?P<site>.+)"
)


@dataclass
class Blamed:
    """What the tables have of a classifier of a metric, over all sites."""

    degraded: float = 0.0
    shares: dict[str, float] = field(default_factory=dict)
    users: dict[str, int] = field(default_factory=dict)
    aps: dict[str, int] = field(default_factory=dict)

    @property
    def sites(self) -> int:
        """Sites where it is blamed at all."""
        return sum(share > 0 for share in self.shares.values())


def blame_falsehoods(document: Dashboard, page: Node, text: str, truth: Truth) -> Iterator[str]:
    """What any form of the report says of classifiers that is not so."""
    known, totals = _known(truth)
    labels = {site["label"]: site["site_id"] for site in document["sites"]}
    for row in document["classifiers"]:
        key = row["metric"], row["title"]
        name = f"JSON, {row['title']} of {row['metric']}"
        yield from _share(str(row["degraded_pct"]), key, known, totals, name)
        yield from _worst(str(row["worst_pct"]), row["worst_site_id"], known.get(key), name)
        yield from _hit(
            row["num_users"], row["num_sites_counted"], known.get(key, Blamed()).users, known.get(key), name
        )
    yield from _order(document)
    yield from _of_page(page, known, totals, labels)
    yield from _of_text(text, known, totals, labels)


def _known(truth: Truth) -> tuple[dict[Key, Blamed], dict[str, float]]:
    """Of every metric and classifier what the tables have, and the user-minutes of the sites that were asked in detail."""
    known: dict[Key, Blamed] = defaultdict(Blamed)
    asked: dict[str, set[str]] = defaultdict(set)
    here = {row["site_id"] for row in truth.rows("site_status")}
    for row in truth.data.classifiers_daily.to_dicts():
        if row["day"] != truth.day or row["site_id"] not in here:
            continue
        one = known[row["metric"], classifier_title(row["classifier"])]
        asked[row["metric"]].add(row["site_id"])
        one.degraded += row["degraded_user_minutes"] or 0.0
        one.shares[row["site_id"]] = row["degraded_pct"] or 0.0
        if row["num_users"] is not None:
            one.users[row["site_id"]] = row["num_users"]
        if row["num_aps"] is not None:
            one.aps[row["site_id"]] = row["num_aps"]
    totals = {
        metric: sum(truth.row("sle_daily", site, metric).get("total_user_minutes") or 0.0 for site in sites)
        for metric, sites in asked.items()
    }
    return known, totals


def _share(
    said: str, key: Key, known: dict[Key, Blamed], totals: dict[str, float], name: str
) -> Iterator[str]:
    one, total = known.get(key), totals.get(key[0], 0.0)
    yield from percentage(said, None if one is None or not total else 100 * one.degraded / total, name)


def _worst(said: str, site_id: str, one: Blamed | None, name: str) -> Iterator[str]:
    if one is None or one.shares.get(site_id) != max(one.shares.values()):
        yield f"{name}: {site_id} is not the worst site"
        return
    yield from percentage(said, one.shares[site_id], f"{name}, worst site")


def _hit(
    said: int | None, counted: int | None, numbers: dict[str, int], one: Blamed | None, name: str
) -> Iterator[str]:
    """How many are hit, and at how many of the sites that is known."""
    if said != (sum(numbers.values()) if numbers else None):
        yield f"{name}: {said} hit, the tables have {sum(numbers.values()) if numbers else 'none'}"
    if counted is not None and one is not None and counted != sum(one.shares[site] > 0 for site in numbers):
        yield f"{name}: counted at {counted} sites, the tables have {len(numbers)}"


def _hit_in_words(said: str, numbers: dict[str, int], one: Blamed, name: str) -> Iterator[str]:
    if not said[:1].isdigit():
        if numbers:
            yield f"{name}: “{said}”, but the tables have {sum(numbers.values())}"
        return
    number, *places = re.findall(N, said)
    yield from _hit(int(number_in(number)), int(number_in(places[0])) if places else None, numbers, one, name)
    if places and number_in(places[1]) != one.sites:
        yield f"{name}: of {places[1]} sites, the tables have {one.sites}"
    if not places and len(numbers) < one.sites:
        yield f"{name}: {said} is of {len(numbers)} of {one.sites} sites only, and does not say so"


def _order(document: Dashboard) -> Iterator[str]:
    for before, after in pairwise(document["classifiers"]):
        if before["metric"] == after["metric"] and before["degraded_pct"] < after["degraded_pct"]:
            yield f"JSON, classifiers: {after['title']} is blamed more than {before['title']} and stands below"


def _of_page(
    page: Node, known: dict[Key, Blamed], totals: dict[str, float], labels: dict[str, str]
) -> Iterator[str]:
    for table in page.one(at="classifiers").all("table"):
        metric = metric_called(table.one("caption").text)
        headings = [heading.text for heading in table.one("thead").all("th")]
        for row in table.one("tbody").all("tr"):
            cells = dict(
                zip(headings, [cell for cell in row.children if isinstance(cell, Node)], strict=True)
            )
            key = metric, cells["Classifier"].text
            name, one = f"page, {key[1]} of {metric}", known.get(key)
            yield from _share(cells["Degraded"].text.removesuffix(" %"), key, known, totals, name)
            said, _, label = cells["Worst site"].text.partition(" % ")
            yield from _worst(said, labels.get(label, label), one, name)
            if one is not None:
                for heading, numbers in (("Users", one.users), ("APs", one.aps)):
                    shown = cells[heading].text if heading in cells else "not known"
                    yield from _hit_in_words(shown, numbers, one, f"{name}, {heading}")


def _of_text(
    text: str, known: dict[Key, Blamed], totals: dict[str, float], labels: dict[str, str]
) -> Iterator[str]:
    for line in section(text, "WHAT THE CLOUD BLAMES"):
        if "%" in line:
            found = _LINE.fullmatch(line.strip())
            if found is None:
                yield f"text, classifiers: no checker for “{line.strip()}”"
                continue
            key = metric_called(found["metric"]), found["title"]
            name, one = f"text, {key[1]} of {title_of(key[0])}", known.get(key)
            yield from _share(found["share"], key, known, totals, name)
            yield from _worst(found["worst"], labels.get(found["site"], found["site"]), one, name)
            if one is not None:
                yield from _hit_in_words(found["users"] or "not known", one.users, one, name)
                yield from _hit_in_words(found["aps"] or "not known", one.aps, one, name)
