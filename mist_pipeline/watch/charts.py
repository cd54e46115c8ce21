"""A service level over time as a chart of text: bars, and the usual band behind them. Pure.

>>> from mist_pipeline.watch.glyphs import ASCII
>>> for line in bars((90.0, None, 75.0), 80.0, 90.0, rows=4, ticks=("then", "now"), glyphs=ASCII):
...     print(line.plain)
 100 |
     |# : :
     |# : :
  70 |#   #
      then now
"""

from collections.abc import Sequence
from itertools import groupby

from rich.text import Text

from mist_pipeline.watch.glyphs import Glyphs

AXIS = 6
"""Columns of the scale."""
PLACE = 2
"""Columns of one value: its bar, and a space."""

_STEP_PCT = 5.0


def bars(
    values: Sequence[float | None],
    low_pct: float | None,
    high_pct: float | None,
    *,
    rows: int,
    ticks: tuple[str, str],
    glyphs: Glyphs,
    style: str = "",
) -> list[Text]:
    """A chart of scores, oldest first; a place without a bar was not measured.

    Args:
        values: Scores.
        low_pct: Lower end of what is usual; None where that is not known.
        high_pct: Upper end of it.
        rows: Height.
        ticks: What stands under the first and the last value.
        glyphs: Signs.
        style: Of the bars.
    """
    known = [value for value in (*values, low_pct) if value is not None]
    if not known:
        return [Text("  No reading.", style="dim")]
    top = 100.0
    bottom = max(min(min(known) - _STEP_PCT, 90.0) // _STEP_PCT * _STEP_PCT, 0.0)
    height = (top - bottom) / rows
    lines = []
    for row in range(rows):
        floor = top - (row + 1) * height
        line = Text.assemble((_label(row, rows, top, bottom), "dim"))
        is_usual = (
            low_pct is not None and high_pct is not None and floor + height > low_pct and floor < high_pct
        )
        places = [
            _place(value, floor, height, is_bottom=row == rows - 1, is_usual=is_usual, glyphs=glyphs)
            for value in values
        ]
        # What has one style is one piece: a terminal and an exported picture have less to draw.
        for is_bar, pieces in groupby(places, lambda place: place[1]):
            line.append("".join(f"{sign} " for sign, _ in pieces), style=style if is_bar else "dim")
        line.rstrip()
        lines.append(line)
    width = max(len(values) * PLACE - 1, len(ticks[0]) + len(ticks[1]) + 1)
    lines.append(Text(" " * AXIS + ticks[0] + ticks[1].rjust(width - len(ticks[0])), style="dim"))
    return lines


def _place(
    value: float | None, floor: float, height: float, *, is_bottom: bool, is_usual: bool, glyphs: Glyphs
) -> tuple[str, bool]:
    """The sign of one value in one row, and whether it is part of its bar."""
    share = 0.0 if value is None else min(max((value - floor) / height, 0.0), 1.0)
    if value is not None and is_bottom:
        share = max(share, 0.5)  # nothing at all is a score, too: only what was not measured has no bar
    block = glyphs.bar(share)
    return (block, True) if block != " " else (glyphs.band if is_usual else " ", False)


def beside(left: Sequence[Text], right: Sequence[Text], width: int) -> list[Text]:
    """Two charts of one height in the same lines, the second beginning at a column."""
    lines = []
    for one, other in zip(left, right, strict=True):
        line = one.copy()
        line.append(" " * max(width - line.cell_len, 0))
        lines.append(line.append_text(other))
    return lines


def _label(row: int, rows: int, top: float, bottom: float) -> str:
    edge = {0: top, rows - 1: bottom}.get(row)
    return f"{'' if edge is None else f'{edge:.0f}':>4} |"
