"""The application, driven by keys: what it shows, and what it does before and after asking."""

import asyncio
import threading
import webbrowser
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest

pytest.importorskip("textual")

from syrupy.assertion import SnapshotAssertion
from textual.pilot import Pilot
from textual.widgets import Static

from mist_pipeline.domain.site_names import display_names
from mist_pipeline.overview.actions import ActionFailedError, Verdict
from mist_pipeline.overview.ledger import UnreadableError
from mist_pipeline.overview.model import (
    IncidentDetail,
    IncidentNow,
    MetricNow,
    Now,
    OrganisationNow,
    PipelineNow,
    SiteDetail,
    SiteNow,
    Source,
)
from mist_pipeline.watch.acting import Acting, ActingScreen
from mist_pipeline.watch.app import WatchApp
from mist_pipeline.watch.browser import NO_PAGES, Pages, open_in_browser
from mist_pipeline.watch.dialogs import AskComment, AskSilence, Confirm, Help
from mist_pipeline.watch.main_screen import MainScreen
from mist_pipeline.watch.page_screens import IncidentScreen, SiteScreen
from mist_pipeline_tests.support.overview.organisations import AT, HOSTILE, POLLED

pytestmark = pytest.mark.slow

NAMES = ("Berlin", "Bonn", *HOSTILE)
LABELS = display_names({f"site-{number}": name for number, name in enumerate(NAMES)})


def incident() -> IncidentNow:
    return IncidentNow(
        incident_id="3f2a9c1e00000000", severity="critical", state="open", progress="going on", began_at=POLLED,
        opened_at=POLLED, last_bad_at=None, resolved_at=None, where="Berlin", what="Coverage is bad.", site_ids=("site-0",), family="radio",
        acknowledged_by="", withheld="", num_alerts=1,
    )  # fmt: skip


def answer(number: int = len(NAMES), **more: object) -> Now:
    sites = [
        SiteNow(
            site_id=f"site-{one}", label=LABELS.get(f"site-{one}", f"Site {one}"), status="HEALTHY", last_status="HEALTHY",
            worst_metric="coverage", worst_pct=95.0, hours=(95.0,) * 24, groups=("North",),
            incident_ids=("3f2a9c1e00000000",) if one == 0 else (),
        )
        for one in range(number)
    ]  # fmt: skip
    facts: dict[str, object] = {
        "at": AT, "live": Source(name="live", as_of=POLLED, stale_after=timedelta(minutes=30)),
        "days": Source(name="days", as_of=POLLED), "ledger": Source(name="ledger", as_of=AT),
        "organisation": OrganisationNow(counts={"HEALTHY": number}), "pipeline": PipelineNow(last_poll=POLLED),
        "sites": sites, "incidents": [incident()],
    }  # fmt: skip
    return Now(**(facts | more))  # type: ignore[arg-type]


@dataclass
class Told:
    """A read model that says what a test wants, and can hang or fail."""

    said: Now = field(default_factory=answer)
    hangs: threading.Event | None = None

    def now(self, at: datetime) -> Now:
        if self.hangs is not None:
            self.hangs.wait(30)
        return self.said

    def site(self, site_id: str, at: datetime) -> SiteDetail:
        row = next(one for one in self.said.sites if one.site_id == site_id)
        said = self.said
        return SiteDetail(at=at, live=said.live, days=said.days, ledger=said.ledger, site=row)

    def incident(self, incident_id: str, at: datetime) -> IncidentDetail:
        raise UnreadableError("the ledger does not answer: it is gone")


@dataclass
class Noted:
    """Notes decisions; refuses them where a test says so."""

    who: str = "ada"
    refuses: str = ""
    done: list[tuple[str, ...]] = field(default_factory=list)

    def _note(self, *what: str) -> str:
        if self.refuses:
            raise ActionFailedError(self.refuses)
        self.done.append(what)
        return "It is done."

    def acknowledge(self, incident_id: str, at: datetime) -> str:
        return self._note("acknowledge", incident_id)

    def resolve(self, incident_id: str, at: datetime) -> str:
        return self._note("resolve", incident_id)

    def preview(self, matchers: str, at: datetime) -> str:
        if "nowhere" in matchers:
            raise ActionFailedError("there is no site 'nowhere'")
        return f"Covers 1 site for {matchers}"

    def silence(self, matchers: str, lasts_for: timedelta, comment: str, at: datetime) -> str:
        return self._note("silence", matchers, str(lasts_for), comment)

    def feedback(self, incident_id: str, verdict: Verdict, comment: str, at: datetime) -> str:
        return self._note("feedback", incident_id, verdict, comment)


