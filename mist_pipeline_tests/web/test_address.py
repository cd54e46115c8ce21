"""What stands in an address: what is taken, and what is refused in words."""

import pytest

from mist_pipeline.web.address import Address, BadAddressError


def of(query: str) -> Address:
    parts = (part.partition("=") for part in query.split("&") if part)
    return Address("/here", [(name, value) for name, _, value in parts])


@pytest.mark.parametrize(
    ("query", "read", "said"),
    [
        ("page=0", lambda it: it.number("page", 1, 1, 99), "is a whole number from 1 to 99"),
        ("page=١", lambda it: it.number("page", 1, 1, 99), "is a whole number"),
        ("page=99999999999999999999", lambda it: it.number("page", 1, 1, 99), "is a whole number"),
        ("sort=site", lambda it: it.one_of("sort", ("status", "name")), "is one of status, name"),
        ("down=yes", lambda it: it.is_set("down"), "is one of 0, 1"),
        ("sorted=name", lambda it: it.finish(), "is not known here"),
        ("q=a&q=b", lambda it: it.text("q"), "is there twice"),
        (f"q={'x' * 500}", lambda it: it.text("q"), "more than 400 characters"),
    ],
)  # fmt: skip
def test_a_bad_value_is_refused_and_says_what_is_allowed(query: str, read: object, said: str) -> None:
    with pytest.raises(BadAddressError, match=said):
        read(of(query))  # type: ignore[operator]


def test_a_link_keeps_the_rest_of_the_state_and_begins_at_the_first_page() -> None:
    address = of("q=a&sort=name&page=3")
    assert address.link(sort="score") == "/here?q=a&sort=score"
    assert address.link(page=4) == "/here?q=a&sort=name&page=4"
    assert address.link(q=None, sort=None) == "/here"
    assert address.others("q") == [("sort", "name")]
