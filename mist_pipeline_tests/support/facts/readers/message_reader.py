"""A message read back out of mail, text, Slack, ticket, page and webhook: sentences of its alerts, what is blamed, advice, times."""

import json
import re
from collections.abc import Iterator
from datetime import date, datetime

from mist_pipeline.delivery.message import Message
from mist_pipeline.delivery.rendering import wording
from mist_pipeline.delivery.rendering.incident_page import render_page
from mist_pipeline.delivery.sinks.slack.blocks import incident_blocks
from mist_pipeline.delivery.tickets.ticket_text import TicketTemplates, plain
from mist_pipeline.domain.metrics import classifier_title
from mist_pipeline.domain.text import duration
from mist_pipeline_tests.support.facts.claims import Passage, falsehoods
from mist_pipeline_tests.support.facts.readers.machine_reader import page_lines, webhook_passages
from mist_pipeline_tests.support.facts.tree import Node, tree
from mist_pipeline_tests.support.facts.truth import Truth, metric_called, percentage

_LINE = re.compile(r"[-•] (?:CRITICAL|MAJOR|WARNING|INFO|ACKNOWLEDGED|RESOLVED) (?P<rest>.+)")
_BLAMES = re.compile(
    r"(?P<title>.+?)(?: at (?P<site>.+))?: what the cloud blames(?:, whole day of (?P<day>\d+ \w{3} \d{4}))?"
)
_POINTER = re.compile(r"\b(?:[Ss]tep \d|steps? (?:for|above|below)|as above|see above|see below)\b")
_TOOK = re.compile(r"RESOLVED after (?P<took>[^:]+?)(?::|$)")


def message_falsehoods(message: Message, truth: Truth) -> list[str]:
    """What any form of the message says that is not so."""
    page = tree(render_page(message, {}))
    ticket = TicketTemplates().ticket(message, lambda _: True)
    slack = [
        line.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
        for block in incident_blocks(message)
        for line in json.loads(json.dumps(block.get("text", {}).get("text", ""))).splitlines()
    ]
    return [
        *falsehoods(_of_page(page, message), truth),
        *falsehoods(_of_lines("text", wording.plain_text(message).splitlines(), message), truth),
        *falsehoods(_of_lines("ticket", plain(ticket.body).splitlines(), message), truth),
        *falsehoods(_of_lines("Slack", slack, message), truth),
        *falsehoods(_of_lines("PagerDuty", page_lines(message), message), truth),
        *falsehoods(webhook_passages(message), truth),
        *_blames(page, message, truth),
        *advice_falsehoods(message.incident.remediation),
    ]


def advice_falsehoods(steps: tuple[str, ...]) -> Iterator[str]:
    """Advice stands alone: it does not lead to steps that the message does not have."""
    for step in steps:
        if _POINTER.search(step):
            yield f"advice: “{step}” leads to other steps"


def time_falsehoods(text: str, began_at: datetime, ended_at: datetime) -> Iterator[str]:
    """A recovery is told with how long the trouble lasted, not with how long we knew of it."""
    for found in _TOOK.finditer(text):
        if found["took"] != duration(ended_at - began_at):
            yield f"“after {found['took']}”, but it lasted {duration(ended_at - began_at)}"


def _of_page(page: Node, message: Message) -> Iterator[Passage]:
    sites = _sites(message)
    for row in page.one("table", of="list").all("tr"):
        label = (row.all("a") or row.all("strong") or [Node("none")])[0].text
        metric = metric_called(row.one("span", of="muted").text.removeprefix("· "))
        yield Passage("mail", row.one("bdi", of="small").text, sites.get(label, ""), metric)


def _of_lines(surface: str, lines: list[str], message: Message) -> Iterator[Passage]:
    sites = _sites(message)
    for line in lines:
        found = _LINE.fullmatch(line.strip().partition(" – http")[0])
        if found is None:
            continue
        label = next((name for name in sites if found["rest"].startswith(f"{name}: ")), "")
        yield Passage(surface, found["rest"].removeprefix(f"{label}: "), sites.get(label, ""))


def _blames(page: Node, message: Message, truth: Truth) -> Iterator[str]:
    """The table of what is blamed says of which day it is, and has its numbers."""
    sites = _sites(message)
    headings = [found for heading in page.all("h2") if (found := _BLAMES.fullmatch(heading.text))]
    for heading, table in zip(headings, page.all("table", of="blame"), strict=True):
        if heading["day"] is None:
            yield f"mail: “{heading[0]}” does not say of which day"
            continue
        day = datetime.strptime(heading["day"], "%d %b %Y").date()  # noqa: DTZ007 - a day has no zone
        for row in table.one("tbody").all("tr"):
            said, title, *more = [cell.text for cell in row.all("td")]
            label = next((text for text in more if text in sites), heading["site"] or next(iter(sites)))
            known = _known(truth, sites.get(label, ""), metric_called(heading["title"]), day)
            yield from percentage(said.split()[1], known.get(title), f"mail, {title} on {day}")


def _known(truth: Truth, site_id: str, metric: str, day: date) -> dict[str, float]:
    rows = truth.blamed(site_id, metric, day).values()
    return {classifier_title(row["classifier"]): row["degraded_pct"] for row in rows}


def _sites(message: Message) -> dict[str, str]:
    labels = wording.site_labels(message.incident.sites)
    return {label: site_id for site_id, label in labels.items()}
