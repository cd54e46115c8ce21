"""All sites at once: a cell each, in the colour of how it is, by site group or country, with the same numbers as a table."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from starlette.responses import Response

from mist_pipeline.alerts.notify.matchers import Labels
from mist_pipeline.domain.metrics import CATALOGUE, title_of
from mist_pipeline.domain.numbers import rounded_down
from mist_pipeline.domain.severity import STATUSES, status_of
from mist_pipeline.domain.text import clean
from mist_pipeline.overview.model import SiteNow
from mist_pipeline.overview.sites import now_or_unknown
from mist_pipeline.web.context import Context, Page
from mist_pipeline.web.pages.now import status_warnings

BY = ("group", "country", "nothing")
SHOWS = ("status", "health", *CATALOGUE)
MOST_NAMED = 60
"""So few sites are cells with their names."""
_NAME = 40
_HEALTH_EDGES = (("critical", 50.0), ("unhealthy", 70.0), ("degraded", 85.0))


@dataclass(frozen=True)
class Cell:
    """One site.

    Attributes:
        site: It.
        status: Status whose colour it has.
        words: What it says.
        value: The number that is shown; None where there is none.
    """

    site: SiteNow
    status: str
    words: str
    value: float | None


@dataclass(frozen=True)
class Group:
    """Sites that stand together.

    Attributes:
        name: What they share.
        cells: The worst first.
        counts: Status → sites.
    """

    name: str
    cells: Sequence[Cell]
    counts: Mapping[str, int]


def page(context: Context) -> Response:
    """The map."""
    address = context.address
    by = address.one_of("by", BY)
    shows = address.one_of("show", SHOWS)
    wants_csv = address.one_of("as", ("page", "csv")) == "csv"
    address.finish()
    now = context.overview.now(context.at)
    cells = _cells(context, now.sites, shows)
    groups = _groups(cells, by, now.labels)
    if wants_csv:
        rows = (
            [cell.site.site_id, cell.site.label, group.name, cell.status, cell.value]
            for group in groups
            for cell in group.cells
        )
        return context.table("fleet", ("site_id", "label", "group", "status", "value"), rows)
    return context.page(
        "fleet.html.j2",
        title="Fleet",
        groups=groups,
        total=len(cells),
        is_named=len(cells) <= MOST_NAMED,
        by=by,
        shows=shows,
        choices={
            "status": "Status",
            "health": "Health of the newest day",
            **{name: title_of(name) for name in CATALOGUE},
        },
        warnings=status_warnings(now),
    )


def _cells(context: Context, sites: Sequence[SiteNow], shows: str) -> list[Cell]:
    if shows == "status":
        return [Cell(site, site.status, _worst(site), site.worst_pct) for site in sites]
    if shows == "health":
        return [
            Cell(site, _of_health(site.health), _number("health", site.health), site.health) for site in sites
        ]
    known = context.past.scores(shows)
    is_stale = context.overview.now(context.at).live.is_stale(context.at)
    cells = []
    for site in sites:
        score = known.get(site.site_id)
        value = score.score_pct if score else None
        status = now_or_unknown(status_of(score.severity if score else None), is_stale=is_stale)
        cells.append(Cell(site, status, _number("", value, " %"), value))
    return cells


def _worst(site: SiteNow) -> str:
    if site.worst_pct is None:
        return "no reading"
    return _number(title_of(site.worst_metric), site.worst_pct, " %")


def _number(what: str, value: float | None, unit: str = "") -> str:
    return "no reading" if value is None else f"{what} {rounded_down(value):.1f}{unit}".strip()


def _of_health(health: float | None) -> str:
    """The colour of a health: the steps are only those of the map, statuses come from service levels."""
    if health is None:
        return STATUSES[-1]
    return next((status.upper() for status, edge in _HEALTH_EDGES if health < edge), "HEALTHY")


def _groups(cells: Sequence[Cell], by: str, labels: Mapping[str, Labels]) -> list[Group]:
    """Groups by name; a site of several groups stands in the smallest of them, so that every site is there once."""
    sizes = Counter(name for cell in cells for name in cell.site.groups)

    def name_of(cell: Cell) -> str:
        if by == "group":
            return min(cell.site.groups, key=lambda name: (sizes[name], name), default="")
        if by == "country":
            return clean(next(iter(labels.get(cell.site.site_id, {}).get("country", ())), ""), _NAME)
        return "all"

    named = sorted(
        ((name_of(cell), cell) for cell in cells), key=lambda one: (one[0] == "", one[0].lower(), one[0])
    )
    groups = []
    for name, members in groupby(named, key=lambda one: one[0]):
        rank = {status: place for place, status in enumerate(STATUSES)}
        found = sorted(
            (cell for _, cell in members),
            key=lambda cell: (
                rank.get(cell.status, len(rank)), cell.value if cell.value is not None else 101.0, cell.site.label,
            ),
        )  # fmt: skip
        words = name or {"group": "Without a group", "country": "Without a country"}.get(by, "")
        groups.append(
            Group("All sites" if by == "nothing" else words, found, Counter(cell.status for cell in found))
        )
    return groups


PAGES = (Page("/fleet", page, nav="Fleet"),)
