"""Names come from people: whatever they hold, the page stays the page."""

import unicodedata

from mist_pipeline_tests.support.report.pages import Rendered

BIDI = set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c")


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
