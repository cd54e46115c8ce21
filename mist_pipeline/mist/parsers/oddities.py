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

MOST_LOST_SHARE = 0.1
"""Above this share of rows or readings (and more than one) an answer is refused: a cloud that sends scores as percentages, or
renames a key, does so for all, and a rest that happens to be readable would pass for the whole. Below it are single records."""

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
        read: Rows and readings that there were.
        lost: Of them, those that were set aside.
        emptied: Fields that nobody needs and that are empty now.
        first: The first that were lost, then the first that were emptied.
    """

    endpoint: str
    read: int = 0
    lost: int = 0
    emptied: int = 0
    _lost: list[Oddity] = field(default_factory=list)
    _emptied: list[Oddity] = field(default_factory=list)

    @property
    def first(self) -> list[Oddity]:
        """What is odd, at most `MOST_NAMED`; what was lost comes first."""
        return [*self._lost, *self._emptied][:MOST_NAMED]

    def set_aside(self, where: str, reason: str, row: str = "") -> None:
        """A row or a reading is missing now."""
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
        self.emptied += others.emptied
        self._lost = [*self._lost, *others._lost][:MOST_NAMED]  # noqa: SLF001 - of the same class
        self._emptied = [*self._emptied, *others._emptied][:MOST_NAMED]  # noqa: SLF001

    def check(self) -> None:
        """Refuse an answer of which too much is lost.

        Raises:
            UnexpectedShape: More than one and more than `MOST_LOST_SHARE` of it cannot be read.
        """
        if self.lost > max(1.0, MOST_LOST_SHARE * self.read):
            first = self._lost[0]
            raise UnexpectedShape(
                f"{self.lost} of {self.read} rows and readings cannot be read, the first because {first.reason}",
                where=first.where,
                endpoint=self.endpoint,
            )
