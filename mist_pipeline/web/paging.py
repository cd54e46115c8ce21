"""One page of a long list. Pure.

>>> part = pages_of(range(250), 3, 100)
>>> list(part.items)[:2], part.first, part.last, part.total, part.before, part.after
([200, 201], 201, 250, 250, 2, None)
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Part(Generic[T]):
    """What stands on one page.

    Attributes:
        items: Its items.
        number: Of this page, from 1.
        pages: How many there are, at least 1.
        total: Items on all pages.
        size: Items on a full page.
    """

    items: Sequence[T]
    number: int
    pages: int
    total: int
    size: int

    @property
    def first(self) -> int:
        """Number of the first item here; 0 of none."""
        return (self.number - 1) * self.size + 1 if self.items else 0

    @property
    def last(self) -> int:
        """Number of the last item here."""
        return self.first + len(self.items) - 1 if self.items else 0

    @property
    def before(self) -> int | None:
        """The page before this one."""
        return self.number - 1 if self.number > 1 else None

    @property
    def after(self) -> int | None:
        """The page after this one."""
        return self.number + 1 if self.number < self.pages else None


def pages_of(items: Sequence[T], number: int, size: int) -> Part[T]:
    """One page; a number beyond the last page is the last one, since lists grow shorter while people look."""
    pages = max((len(items) + size - 1) // size, 1)
    here = min(number, pages)
    return Part(items[(here - 1) * size : here * size], here, pages, len(items), size)
