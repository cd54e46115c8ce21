"""How often a shared cause names the change that made it, and how often one is named that made nothing.

Messy worlds have troubles by a wrong template or a firmware, whose change is in their audit log, and many harmless changes. Every closed hour is
searched for causes as in `bench_sensitivity`; a cause belongs to the true incident that has most of its sites at that hour, if it is at least half
of them. What counts is an incident: whether any of its causes, and whether the first, names a change.

Run with ``.venv/bin/python -m benchmarks changes``; other worlds: ``python -m benchmarks.bench_changes --sites 60 --seeds 9203``.
"""

import argparse
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

from benchmarks.bench_sensitivity import Hours
from mist_pipeline.alerts.lifecycle.observations import FAMILIES
from mist_pipeline.analysis.causes.changes import TOGETHER
from mist_pipeline.analysis.detection import HOUR, DetectionRules, detect_hours
from mist_pipeline.analysis.findings.series_rules import FindingRules
from mist_pipeline.collect.history.changes import change_row
from mist_pipeline.domain.metrics import CATALOGUE
from mist_pipeline.mist.parsers import parse_audit_logs, parse_wlan_templates
from mist_pipeline.simulator.changes.audit_log import AuditLog
from mist_pipeline.simulator.changes.drawn import ConfigChange
from mist_pipeline.simulator.changes.wlan_templates import template_documents, template_numbers
from mist_pipeline.simulator.world.clock import Clock
from mist_pipeline.simulator.world.scenario import LabelledIncident
from mist_pipeline.simulator.world.world import World
from mist_pipeline.tables import history

SEEDS = (9201, 9202)
HEADER = (
    "| world | entries | made by a change | found shared | right change named | in the first hour | only a wrong one | "
    "not made by one | found shared | a change named |"
)


@dataclass(frozen=True)
class Named:
    """What the causes of one incident named.

    Attributes:
        incident: The truth.
        is_made: Whether a change made it.
        told: For each hour with a cause of it, in order: None without a change, else whether it was the right one.
    """

    incident: LabelledIncident
    is_made: bool
    told: tuple[bool | None, ...]


def entries_of(world: World) -> tuple[list[ConfigChange], pl.DataFrame]:
    """The changes of a world, and ``history.changes`` of them."""
    log = AuditLog(world, Clock(world.end))
    made = log.between(world.start.timestamp(), world.end.timestamp())
    used: dict[str, list[str]] = {}
    for site in world.sites():
        for template in (site.networktemplate_id, site.rftemplate_id, site.gatewaytemplate_id):
            if template is not None:
                used.setdefault(template, []).append(site.site_id)
    groups = {site.site_id: site.sitegroup_ids for site in world.sites()}
    templates = parse_wlan_templates(template_documents(world, template_numbers()))
    used |= {template.id: template.site_ids_of(groups) for template in templates}
    read = parse_audit_logs({"results": [log.document(one) for one in made]})
    rows = [
        change_row(datetime.fromtimestamp(one.timestamp, UTC).date(), one, "log", used, with_admins=False)
        for one in read
    ]
    return made, pl.DataFrame(rows, schema=history.CHANGES.polars_schema())


def measured(world: World) -> tuple[int, list[Named]]:
    """Entries of a world, and what was named of its incidents at three sites or more."""
    made, entries = entries_of(world)
    hours = Hours.of(world)
    titles = {metric.name: metric.title for metric in CATALOGUE.values()}
    rules = DetectionRules(findings=FindingRules(families=FAMILIES, titles=titles))
    found = detect_hours(
        hours.frames, hours.evidence, hours.sites, world.first_day, rules, changes=entries
    ).causes.filter(pl.col("scope") == "infrastructure")
    wide = [one for one in world.truth if not one.is_decoy and len(one.site_ids) >= 3]
    makers = {one.incident_id for one in made if one.incident_id}
    told: dict[str, list[bool | None]] = {}
    for row in found.sort("as_of").iter_rows(named=True):
        incident = _owner(row, wide)
        if incident is not None:
            told.setdefault(incident.incident_id, []).append(_told(row, incident, made))
    return len(made), [
        Named(one, one.incident_id in makers, tuple(told.get(one.incident_id, ()))) for one in wide
    ]


def _owner(row: dict[str, Any], incidents: list[LabelledIncident]) -> LabelledIncident | None:
    """The true incident of a cause."""
    at, sites = row["as_of"], set(row["site_ids"])
    overlaps = [
        (len(sites & set(one.site_ids)), one)
        for one in incidents
        if one.began_at < at <= one.end + timedelta(hours=2) + HOUR
    ]
    most = max(overlaps, key=lambda found: found[0], default=(0, None))
    return most[1] if 2 * most[0] >= len(sites) else None


def _told(row: dict[str, Any], incident: LabelledIncident, made: list[ConfigChange]) -> bool | None:
    change = json.loads(row["evidence"]).get("change")
    if change is None:
        return None
    # A change is what was saved together; its entries go on from the first one.
    first = next(one for one in made if one.change_id == change["change_id"])
    entries = (one for one in made if 0 <= one.at - first.at < TOGETHER.total_seconds())
    return any(one.message == first.message and one.incident_id == incident.incident_id for one in entries)


def row(name: str, entries: int, found: list[Named]) -> str:
    """A line of the table."""
    count: Counter[str] = Counter()
    for one in found:
        side = "made" if one.is_made else "other"
        count[side] += 1
        count[f"{side} shared"] += bool(one.told)
        count[f"{side} right"] += True in one.told
        count[f"{side} first"] += bool(one.told) and one.told[0] is True
        count[f"{side} wrong"] += False in one.told and True not in one.told
    names = ("made", "made shared", "made right", "made first", "made wrong", "other", "other shared", "other wrong")  # fmt: skip
    return f"| {name} | {entries} | " + " | ".join(str(count[one]) for one in names) + " |"


def lines(worlds: list[tuple[str, World]]) -> Iterator[str]:
    """The lines of the table; of several worlds one of all."""
    total, everything = 0, list[Named]()
    for name, world in worlds:
        entries, found = measured(world)
        total, everything = total + entries, everything + found
        yield row(name, entries, found)
    if len(worlds) > 1:
        yield row("all", total, everything)


def main(arguments: list[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sites", type=int, default=60)
    parser.add_argument("--days", type=int, default=60)
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS, help="of messy worlds")
    chosen = parser.parse_args(arguments)
    print(f"{chosen.sites} sites × {chosen.days} days, incidents at three sites or more\n\n{HEADER}")
    print("|---" * HEADER.count(" | ") + "|---|")
    worlds = [(f"messy {seed}", World(chosen.sites, chosen.days, seed, messy=True)) for seed in chosen.seeds]
    for line in lines(worlds):
        print(line, flush=True)


if __name__ == "__main__":
    main()