Play = Callable[[WatchApp, Pilot[None]], Awaitable[None]]


def played(
    play: Play,
    told: Told | None = None,
    noted: Noted | None = None,
    size: tuple[int, int] = (80, 24),
    pages: Pages = NO_PAGES,
) -> None:
    """Play a session; it is over when ``play`` is."""

    async def session() -> None:
        app = WatchApp(told or Told(), noted or Noted(), lambda: AT, MainScreen, every=600, pages=pages)
        async with app.run_test(size=size) as pilot:
            if told is None or told.hangs is None:
                await until(pilot, lambda: app.now is not None)
            await play(app, pilot)

    asyncio.run(session())


async def until(pilot: Pilot[None], is_so: Callable[[], bool]) -> None:
    """Wait for a thread of the application."""
    for _ in range(300):
        await pilot.pause()
        if is_so():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it never came so")


def seen(app: WatchApp) -> str:
    """The text on the screen, line by line."""
    strips = app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip).rstrip() for strip in strips)


@pytest.mark.parametrize("size", [(80, 24), (160, 50), (30, 8)])
def test_the_screen_fits_and_shows_names_of_strangers_as_text(size: tuple[int, int]) -> None:
    async def play(app: WatchApp, pilot: Pilot[None]) -> None:
        text = seen(app)
        lines = text.splitlines()
        assert len(lines) == size[1]
        if size[0] >= 80:
            assert "Data of 14:45 UTC" in text
            assert "<script>aler" in text
            assert "[red]Köln" in text
        assert "\x1b" not in text

    played(play, size=size)


def test_typing_filters_and_escape_shows_all_again() -> None:
    async def play(app: WatchApp, pilot: Pilot[None]) -> None:
        await pilot.press("slash", *"bonn")
        await pilot.pause()
        assert "Bonn" in seen(app)
        assert "Berlin " not in seen(app).split("site", 1)[1]
        await pilot.press("x")
        await pilot.pause()
        assert f"No site of {len(NAMES)} fits 'bonnx'" in seen(app)
        await pilot.press("escape")
        await pilot.pause()
        assert "Berlin" in seen(app)

    played(play)


def test_sorting_grouping_and_help_are_a_key_away() -> None:
    async def play(app: WatchApp, pilot: Pilot[None]) -> None:
        await pilot.press("s", "g")
        await pilot.pause()
        assert "North" in seen(app)
        await pilot.press("question_mark")
        await pilot.pause()
        assert isinstance(app.screen, Help)
        assert "filter as you type" in seen(app)
        await pilot.press("escape")
        await pilot.pause()
        assert isinstance(app.screen, MainScreen)

    played(play)


@pytest.mark.parametrize(("key", "name"), [("a", "acknowledge"), ("R", "resolve")])
def test_a_decision_is_asked_for_and_then_made(key: str, name: str) -> None:
    noted = Noted()

    async def play(app: WatchApp, pilot: Pilot[None]) -> None:
        await pilot.press(key)
        await pilot.pause()
        assert isinstance(app.screen, Confirm)
        assert "as ada?" in seen(app)
        await pilot.press("escape")
        await pilot.pause()
        assert noted.done == []
        await pilot.press(key)
        await pilot.pause()
        await pilot.press("enter")
        await until(pilot, lambda: "It is done." in seen(app))

    played(play, noted=noted)
    assert noted.done == [(name, "3f2a9c1e00000000")]


@pytest.mark.parametrize(
    "keys",
    ["question_mark", "a", "R", "z", "c", "z enter", "c w enter"],
    ids=["help", "acknowledge", "resolve", "silence", "comment", "silence, sure?", "comment, sure?"],
)
def test_every_question_over_the_screen_is_as_approved(keys: str, snapshot: SnapshotAssertion) -> None:
    async def play(app: WatchApp, pilot: Pilot[None]) -> None:
        for key in keys.split():
            await pilot.press(key)
            await pilot.pause()
        await until(pilot, lambda: keys != "z" or "Covers 1 site" in seen(app))
        above_the_countdown, _, _ = seen(app).rpartition("\n")
        assert above_the_countdown == snapshot

    played(play)


