"""Names come from people: whatever they hold, the page stays the page."""

import unicodedata

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mist_pipeline.report.queries.site_labels import MAX_LENGTH, clean_text, with_labels
from mist_pipeline_tests.report.conftest import Rendered
from mist_pipeline_tests.support.report.worlds import HOSTILE_NAMES, site_id

BIDI = set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c")


def labels(*names: str | None) -> list[str]:
    frame = pl.DataFrame(
        {"site_id": [site_id(place) for place in range(len(names))], "name": list(names)},
        schema={"site_id": pl.String, "name": pl.String},
    )
    return with_labels(frame)["label"].to_list()


def test_predecessor_mistake_12_a_name_with_markup_is_text_on_the_page(hostile: Rendered) -> None:
    assert hostile.page.all("script", "img", "b") == [{}] * len(hostile.page.all("b"))
    assert hostile.page.all("script", "img") == []
    assert "<script>document.title='owned'</script>" in hostile.page.words
    assert '"><img src=x onerror="document.title=\'owned\'">' in hostile.page.words


def test_a_name_that_looks_like_a_template_is_not_evaluated(hostile: Rendered) -> None:
    assert "{{ 7 * 7 }} {% raw %}" in hostile.page.words
    assert "49 {% raw" not in hostile.page.words


def test_the_text_holds_no_control_or_direction_characters(hostile: Rendered) -> None:
    assert {char for char in hostile.text if unicodedata.category(char) == "Cc"} == {"\n"}
    assert not BIDI & set(hostile.text)
    assert "Two lines and" in hostile.text


def test_every_site_is_on_the_page_whatever_it_is_called(hostile: Rendered) -> None:
    assert len({site["label"] for site in hostile.dashboard["sites"]}) == 24


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ((None,), [f"site {site_id(0)[:8]}"]),
        (("",), [f"site {site_id(0)[:8]}"]),
        ((" \u200b\n\u202e",), [f"site {site_id(0)[:8]}"]),
        (("Twin", "twin"), [f"Twin · {site_id(0)[:8]}", f"twin · {site_id(1)[:8]}"]),
        (("One\r\ntwo\u2028three",), ["One two three"]),
        (("\u202egnp.exe",), ["gnp.exe"]),
        (("x" * 300,), ["x" * (MAX_LENGTH - 1) + "…"]),
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
        assert len(label) <= MAX_LENGTH + 11
        assert not BIDI & set(label)
        assert not {char for char in label if unicodedata.category(char) in ("Cc", "Zl", "Zp")}


@settings(deadline=None, max_examples=60)
@given(st.text(max_size=200))
def test_cleaning_text_twice_changes_nothing_more(text: str) -> None:
    once = clean_text(text)
    assert clean_text(once) == once
    assert "\n" not in once
