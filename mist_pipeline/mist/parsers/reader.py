"""Typed reading of JSON documents: every value is checked where it is read, and what is odd is named with its path.

Absent, null and (where no text is wanted) an empty text are the same and normal. An optional value of a wrong type is empty and
noted in `Oddities`; a required one raises `UnexpectedShape`, which sets its row aside (`read_rows`) or, outside of rows, refuses the
document. What the fields mean is said by the other modules of this folder.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from types import NoneType
from typing import Any, TypeVar

from mist_pipeline.mist.endpoints import is_plain_id
from mist_pipeline.mist.errors import UnexpectedShape
from mist_pipeline.mist.parsers.oddities import Oddities

_T = TypeVar("_T")

_YEAR_10000 = 253_402_300_800
_MOST = 1e15
"""No measurement, count or time is beyond it, and sums of what is below stay exact enough and finite."""
_NUMERIC = {int, float, NoneType}


@dataclass(slots=True)  # not frozen, which makes each of a page's thousands three times as expensive
class Node:
    """A value in a document, with its path for what is said about it.

    Attributes:
        value: The JSON value.
        odd: Collects what cannot be read; knows whose document it is.
        where: Path from the root, '' for the root.
        row: Id of the row that it is part of, ''.
    """

    value: Any
    odd: Oddities
    where: str = ""
    row: str = ""

    def fail(self, expected: str) -> UnexpectedShape:
        """The error to raise when this value is not what was expected."""
        return UnexpectedShape(
            f"{expected} expected, got {_named(self.value)}", where=self.where, endpoint=self.odd.endpoint
        )

    def empty(self, expected: str) -> None:
        """Note that this value is left out."""
        self.odd.emptied_field(self.where, f"{expected} expected, got {_named(self.value)}", self.row)

    def child(self, name: str) -> "Node":
        """A field of this object; its value is None if absent."""
        if not isinstance(self.value, dict):
            raise self.fail("an object")
        where = f"{self.where}.{name}" if self.where else name
        return Node(self.value.get(name), self.odd, where, self.row)

    def _field(self, name: str) -> Any:
        """The value of a field of this object, None if absent: most are as expected, and need no path."""
        if not isinstance(self.value, dict):
            raise self.fail("an object")
        return self.value.get(name)

    def names(self) -> Iterator[str]:
        """The field names of this object."""
        if not isinstance(self.value, dict):
            raise self.fail("an object")
        return iter(self.value)

    def items(self) -> list["Node"]:
        """The elements of this list."""
        if not isinstance(self.value, list):
            raise self.fail("a list")
        return [
            Node(each, self.odd, f"{self.where}[{index}]", self.row) for index, each in enumerate(self.value)
        ]

    def elements(self, name: str) -> list["Node"]:
        """The elements of a list in a field; an absent list has none."""
        child = self.child(name)
        if isinstance(child.value, list):
            return child.items()
        if not _is_absent(child.value):
            child.empty("a list")
        return []

    def required(self, name: str) -> "Node":
        """A field that must be there."""
        child = self.child(name)
        if child.value is None:
            raise child.fail("a value")
        return child

    def object(self, name: str) -> "Node | None":
        """An object in a field, or None."""
        value = self._field(name)
        if isinstance(value, dict):
            return self.child(name)
        if not _is_absent(value):
            self.child(name).empty("an object")
        return None

    def text(self, name: str) -> str | None:
        """A text in a field, or None."""
        value = self._field(name)
        if value is None or isinstance(value, str):
            return value
        self.child(name).empty("a text")
        return None

    def identifier(self, name: str) -> str | None:
        """An id in a field, or None. Ids end up in paths and file names, so they must be plain."""
        value = self._field(name)
        if _is_absent(value):
            return None
        if isinstance(value, str) and is_plain_id(value):
            return value
        self.child(name).empty("an id of letters, digits and hyphens")
        return None

    def required_id(self, name: str) -> str:
        """An id that must be there."""
        child = self.child(name)
        if not isinstance(child.value, str) or not is_plain_id(child.value):
            raise child.fail("an id of letters, digits and hyphens")
        return child.value

    def texts(self, name: str) -> tuple[str, ...]:
        """The texts of a list in a field; nulls are left out."""
        found = []
        for node in self.elements(name):
            if isinstance(node.value, str):
                found.append(node.value)
            elif node.value is not None:
                node.empty("a text")
        return tuple(found)

    def flag(self, name: str) -> bool | None:
        """True or False in a field, or None."""
        value = self._field(name)
        if isinstance(value, bool):
            return value
        if not _is_absent(value):
            self.child(name).empty("true or false")
        return None

    def number(self, name: str, least: float = -_MOST, most: float = _MOST) -> float | None:
        """A number within bounds in a field, or None."""
        value = self._field(name)
        number = _finite(value)
        if number is not None and least <= number <= most:
            return number
        if not _is_absent(value):
            self.child(name).empty(_expected_number(least, most))
        return None

    def count(self, name: str) -> int | None:
        """A whole number, not negative, in a field, or None; ``3.0`` is 3."""
        value = self._field(name)
        number = _finite(value)
        if number is not None and 0 <= number <= _MOST and number == int(number):
            return int(number)
        if not _is_absent(value):
            self.child(name).empty("a count")
        return None

    def moment(self, name: str) -> float | None:
        """Epoch seconds in a field, whole or not, or None."""
        value = self._field(name)
        if _is_absent(value) or _is_moment(value):
            return _finite(value)
        self.child(name).empty("a time in epoch seconds")
        return None

    def required_moment(self, name: str) -> float:
        """Epoch seconds that must be there."""
        child = self.child(name)
        moment = _finite(child.value) if _is_moment(child.value) else None
        if moment is None:
            raise child.fail("a time in epoch seconds")
        return moment

    def numbers(self, name: str) -> "tuple[list[float | None] | None, list[Node]]":
        """A list of numbers and nulls in a field, and those of its elements that are none (null in the list).

        Where there is no list it is None.
        """
        child = self.child(name)
        values = child.value
        if not isinstance(values, list):
            if not _is_absent(values):
                child.empty("a list")
            return None, []
        # The usual case costs one pass over the types and one sum; only a bad list is walked.
        if set(map(type, values)) <= _NUMERIC and _is_finite_sum(values):
            return [None if value is None else float(value) for value in values], []
        found = [_finite(value) for value in values]
        odd = [
            node
            for node, number in zip(child.items(), found, strict=True)
            if number is None and node.value is not None
        ]
        return found, odd


def read_rows(rows: Iterable[Node], read: Callable[[Node], _T], key: str = "id") -> list[_T]:
    """What each row says; one that cannot be read is set aside.

    Args:
        rows: Elements of a list.
        read: Reads one; raises `UnexpectedShape` where the row is of no use.
        key: The field that names a row to people.
    """
    found = []
    for row in rows:
        row.odd.read += 1
        named = row.value.get(key) if isinstance(row.value, dict) else None
        name = named if isinstance(named, str) and is_plain_id(named) else ""
        row.row = name
        try:
            found.append(read(row))
        except UnexpectedShape as error:
            row.odd.set_aside(error.where, error.what, name)
    return found


def _is_absent(value: Any) -> bool:
    return value is None or value == ""


def _finite(value: Any) -> float | None:
    """The value as a number that can be calculated with."""
    if type(value) is not float and type(value) is not int:
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if -_MOST <= number <= _MOST else None


def _is_moment(value: Any) -> bool:
    number = _finite(value)
    return number is not None and 0 <= number < _YEAR_10000


def _is_finite_sum(values: list[Any]) -> bool:
    try:
        return abs(math.fsum(abs(value) for value in values if value is not None)) <= _MOST
    except (OverflowError, ValueError):
        return False


def _expected_number(least: float, most: float) -> str:
    if (least, most) == (-_MOST, _MOST):
        return "a number"
    return f"a number of {least:g} or more" if most == _MOST else f"a number between {least:g} and {most:g}"


def _named(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) and abs(value) > _MOST:
        return "a huge number"
    if isinstance(value, int | float):
        return f"the number {value!r}"[:60]
    if isinstance(value, str):
        return "a text" if value else "an empty text"
    return "a list" if isinstance(value, list) else "an object"
