"""What sites are called: visible, bounded, one line, and unlike every other."""

import unicodedata

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mist_pipeline.domain.site_names import DISPLAY_NAME_LENGTH, SITE_NAME_LENGTH
from mist_pipeline.report.queries.site_labels import with_labels
from mist_pipeline_tests.support.report.worlds import HOSTILE_NAMES, site_id

BIDI = set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c")


def labels(*names: str | None) -> list[str]:
    frame = pl.DataFrame(
        {"site_id": [site_id(place) for place in range(len(names))], "name": list(names)},
        schema={"site_id": pl.String, "name": pl.String},
    )
    return with_labels(frame)["label"].to_list()


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ((None,), [f"site {site_id(0)[:8]}"]),
        (("",), [f"site {site_id(0)[:8]}"]),
        ((" \u200b\n\u202e",), [f"site {site_id(0)[:8]}"]),
        (("Twin", "twin"), [f"Twin · {site_id(0)[:8]}", f"twin · {site_id(1)[:8]}"]),
        (("One\r\ntwo\u2028three",), ["One two three"]),
        (("\u202egnp.exe",), ["gnp.exe"]),
        (("x" * 300,), ["x" * (SITE_NAME_LENGTH - 1) + "…"]),
        (("a" + "\u0301" * 40,), ["a\u0301\u0301"]),
        (("محل دبي",), ["محل دبي"]),
        (("می‌خواهم",), ["می‌خواهم"]),
    ],
)
def test_labels_show_what_can_be_shown(names: tuple[str | None, ...], expected: list[str]) -> None:
    assert labels(*names) == expected


def test_long_names_that_differ_at_the_end_stay_apart() -> None:
    first, second = labels("Store " + "n" * 100 + "1", "Store " + "n" * 100 + "2")
    assert first != second


@settings(deadline=None, max_examples=60)
@given(st.lists(st.none() | st.text(max_size=80) | st.sampled_from(HOSTILE_NAMES), min_size=1, max_size=12))
def test_labels_are_bounded_visible_unlike_each_other_and_one_line(names: list[str | None]) -> None:
    found = labels(*names)
    assert len({label.lower() for label in found}) == len(found)
    for label in found:
        assert label.strip()
        assert len(label) <= DISPLAY_NAME_LENGTH
        assert not BIDI & set(label)
        assert not {char for char in label if unicodedata.category(char) in ("Cc", "Zl", "Zp")}
