"""Text from outside is one visible line, whatever it holds."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mist_pipeline.domain.text import clean


@settings(deadline=None, max_examples=100)
@given(st.text(max_size=200), st.integers(10, 100))
def test_cleaned_text_is_one_bounded_line_and_cleaning_it_again_changes_nothing(
    text: str, limit: int
) -> None:
    once = clean(text, limit)
    assert clean(once, limit) == once
    assert len(once) <= limit
    assert not {char for char in once if unicodedata.category(char) in ("Cc", "Zl", "Zp")}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("One\r\ntwo\u2028three", "One two three"),
        ("\u202egnp.exe", "gnp.exe"),
        ("a" + "\u0301" * 40, "a\u0301\u0301"),
        ("a" + "\u0301\u200b" * 40, "a\u0301\u0301"),
        (" \u200b\n\u202e", ""),
        (
            "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
            "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
        ),
    ],
)
def test_what_breaks_hides_or_reorders_text_is_taken_out(text: str, shown: str) -> None:
    assert clean(text) == shown
