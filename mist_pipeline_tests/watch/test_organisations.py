"""The list of several organisations: lines that fit, and keys that enter one."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest
from rich.cells import cell_len
from textual.widgets import Static

from mist_pipeline.overview.model import Now, OrganisationNow, PipelineNow, Source
from mist_pipeline.overview.organisations.standing import Standing, standing, unknown
from mist_pipeline.watch.glyphs import ASCII, UNICODE
from mist_pipeline.watch.organisation_lines import (
    organisation_line,
    organisations_header,
    organisations_heading,
)
from mist_pipeline.watch.organisations_app import OrganisationsApp
from mist_pipeline_tests.support.overview.organisations import AT, HOSTILE, POLLED

WELL = Now(
    at=AT,
    live=Source(name="live", as_of=POLLED, stale_after=timedelta(minutes=30)),
    days=Source(name="days", as_of=AT),
    ledger=Source(name="ledger", as_of=AT),
    organisation=OrganisationNow(counts={"HEALTHY": 9}),
    pipeline=PipelineNow(),
)
FOUND = [
    unknown("lost", "", "its configuration: [red]wrong[/red]"),
    *(standing(f"org_{place}", name, WELL, AT) for place, name in enumerate(HOSTILE)),
]


@pytest.mark.parametrize("width", [40, 80, 109, 110, 200])
@pytest.mark.parametrize("glyphs", [UNICODE, ASCII], ids=["unicode", "ascii"])
def test_every_line_fits_and_names_the_key(width: int, glyphs: object) -> None:
    assert glyphs in (UNICODE, ASCII)
    signs = UNICODE if glyphs is UNICODE else ASCII
    lines = [organisation_line(one, width, signs) for one in FOUND]
    lines += [organisations_header(FOUND, width, signs), organisations_heading(width, signs)]
    assert max(cell_len(line.plain) for line in lines) <= width
    assert all(one.key in line.plain for one, line in zip(FOUND, lines, strict=False))
    assert not any("\x1b" in line.plain or "\n" in line.plain for line in lines)
    assert signs is UNICODE or all(line.plain.isascii() for line in lines)


def test_what_is_not_known_is_not_shown_as_none() -> None:
    lost = organisation_line(FOUND[0], 200, UNICODE).plain
    assert "✖ critical" in lost
    assert "not known" in lost
    assert "[red]wrong[/red]" in lost


def test_the_worst_is_under_the_cursor_until_somebody_moves_it() -> None:
    said = [FOUND]

    async def moved() -> list[str]:
        app = OrganisationsApp(lambda: said[0])
        keys = []
        async with app.run_test(size=(100, 20)) as pilot:
            for pressed in ((), ("down",)):
                await pilot.press(*pressed)
                said[0] = said[0][::-1]
                app._show()
                await pilot.pause()
                assert app.list.current is not None
                keys.append(app.list.current.key)
        return keys

    assert asyncio.run(moved()) == [FOUND[-1].key, FOUND[-2].key]


def entered(keys: Sequence[str], found: Sequence[Standing] = FOUND, last: str = "") -> tuple[str | None, str]:
    """What comes of pressing keys, and the head of the screen."""

    async def pressed() -> tuple[str | None, str]:
        app = OrganisationsApp(lambda: found, ["initech is not shown: its file"], last=last)
        async with app.run_test(size=(100, 20)) as pilot:
            head = str(app.query_one("#head", Static).render())
            await pilot.press(*keys)
        return app.return_value, head

    return asyncio.run(pressed())


def test_enter_opens_the_organisation_under_the_cursor_and_q_ends() -> None:
    key, head = entered(["enter"])
    assert (key, "7 organisations" in head, "1 critical" in head) == ("lost", True, True)
    assert entered(["down", "down", "enter"])[0] == "org_1"
    assert entered(["q"])[0] is None


def test_whoever_comes_back_stands_where_they_left_also_when_the_order_changed() -> None:
    assert entered(["enter"], FOUND[::-1], last="org_3")[0] == "org_3"
    assert entered(["enter"], FOUND, last="gone")[0] == "lost"
