"""Rows for people: a line each, however wide the text, in whatever script."""

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from mist_pipeline.cli.printing.layout import Column, laid_out

WORDS = st.text(st.sampled_from("ab 東京é́…"), max_size=30)


@given(rows=st.lists(st.tuples(WORDS, st.integers(0, 10**6), WORDS), max_size=6), width=st.integers(24, 80))
def test_no_line_is_wider_than_the_terminal(rows: list[tuple[str, int, str]], width: int) -> None:
    columns = (Column("name", least=4), Column("users", is_number=True), Column("what", least=4))
    cells = [(name, f"{users:,}", what) for name, users, what in rows]
    lines = list(laid_out(columns, cells, width))
    assert len(lines) == len(rows) + 1
    assert all(cell_len(line.plain) <= width for line in lines)


@given(rows=st.lists(st.tuples(WORDS, st.integers(0, 10**6)), max_size=6))
def test_without_a_width_nothing_is_lost_and_numbers_end_together(rows: list[tuple[str, int]]) -> None:
    columns = (Column("name", least=4), Column("users", is_number=True))
    lines = [line.plain for line in laid_out(columns, [(name, str(users)) for name, users in rows], None)]
    assert all(name in line for (name, _), line in zip(rows, lines[1:], strict=True))
    assert len({cell_len(line) for line in lines}) == 1


def test_columns_for_which_there_is_no_room_are_left_out_from_the_right() -> None:
    columns = tuple(Column(f"column_{n}", is_number=True) for n in range(6))
    assert [line.plain for line in laid_out(columns, [["1"] * 6], 20)] == [
        "column_0  column_1",
        "       1         1",
    ]
