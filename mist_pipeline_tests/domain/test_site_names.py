"""What sites are called: visible, one line, and no two of them the same, on every surface."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mist_pipeline.domain.site_names import DISPLAY_NAME_LENGTH, display_names, folded

A, B, C = "aaaaaaaa-0001", "bbbbbbbb-0002", "cccccccc-0003"


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ({A: "Berlin", B: "Bonn"}, ["Berlin", "Bonn"]),
        ({A: "Berlin 3", B: "Berlin 3"}, ["Berlin 3 · aaaaaaaa", "Berlin 3 · bbbbbbbb"]),
        ({A: "Berlin 3", B: "BERLIN 3"}, ["Berlin 3 · aaaaaaaa", "BERLIN 3 · bbbbbbbb"]),
        ({A: "Straße", B: "STRASSE"}, ["Straße · aaaaaaaa", "STRASSE · bbbbbbbb"]),
        ({A: " Berlin  3 ", B: "Berlin\t3"}, ["Berlin 3 · aaaaaaaa", "Berlin 3 · bbbbbbbb"]),
        ({A: "Berlin\u200b 3", B: "Berlin\u00a03"}, ["Berlin 3 · aaaaaaaa", "Berlin 3 · bbbbbbbb"]),
        ({A: "Caf\u00e9", B: "Cafe\u0301"}, ["Caf\u00e9 · aaaaaaaa", "Cafe\u0301 · bbbbbbbb"]),
        ({A: "", B: None, C: "\u202e"}, ["site aaaaaaaa", "site bbbbbbbb", "site cccccccc"]),
        (
            {A: "\u3164", B: "\u2800\uffa0", C: "\u115f\ufe0f"},
            ["site aaaaaaaa", "site bbbbbbbb", "site cccccccc"],
        ),
        ({A: "Berlin\u31643", B: "Berlin 3"}, ["Berlin 3 · aaaaaaaa", "Berlin 3 · bbbbbbbb"]),
        (
            {A: "Lab\ufe0f", B: "L\u200dab", C: "Lab"},
            ["Lab\ufe0f · aaaaaaaa", "L\u200dab · bbbbbbbb", "Lab · cccccccc"],
        ),
        (
            {A: "\u0412erlin", B: "Berlin", C: "\u0392ERLIN"},
            ["\u0412erlin · aaaaaaaa", "Berlin · bbbbbbbb", "\u0392ERLIN · cccccccc"],
        ),
        ({A: "HQ\u20131", B: "HQ-1"}, ["HQ\u20131 · aaaaaaaa", "HQ-1 · bbbbbbbb"]),
        (
            {A: "\u2764\ufe0f", B: "\u041c\u043e\u0441\u043a\u0432\u0430"},
            ["\u2764\ufe0f", "\u041c\u043e\u0441\u043a\u0432\u0430"],
        ),
        ({A: "site bbbbbbbb", B: ""}, ["site bbbbbbbb · aaaaaaaa-0001", "site · bbbbbbbb-0002"]),
        ({A: "x" * 80 + "1", B: "x" * 80 + "2"}, [f"{'x' * 59}… · aaaaaaaa", f"{'x' * 59}… · bbbbbbbb"]),
    ],
)
def test_names_that_people_cannot_tell_apart_carry_the_start_of_the_id(
    names: dict[str, str | None], expected: list[str]
) -> None:
    assert list(display_names(names).values()) == expected


def test_ids_that_begin_alike_are_shown_whole() -> None:
    assert display_names({"12345678-a": "Lab", "12345678-b": "Lab", A: "Lab"}) == {
        "12345678-a": "Lab · 12345678-a",
        "12345678-b": "Lab · 12345678-b",
        A: "Lab · aaaaaaaa",
    }


def test_a_site_keeps_the_name_that_one_which_is_gone_had() -> None:
    assert display_names({A: "Lab", B: "Lab"}, gone={A}) == {A: "Lab · aaaaaaaa", B: "Lab"}


def test_a_renamed_site_gives_its_twin_the_name_back() -> None:
    assert display_names({A: "Lab", B: "Lab"})[A] == "Lab · aaaaaaaa"
    assert display_names({A: "Lab", B: "Lab north"}) == {A: "Lab", B: "Lab north"}


@given(
    st.dictionaries(
        st.text(string.hexdigits + "-", min_size=1, max_size=36),
        st.none()
        | st.text(max_size=90)
        | st.sampled_from(["Lab", "LAB", "l\u00e4b", "site a", "Lab · a", ""]),
        max_size=12,
    ),
    st.data(),
)
def test_no_two_sites_are_called_the_same(names: dict[str, str | None], data: st.DataObject) -> None:
    gone = data.draw(st.sets(st.sampled_from(sorted(names)))) if names else set()
    shown = display_names(names, gone)
    assert len({folded(label) for label in shown.values()}) == len(names)
    assert all(0 < len(label) <= DISPLAY_NAME_LENGTH and label.strip() == label for label in shown.values())