@pytest.mark.parametrize("screen", [MainScreen, SiteScreen, IncidentScreen])
def test_every_screen_from_which_people_decide_says_about_what(screen: type[Acting]) -> None:
    assert issubclass(screen, ActingScreen)
    asked = [name for name in vars(Acting) if name.startswith("chosen_")]
    assert len(asked) == 3
    assert all(callable(getattr(screen, name, None)) for name in asked)


def test_a_decision_that_fails_says_why() -> None:
    async def play(app: WatchApp, pilot: Pilot[None]) -> None:
        await pilot.press("a")
        await pilot.pause()
        await pilot.press("y")
        await until(pilot, lambda: "Not done: the ledger does not answer" in seen(app))

    played(play, noted=Noted(refuses="the ledger does not answer"))


def test_a_silence_shows_what_it_covers_and_is_asked_for_twice() -> None:
    noted = Noted()

    async def play(app: WatchApp, pilot: Pilot[None]) -> None:
        await pilot.press("z")
        await until(pilot, lambda: 'Covers 1 site for site_id="site-0"' in seen(app))
        assert isinstance(app.screen, AskSilence)
        await pilot.press("backspace", "backspace", *"90m", "enter")
        await pilot.pause()
        assert "for 1 h 30 min, as ada?" in seen(app)
        await pilot.press("enter")
        await until(pilot, lambda: "It is done." in seen(app))

    played(play, noted=noted, size=(100, 30))
    assert noted.done == [("silence", 'site_id="site-0"', "1:30:00", "")]


def test_a_comment_is_asked_for_and_then_noted() -> None:
    noted = Noted()

    async def play(app: WatchApp, pilot: Pilot[None]) -> None:
        await pilot.press("c")
        await pilot.pause()
        assert isinstance(app.screen, AskComment)
        await pilot.press(*"odd", "tab", *"[red]fans", "enter")
        await pilot.pause()
        assert "'odd' is none of right, wrong" in seen(app)
        await pilot.press(*["backspace"] * 3, "w", "enter")
        await pilot.pause()
        assert "Note “wrong” for incident 3f2a9c1e, as ada?" in seen(app)
        assert "[red]fans" in seen(app)
        assert noted.done == []
        await pilot.press("enter")
        await until(pilot, lambda: "It is done." in seen(app))

    played(play, noted=noted, size=(100, 30))
    assert noted.done == [("feedback", "3f2a9c1e00000000", "wrong", "[red]fans")]


def test_the_page_of_a_site_and_of_an_incident_is_opened_once_that_is_confirmed() -> None:
    opened: list[str] = []
    pages = Pages("https://mist.example.com", lambda address: opened.append(address) is None)

    async def play(app: WatchApp, pilot: Pilot[None]) -> None:
        await pilot.press("o")
        await pilot.pause()
        assert "https://mist.example.com/site/site-0" in seen(app)
        await pilot.press("escape")
        await pilot.pause()
        assert opened == []
        for keys in (("o", "enter"), ("tab", "o", "enter")):
            for key in keys:
                await pilot.press(key)
                await pilot.pause()
            await until(pilot, lambda: "Opened https://" in seen(app))

    played(play, pages=pages)
    assert opened == [
        "https://mist.example.com/site/site-0",
        "https://mist.example.com/incident/3f2a9c1e00000000",
    ]


@pytest.mark.parametrize(
    ("pages", "says"),
    [
        (NO_PAGES, "No console is known: web.console_url"),
        (Pages("https://mist.example.com", lambda _: False), "No browser here; copied"),
    ],
)
def test_where_no_page_can_be_opened_it_says_so(pages: Pages, says: str) -> None:
    async def play(app: WatchApp, pilot: Pilot[None]) -> None:
        await pilot.press("o")
        await pilot.pause()
        if isinstance(app.screen, Confirm):
            await pilot.press("enter")
        await until(pilot, lambda: says in seen(app))

    played(play, pages=pages)


