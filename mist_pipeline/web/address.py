"""What stands in an address: every state of a page, so that it can be sent to a colleague. Pure.

A page reads its state with the methods of `Address` and calls `finish`: what it did not ask for, what is there twice and what
is no value is a `BadAddressError`, which becomes a page that says what is allowed.

>>> address = Address("/", [("sort", "name"), ("page", "3")])
>>> address.one_of("sort", ("status", "name")), address.number("page", 1, 1, 10_000)
('name', 3)
>>> address.finish()
>>> address.link(sort="status")
'/?sort=status'
"""

from collections.abc import Iterable, Sequence
from urllib.parse import quote, urlencode

from mist_pipeline.domain.text import clean

MOST_CHARACTERS = 400
"""Of one value."""


class BadAddressError(ValueError):
    """A value in the address is none; says which, and what is allowed."""

    def __init__(self, name: str, value: str, allowed: str) -> None:
        self.name, self.value, self.allowed = clean(name, 40), clean(value, 80), allowed
        super().__init__(f"{self.name}={self.value}: {allowed}")


class Address:
    """The address of one request.

    Args:
        path: Decoded.
        given: Names and values of its query string, in order.
    """

    def __init__(self, path: str, given: Iterable[tuple[str, str]] = ()) -> None:
        self.path = path
        self._given: dict[str, str] = {}
        self._asked: set[str] = set()
        for name, value in given:
            if name in self._given:
                raise BadAddressError(name, value, "is there twice; once is enough")
            if len(value) > MOST_CHARACTERS:
                raise BadAddressError(name, value, f"has more than {MOST_CHARACTERS} characters")
            self._given[name] = value

    def text(self, name: str) -> str:
        """What was typed, '' where nothing was."""
        self._asked.add(name)
        return self._given.get(name, "").strip()

    def one_of(self, name: str, allowed: Sequence[str], default: str | None = None) -> str:
        """One of some words; the first of them where none is given.

        Raises:
            BadAddressError: It is none of them.
        """
        value = self.text(name) or (allowed[0] if default is None else default)
        if value not in allowed and value != default:
            raise BadAddressError(name, value, f"is one of {', '.join(allowed)}")
        return value

    def is_set(self, name: str) -> bool:
        """Whether a switch is on: ``name=1``.

        Raises:
            BadAddressError: It is anything else.
        """
        return self.one_of(name, ("0", "1")) == "1"

    def number(self, name: str, default: int, least: int, most: int) -> int:
        """A whole number.

        Raises:
            BadAddressError: It is none, or out of bounds.
        """
        value = self.text(name)
        if not value:
            return default
        is_number = value.isascii() and value.isdigit() and len(value) < 10
        if not is_number or not least <= int(value) <= most:
            raise BadAddressError(name, value, f"is a whole number from {least:,} to {most:,}")
        return int(value)

    def finish(self) -> None:
        """Refuse what no page asked for: a misspelt name must not look as if it did something.

        Raises:
            BadAddressError: There is such a name.
        """
        for name, value in self._given.items():
            if name not in self._asked:
                known = ", ".join(sorted(self._asked)) or "nothing"
                raise BadAddressError(name, value, f"is not known here; this page knows {known}")

    @property
    def here(self) -> str:
        """This address."""
        return _joined(self.path, self._given)

    def link(self, **changed: object) -> str:
        """This address with other values; None takes one out. Any change but ``page`` begins at the first page again."""
        values = {name: value for name, value in self._given.items() if name != "page" and value}
        values |= {name: "" if value is None else str(value) for name, value in changed.items()}
        return _joined(self.path, values)

    def others(self, *left_out: str) -> list[tuple[str, str]]:
        """Names and values but some and the page: what a form of this page has to send along."""
        return [
            (name, value) for name, value in self._given.items() if value and name not in {*left_out, "page"}
        ]


def link(path: str, **values: object) -> str:
    """An address of another page.

    >>> link("/incidents", state="over", q="")
    '/incidents?state=over'
    """
    return _joined(path, {name: str(value) for name, value in values.items() if value is not None})


def path_of(*parts: str) -> str:
    """A path of parts that may hold anything: ``/site/<id>``.

    >>> path_of("site", "a/b?c")
    '/site/a%2Fb%3Fc'
    """
    return "/" + "/".join(quote(part, safe="") for part in parts)


def _joined(path: str, values: dict[str, str]) -> str:
    query = urlencode({name: value for name, value in values.items() if value})
    return f"{quote(path, safe='/%')}?{query}" if query else quote(path, safe="/%")
