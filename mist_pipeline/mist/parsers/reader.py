"""Typed reading of JSON documents: every value is checked where it is read, and an error names its path.

Absent and null are the same and normal; a wrong type is `UnexpectedShape`. What the fields mean is said by the other modules
of this folder.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from types import NoneType
from typing import Any

from mist_pipeline.mist.endpoints import is_plain_id
from mist_pipeline.mist.errors import UnexpectedShape

_YEAR_10000 = 253_402_300_800
_NUMERIC = {int, float, NoneType}


@dataclass(frozen=True, slots=True)
class Node:
    """A value in a document, with its path for error messages.

    Attributes:
        value: The JSON value.
        endpoint: Whose document it is.
        where: Path from the root, '' for the root.
    """

    value: Any
    endpoint: str
    where: str = ""

    def fail(self, expected: str) -> UnexpectedShape:
        """The error to raise when this value is not what was expected."""
        return UnexpectedShape(
            f"{expected} expected, got {_named(self.value)}", where=self.where, endpoint=self.endpoint
        )

    def child(self, name: str) -> "Node":
        """A field of this object; its value is None if absent."""
        if not isinstance(self.value, dict):
            raise self.fail("an object")
        return Node(self.value.get(name), self.endpoint, f"{self.where}.{name}" if self.where else name)

    def names(self) -> Iterator[str]:
        """The field names of this object."""
        if not isinstance(self.value, dict):
            raise self.fail("an object")
        return iter(self.value)

    def items(self) -> Iterator["Node"]:
        """The elements of this list."""
        if not isinstance(self.value, list):
            raise self.fail("a list")
        return (Node(each, self.endpoint, f"{self.where}[{index}]") for index, each in enumerate(self.value))

    def elements(self, name: str) -> list["Node"]:
        """The elements of a list in a field; an absent or null list has none."""
        child = self.child(name)
        return [] if child.value is None else list(child.items())

    def required(self, name: str) -> "Node":
        """A field that must be there."""
        child = self.child(name)
        if child.value is None:
            raise child.fail("a value")
        return child

    def object(self, name: str) -> "Node | None":
        """An object in a field, or None."""
        child = self.child(name)
        if child.value is None:
            return None
        if not isinstance(child.value, dict):
            raise child.fail("an object")
        return child

    def text(self, name: str) -> str | None:
        """A text in a field, or None."""
        child = self.child(name)
        if child.value is None or isinstance(child.value, str):
            return child.value
        raise child.fail("a text")

    def identifier(self, name: str) -> str | None:
        """An id in a field, or None. Ids end up in paths and file names, so they must be plain."""
        text = self.text(name)
        if not text:
            return None
        if not is_plain_id(text):
            raise self.child(name).fail("an id of letters, digits and hyphens")
        return text

    def required_id(self, name: str) -> str:
        """An id that must be there."""
        identifier = self.identifier(name)
        if identifier is None:
            raise self.child(name).fail("an id")
        return identifier

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of texts in a field; nulls are left out."""
        nodes = [each for each in self.elements(name) if each.value is not None]
        for node in nodes:
            if not isinstance(node.value, str):
                raise node.fail("a text")
        return tuple(node.value for node in nodes)

    def flag(self, name: str) -> bool | None:
        """True or False in a field, or None."""
        child = self.child(name)
        if child.value is None or isinstance(child.value, bool):
            return child.value
        raise child.fail("true or false")

    def number(self, name: str) -> float | None:
        """A finite number in a field, or None."""
        return self.child(name).as_number()

    def as_number(self) -> float | None:
        """This value as a finite number, or None."""
        if self.value is None:
            return None
        if type(self.value) is float or type(self.value) is int:
            try:
                number = float(self.value)
            except OverflowError:
                raise self.fail("a finite number") from None
            if math.isfinite(number):
                return number
            raise self.fail("a finite number")
        raise self.fail("a number")

    def count(self, name: str) -> int | None:
        """A whole number, not negative, in a field, or None; ``3.0`` is 3."""
        number = self.number(name)
        if number is None:
            return None
        if number < 0 or number != int(number):
            raise self.child(name).fail("a count")
        return int(number)

    def moment(self, name: str) -> float | None:
        """Epoch seconds in a field, whole or not, or None."""
        number = self.number(name)
        if number is not None and not 0 <= number < _YEAR_10000:
            raise self.child(name).fail("a time in epoch seconds")
        return number

    def required_moment(self, name: str) -> float:
        """Epoch seconds that must be there."""
        moment = self.moment(name)
        if moment is None:
            raise self.child(name).fail("a time in epoch seconds")
        return moment

    def numbers(self, name: str) -> list[float | None] | None:
        """A list of finite numbers and nulls in a field, or None where there is no list."""
        child = self.child(name)
        values = child.value
        if values is None:
            return None
        if not isinstance(values, list):
            raise child.fail("a list")
        # The usual case costs one pass over the types and one sum; only a bad list is walked.
        if not set(map(type, values)) <= _NUMERIC or not _is_finite_sum(values):
            return [each.as_number() for each in child.items()]
        return [None if value is None else float(value) for value in values]


def _is_finite_sum(values: list[Any]) -> bool:
    try:
        return math.isfinite(math.fsum(value for value in values if value is not None))
    except (OverflowError, ValueError):
        return False


def _named(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return f"the number {value!r}"[:60]
    if isinstance(value, str):
        return "a text"
    return "a list" if isinstance(value, list) else "an object"