@pytest.mark.parametrize(("browser", "opens"), [("w3m", False), ("firefox", True)])
def test_a_browser_in_the_terminal_is_not_used(
    browser: str, opens: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Found(webbrowser.GenericBrowser):
        def open(self, url: str, new: int = 0, autoraise: bool = True) -> bool:
            return True

    monkeypatch.setattr(webbrowser, "get", lambda: Found([browser]))
    assert open_in_browser("https://mist.example.com") is opens


def test_a_site_draws_one_service_level_after_the_other() -> None:
    class Measured(Told):
        def site(self, site_id: str, at: datetime) -> SiteDetail:
            metrics = [MetricNow(metric=name, hours=(90.0,) * 24) for name in ("coverage", "roaming")]
            return replace(super().site(site_id, at), metrics=metrics)

    async def play(app: WatchApp, pilot: Pilot[None]) -> None:
        await pilot.press("enter")
        await until(pilot, lambda: "Coverage  " in seen(app))
        for key, title in (("m", "Roaming  "), ("m", "Coverage  "), ("M", "Roaming  ")):
            await pilot.press(key)
            await pilot.pause()
            assert f"{title}░░ usual" in seen(app)

    played(play, Measured(), size=(100, 40))


def test_a_silence_of_no_length_is_not_made() -> None:
    noted = Noted()

    async def play(app: WatchApp, pilot: Pilot[None]) -> None:
        await pilot.press("z")
        await pilot.pause()
        await pilot.press("backspace", "backspace", "x", "enter")
        await pilot.pause()
        assert "no length of time" in seen(app)
        assert isinstance(app.screen, AskSilence)

    played(play, noted=noted, size=(100, 30))
    assert noted.done == []


def test_a_site_and_an_incident_open_and_close() -> None:
    async def play(app: WatchApp, pilot: Pilot[None]) -> None:
        await pilot.press("enter")
        await until(pilot, lambda: "Service levels" in seen(app))
        assert "Berlin" in seen(app)
        await pilot.press("escape", "tab", "enter")
        await until(pilot, lambda: "the ledger does not answer: it is gone" in seen(app))
        await pilot.press("escape")
        await pilot.pause()
        assert isinstance(app.screen, MainScreen)

    played(play)


def test_a_dead_source_freezes_nothing() -> None:
    hangs = threading.Event()

    async def play(app: WatchApp, pilot: Pilot[None]) -> None:
        await pilot.press("r", "r", "question_mark")
        await pilot.pause()
        assert isinstance(app.screen, Help)
        assert sum(thread.name == "mist-pipeline watch" for thread in threading.enumerate()) == 1
        hangs.set()
        await until(pilot, lambda: app.now is not None)

    played(play, Told(hangs=hangs))


def test_a_defect_is_said_and_the_screen_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading, "excepthook", lambda _: None)

    class Broken(Told):
        def site(self, site_id: str, at: datetime) -> SiteDetail:
            raise ZeroDivisionError("[red]odd[/]")

    async def play(app: WatchApp, pilot: Pilot[None]) -> None:
        await pilot.press("enter")
        await until(pilot, lambda: "a defect of this program: ZeroDivisionError: [red]odd[/]" in seen(app))
        await pilot.press("escape")
        await pilot.pause()
        assert isinstance(app.screen, MainScreen)

    played(play, Broken())


def test_what_got_worse_is_marked_until_the_cursor_was_there() -> None:
    told = Told()

    async def play(app: WatchApp, pilot: Pilot[None]) -> None:
        rows = [
            replace(one, status="CRITICAL", last_status="CRITICAL") if one.site_id == "site-1" else one
            for one in told.said.sites
        ]
        told.said = replace(told.said, sites=rows)
        before = app.now
        await pilot.press("r")
        await until(pilot, lambda: app.now is not before)
        assert "»" in seen(app)
        await pilot.press("n")
        await pilot.pause()
        assert "»" not in seen(app)

    played(play, told)


def test_old_data_and_no_data_are_said() -> None:
    old = answer(live=Source(name="live", as_of=AT - timedelta(hours=3), stale_after=timedelta(minutes=30)))

    async def play_old(app: WatchApp, pilot: Pilot[None]) -> None:
        assert "OLD: data of 11:47 UTC, 3 h old" in seen(app)

    async def play_none(app: WatchApp, pilot: Pilot[None]) -> None:
        assert "No site is known yet" in seen(app)

    played(play_old, Told(old))
    played(
        play_none,
        Told(answer(0, incidents=[], live=Source(name="live", trouble="today.duckdb is not there"))),
    )


def test_three_thousand_sites_scroll_and_refresh_at_once() -> None:
    async def play(app: WatchApp, pilot: Pilot[None]) -> None:
        await pilot.press("end")
        await pilot.pause()
        assert "Site 999" in seen(app)
        head = app.screen.query_one("#head", Static)
        assert head.is_attached

    played(play, Told(answer(3000)))
