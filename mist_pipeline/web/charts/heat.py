"""Days and hours as a table whose cells are coloured by their number: the picture is the table.

>>> shade(62.0, {"critical": 70, "major": 80, "warning": 90}), shade(91.0, {"critical": 70, "major": 80, "warning": 90})
('h0', 'h3')
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from mist_pipeline.domain.numbers import rounded_down
from mist_pipeline.web.charts.lines import Values


@dataclass(frozen=True)
class Cell:
    """One hour.

    Attributes:
        words: What stands in it.
        mark: Class of its colour, '' where nothing was measured.
    """

    words: str
    mark: str


def shade(value: float, lines: Mapping[str, float]) -> str:
    """Class of a score's colour: the darkest below the critical line, then major, warning, and two lighter ones above."""
    warning = lines.get("warning", 90.0)
    edges = (
        lines.get("critical", 70.0), lines.get("major", 80.0), warning, warning + (100 - warning) / 3,
        warning + (100 - warning) * 2 / 3,
    )  # fmt: skip
    return f"h{sum(value >= edge for edge in edges)}"


def heat_rows(days: Mapping[date, Values], lines: Mapping[str, float]) -> Sequence[tuple[str, list[Cell]]]:
    """Day and its 24 cells, in the order that is given."""
    return [
        (
            f"{day:%a} {day.day} {day:%b}",
            [
                Cell("", "") if value is None else Cell(f"{rounded_down(value, 0):.0f}", shade(value, lines))
                for value in values
            ],
        )
        for day, values in days.items()
    ]
