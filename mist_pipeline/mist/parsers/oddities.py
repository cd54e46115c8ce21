"""What of an answer could not be read, and when that is too much to go on with what is left.

One odd row must not blind an organisation: it is set aside, counted and named, and what it would have said is missing. A whole
list of odd rows is no odd row: then the cloud has changed. Not here: reading (`reader`), who is told (`collect.fetch`).

>>> odd = Oddities("sites", read=20)
>>> odd.set_aside("[7].id", "an id expected, got nothing")
>>> odd.check()
>>> odd.first[0].sentence
'sites: [7].id: an id expected, got nothing'
"""

from dataclasses import dataclass, field

from mist_pipeline.mist.errors import UnexpectedShape

MOST_ODD_SHARE = 0.1
"""Above this share of rows (and more than `MOST_ODD_ROWS`) an answer is refused: a cloud that sends scores as percentages, or
renames a key, does so for all, and a rest that happens to be readable would pass for the whole. Below it are single records."""

MOST_ODD_ROWS = 3
"""That many odd rows are no format, in a list as short as a small organisation's, unless they are most of it."""

MOST_NAMED = 20
"""Oddities that are kept with their place; all are counted."""


@dataclass(frozen=True, slots=True)
class Oddity:
    """One thing that could not be read.

    Attributes:
        endpoint: Whose document.
        where: Path in it.
        row: Id of the row, '' where it has none or none that can be read.
        reason: What was expected and what came; no text of the cloud.
    """

    endpoint: str
    where: str
    row: str
    reason: str

    @property
    def sentence(self) -> str:
        """What is odd and where."""
        of_row = f" of {self.row}" if self.row else ""
        return f"{self.endpoint}: {self.where or 'the document'}{of_row}: {self.reason}"


@dataclass(slots=True)
class Oddities:
    """What could not be read of one or several answers.

    Attributes:
        endpoint: Whose documents.
        read: Rows that there were.
        lost: Rows and readings that were set aside.
        emptied: Fields that nobody needs and that are empty now.
        first: The first that were lost, then the first that were emptied.
    """

    endpoint: str
    read: int = 0
    lost: int = 0
    emptied: int = 0
    _lost_rows: int = 0
    _rows_that_lack: set[str] = field(default_factory=set)
    _lost: list[Oddity] = field(default_factory=list)
    _emptied: list[Oddity] = field(default_factory=list)

    @property
    def first(self) -> list[Oddity]:
        """What is odd, at most `MOST_NAMED`; what was lost comes first."""
        return [*self._lost, *self._emptied][:MOST_NAMED]

    @property
    def odd_rows(self) -> int:
        """Rows that were set aside, and rows of which readings were: each counts once, however many columns are odd."""
        return self._lost_rows + len(self._rows_that_lack)

    def set_aside(self, where: str, reason: str, row: str = "") -> None:
        """A row is missing now."""
        self._lost_rows += 1
        self._lose(where, reason, row)

    def set_aside_reading(self, where: str, reason: str, row: str) -> None:
        """A reading of a row that has an id is missing now."""
        self._rows_that_lack.add(row)
        self._lose(where, reason, row)

    def _lose(self, where: str, reason: str, row: str) -> None:
        self.lost += 1
        if len(self._lost) < MOST_NAMED:
            self._lost.append(Oddity(self.endpoint, where, row, reason))

    def emptied_field(self, where: str, reason: str, row: str = "") -> None:
        """A field is empty now."""
        self.emptied += 1
        if len(self._emptied) < MOST_NAMED:
            self._emptied.append(Oddity(self.endpoint, where, row, reason))

    def add(self, others: "Oddities") -> None:
        """Count those of another answer too."""
        self.read += others.read
        self.lost += others.lost
        self._lost_rows += others._lost_rows  # noqa: SLF001 - of the same class
        self._rows_that_lack |= others._rows_that_lack  # noqa: SLF001
        self.emptied += others.emptied
        self._lost = [*self._lost, *others._lost][:MOST_NAMED]  # noqa: SLF001
        self._emptied = [*self._emptied, *others._emptied][:MOST_NAMED]  # noqa: SLF001

    def check(self) -> None:
        """Refuse an answer of which too many rows are odd. One odd row is never too many.

        Raises:
            UnexpectedShape: Several rows are odd, and they are more than half, or more than `MOST_ODD_ROWS` and `MOST_ODD_SHARE`.
        """
        most = min(self.read / 2, max(float(MOST_ODD_ROWS), MOST_ODD_SHARE * self.read))
        if self.odd_rows > max(1.0, most):
            first = self._lost[0]
            raise UnexpectedShape(
                f"{self.odd_rows} of {self.read} rows cannot be read, the first because {first.reason}",
                where=first.where,
                endpoint=self.endpoint,
            )
