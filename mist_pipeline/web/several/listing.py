"""The list of organisations, the worst first: each with its verdict, incidents, worst sites, the age of its data, trouble of its pipeline."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from starlette.responses import HTMLResponse, Response

from mist_pipeline.overview.organisations.standing import Standing
from mist_pipeline.web.address import Address
from mist_pipeline.web.context import Visitor
from mist_pipeline.web.templating import environment

STATUS_OF_LEVEL: Mapping[str, str] = {"CRITICAL": "CRITICAL", "WARNING": "DEGRADED", "OK": "HEALTHY"}
"""Level of a verdict → the status whose shape and colour it has."""


@dataclass(frozen=True, kw_only=True)
class ListContext:
    """What the frame of the page is told: as of a page of one organisation, without one.

    Attributes:
        at: When it is asked.
        address: Of the page.
        version: Of what it stands on.
        stands_still: Whether ages do not tick.
        visitor: Who asks.
    """

    at: datetime
    address: Address
    version: str = ""
    stands_still: bool = False
    visitor: Visitor = field(default_factory=Visitor)
    organisation: str = ""
    prefix: str = ""
    said: str = ""
    may_act: bool = True


def page(context: ListContext, found: Sequence[Standing], left_out: Sequence[str]) -> Response:
    """The page.

    Args:
        context: Of the request.
        found: The organisations that whoever asks may enter, the worst first.
        left_out: Sentences about those that are not served.
    """
    levels = Counter[str](one.verdict.level for one in found)
    text = (
        environment()
        .get_template("organisations.html.j2")
        .render(
            context=context,
            title="Organisations",
            status=200,
            found=found,
            left_out=left_out,
            levels=[(level, status, levels[level]) for level, status in STATUS_OF_LEVEL.items()],
            status_of_level=STATUS_OF_LEVEL,
            waiting=waiting,
        )
    )
    return HTMLResponse(text)


def nothing(context: ListContext, status: int, title: str, words: str) -> Response:
    """What is answered instead of a page."""
    text = (
        environment()
        .get_template("nothing.html.j2")
        .render(context=context, title=title, status=status, words=words)
    )
    return HTMLResponse(text, status)


def waiting(one: Standing) -> str:
    """How many messages wait where that is more than some moments' worth; '' else."""
    number = one.now.pipeline.waiting if one.now else 0
    return f"{number:,} messages wait" if number > MANY_WAITING else ""


MANY_WAITING = 20
"""Messages that wait for long are said by their sink; so many are told at once."""
