"""Rows for people: one line each, numbers to the right, the widest text cut until a line fits the terminal.

>>> columns = (Column("site"), Column("users", is_number=True), Column("what", least=6))
>>> for line in laid_out(columns, [["Bonn", "1,200", "Coverage is 61 %."], ["Köln 東", "7", "fine"]], 24):
...     print(line.plain)
site     users  what
Bonn     1,200  Coverag…
Köln 東      7  fine
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size
from rich.text import Text

GAP = "  "


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        heading: Its name.
        is_number: Stands at the right.
        least: It may be cut to so many places; 0: never.
    """

    heading: str
    is_number: bool = False
    least: int = 0


def laid_out(
    columns: Sequence[Column], rows: Iterable[Sequence[str | Text]], width: int | None
) -> Iterator[Text]:
    """A heading and a line a row; every cell is one clean line already.

    Args:
        columns: In their order.
        rows: A cell a column.
        width: Places of a line, for which the last columns may have to go; None: nothing is cut.
    """
    cells = [[cell if isinstance(cell, Text) else Text(cell) for cell in row] for row in rows]
    headings = [Text(column.heading, style="bold") for column in columns]
    table = [headings, *cells]
    natural = [max(cell_len(row[place].plain) for row in table) for place in range(len(columns))]
    least = [column.least for column in columns]
    shown = len(columns) if width is None else num_fitting(natural, least, width)
    widths = natural if width is None else fitted(natural[:shown], least[:shown], width)
    for row in table:
        line = Text()
        for place, (cell, column, wide) in enumerate(zip(row[:shown], columns, widths, strict=False)):
            if place:
                line.append(GAP)
            is_last = place == shown - 1 and not column.is_number
            line.append_text(_placed(cell, wide, is_number=column.is_number, is_last=is_last))
        yield line


def num_fitting(natural: Sequence[int], least: Sequence[int], width: int) -> int:
    """How many columns, from the first on, have room beside each other where all are cut as far as they may; one at least.

    >>> num_fitting([8, 40, 30], [0, 10, 10], 60), num_fitting([8, 40, 30], [0, 10, 10], 24)
    (3, 2)
    """
    taken = 0
    for place, (size, floor) in enumerate(zip(natural, least, strict=True)):
        taken += (min(size, floor) if floor else size) + (len(GAP) if place else 0)
        if taken > width and place:
            return place
    return len(natural)


def fitted(natural: Sequence[int], least: Sequence[int], width: int) -> list[int]:
    """Widths of columns that fit together: the widest that may be cut is cut first, and nothing below its least.

    >>> fitted([8, 40, 30], [0, 10, 10], 60)
    [8, 24, 24]
    """
    widths = list(natural)
    room = width - len(GAP) * (len(widths) - 1)
    while sum(widths) > room:
        cuttable = [place for place, size in enumerate(widths) if least[place] and size > least[place]]
        if not cuttable:
            break
        widest = max(cuttable, key=lambda place: widths[place])
        widths[widest] -= 1
    return widths


def _placed(cell: Text, width: int, *, is_number: bool, is_last: bool) -> Text:
    """A cell in its width: filled up, or cut with a sign that says so."""
    size = cell_len(cell.plain)
    if size > width:
        cut = cell.copy()
        cut.right_crop(len(cell.plain) - len(set_cell_size(cell.plain, max(width - 1, 0)).rstrip()))
        short = Text.assemble(cut, ("…", cell.style))
        return Text.assemble(short, " " * (width - cell_len(short.plain)))
    padding = " " * (width - size)
    if is_number:
        return Text.assemble(padding, cell)
    return cell if is_last else Text.assemble(cell, padding)
