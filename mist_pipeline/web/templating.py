"""Jinja for the console: everything is escaped, a name that is not there is an error, and filters put values into words.

Not here: markup (``templates/``), what a page says (`pages`).
"""

from datetime import UTC, date, datetime
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, pass_context
from jinja2.runtime import Context as Rendering

from mist_pipeline.domain.finding_kinds import kind_title
from mist_pipeline.domain.metrics import classifier_title, family_title, title_of
from mist_pipeline.domain.numbers import percent, rounded_down
from mist_pipeline.domain.severity import STATUSES, status_of
from mist_pipeline.domain.text import ID_LENGTH, count, instant, safe_url
from mist_pipeline.overview.past.ranges import TITLES
from mist_pipeline.overview.wording import since
from mist_pipeline.web.address import link, path_of
from mist_pipeline.web.assets.files import assets
from mist_pipeline.web.sparkline import sparkline

DASH, MINUS = "–", "−"


@cache
def environment() -> Environment:
    """Templates of the package, compiled once a process."""
    made = Environment(
        loader=PackageLoader("mist_pipeline.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters.update(
        classifier_title=classifier_title,
        clock=clock,
        count=count,
        down=down,
        family_title=family_title,
        instant=instant,
        iso=iso,
        kind_title=kind_title,
        number=number,
        percent=percent,
        safe_url=safe_url,
        short=lambda name: name[:ID_LENGTH],
        signed=signed,
        since=since,
        sparkline=sparkline,
        status_of=status_of,
        title_of=title_of,
    )
    made.globals.update(assets=assets(), link=_link, path_of=_path_of, RANGES=TITLES, STATUSES=STATUSES)
    return made


@pass_context
def _link(rendering: Rendering, path: str, **values: object) -> str:
    """An address of the console that is shown, which may be one of several."""
    return str(rendering["context"].prefix) + link(path, **values)


@pass_context
def _path_of(rendering: Rendering, *parts: str) -> str:
    """A path of the console that is shown."""
    return str(rendering["context"].prefix) + path_of(*parts)


def number(value: float | None, decimals: int = 0) -> str:
    """A number with thousands apart, or a dash.

    >>> number(3000), number(-1.25, 1), number(None)
    ('3,000', '−1.2', '–')
    """
    return DASH if value is None else f"{value:,.{decimals}f}".replace("-", MINUS)


def signed(value: float | None, decimals: int = 1) -> str:
    """A change with its sign, or a dash; what rounds to nothing has none.

    >>> signed(-1.5), signed(2, 0), signed(-0.01)
    ('−1.5', '+2', '0.0')
    """
    if value is None:
        return DASH
    shown = f"{value:+,.{decimals}f}"
    return shown[1:] if not shown.strip("+-0.,") else shown.replace("-", MINUS)


def down(value: float | None, decimals: int = 1) -> str:
    """A percentage or a health without its unit, rounded down as everywhere; a dash for none."""
    return DASH if value is None else f"{rounded_down(value, decimals):.{decimals}f}"


def iso(moment: datetime) -> str:
    """An instant for the browser."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def clock(moment: datetime, now: datetime | date) -> str:
    """The time of an instant, with its day where that is not today's.

    >>> clock(datetime(2026, 3, 1, 9, 5, tzinfo=UTC), date(2026, 3, 2))
    '1 Mar 09:05'
    """
    there = moment.astimezone(UTC)
    today = now.astimezone(UTC).date() if isinstance(now, datetime) else now
    if there.date() == today:
        return f"{there:%H:%M}"
    return f"{there.day} {there:%b}{'' if there.year == today.year else f' {there.year}'} {there:%H:%M}"
