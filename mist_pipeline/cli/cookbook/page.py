r"""The page as text: its questions with their queries, and the results that stand behind these.

Pure. Behind a query may stand a line that says how its result is drawn; all that follows until the next heading is made here.

>>> (one,) = recipes("# Page\n\n## 1. How many?\n\n```sql\nSELECT 42 AS n\n```\n\n<!-- chart: bar x=n y=n -->\n\nold\n")
>>> one.title, one.query, one.slug
('1. How many?', 'SELECT 42 AS n', 'how-many')
>>> one.chart
Chart(kind='bar', fields={'x': 'n', 'y': 'n'})
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import PurePosixPath

import polars as pl

SHOWN = 10
"""Rows of a result that the page shows."""

_QUERY = re.compile(
    r"\n## (?P<title>[^\n]+)\n(?P<text>(?:(?!\n## ).)*?)```sql\n(?P<query>.*?)\n```\n", re.DOTALL
)
_CHART = re.compile(r"\s*<!-- chart: (?P<kind>\w+) (?P<fields>[\w= ]+) -->\n")


@dataclass(frozen=True)
class Chart:
    """How a result is drawn.

    Attributes:
        kind: bar, stack, line, band or range.
        fields: Role → column: x, y, and what the kind needs besides.
    """

    kind: str
    fields: Mapping[str, str]


@dataclass(frozen=True)
class Recipe:
    """One question.

    Attributes:
        title: With its number.
        query: SQL.
        chart: How the result is drawn; None: as a table alone.
        end: Where in the page the result begins.
    """

    title: str
    query: str
    chart: Chart | None
    end: int

    @property
    def slug(self) -> str:
        """The title as the name of a file."""
        words = re.sub(r"[^a-z0-9 ]", "", self.title.lower().partition(". ")[2])
        return words.strip().replace(" ", "-")


def recipes(page: str) -> list[Recipe]:
    """Every question of the page, in its order."""
    found = []
    for match in _QUERY.finditer(page):
        drawn = _CHART.match(page, match.end())
        chart = None
        if drawn:
            fields = dict(pair.split("=", 1) for pair in drawn["fields"].split())
            chart = Chart(drawn["kind"], fields)
        found.append(Recipe(match["title"], match["query"], chart, drawn.end() if drawn else match.end()))
    return found


def with_results(
    page: str, results: Sequence[tuple[Recipe, pl.DataFrame]], images: Mapping[str, PurePosixPath]
) -> str:
    """The page with these results in place of the old ones.

    Args:
        page: As it was.
        results: Every question with the rows of its answer.
        images: Title → where the chart is, as seen from the page.
    """
    pieces, begin = [], 0
    for recipe, rows in results:
        following = page.find("\n## ", recipe.end)
        pieces.append(page[begin : recipe.end].rstrip("\n") + "\n")
        pieces.append(f"\n{table(rows)}\n")
        if recipe.title in images:
            name = recipe.title.partition(". ")[2]
            pieces.append(f"\n![{name}]({images[recipe.title]})\n")
        begin = len(page) if following < 0 else following
    return "".join([*pieces, page[begin:]])


def table(rows: pl.DataFrame) -> str:
    """The first rows as a table of Markdown."""
    lines = [f"| {' | '.join(rows.columns)} |", "|" + "---|" * rows.width]
    lines += [f"| {' | '.join(map(_cell, row))} |" for row in rows.head(SHOWN).iter_rows()]
    if rows.height > SHOWN:
        lines += ["", f"… {rows.height - SHOWN} more rows"]
    return "\n".join(lines)


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.12g}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, date):
        return value.isoformat()
    # What is typed by people must not become markup.
    return re.sub(r"([\\|<>*_`\[\]])", r"\\\1", str(value))
