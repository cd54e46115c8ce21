"""The console in a real browser: what people do there, what they see, and that nothing is asked of any other place."""

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest

from mist_pipeline.alerts.ledger.ledger import Ledger
from mist_pipeline.domain.console_links import answer_urls
from mist_pipeline_tests.support.alerts.histories import finding, live
from mist_pipeline_tests.support.alerts.ledgers import TELL
from mist_pipeline_tests.support.chromium import needs_chromium
from mist_pipeline_tests.support.overview.organisations import AT, HOSTILE, Organisation
from mist_pipeline_tests.support.web.browser import Browser
from mist_pipeline_tests.support.web.serving import served

pytestmark = [pytest.mark.slow, needs_chromium]

NAMES = "tr[data-key] .name a"
LARGE = 3000
KEY = "0123456789abcdef"


@pytest.fixture(scope="module")
def organisation(tmp_path_factory: pytest.TempPathFactory) -> Organisation:
    """Berlin in trouble, more cities, hostile names; tests of this module decide and poll in it."""
    made = Organisation(
        tmp_path_factory.mktemp("browsed"), ("Berlin", "Bonn", "Köln", "Ulm", *HOSTILE)
    ).make()
    with Ledger(made.places.ledger) as ledger:
        for hour in (13, 14):
            ledger.record_evaluation(live(hour, finding("site-0", severity="critical")), TELL)
    return made


@pytest.fixture(scope="module")
def console(organisation: Organisation) -> Iterator[str]:
    with served(organisation) as address:
        yield address


def test_sites_are_sorted_filtered_and_found_again_by_the_back_button(tab: Browser, console: str) -> None:
    tab.open(console)
    assert tab.texts(NAMES)[:2] == ["Berlin", "Bonn"]
    tab.click(".sites thead a[href*='sort=score']")
    tab.click(".sites thead a[href*='down=1']")
    assert tab.texts(NAMES)[-1] == "Berlin"
    tab.type("#filter", "ulm")
    assert tab.texts(NAMES) == ["Ulm"]
    assert "sort=score" in tab.run("location.search")
    tab.run("window.isOld = true; history.back()")
    tab.settled()
    assert tab.texts(NAMES)[-1] == "Berlin"
    assert tab.run("document.querySelector('#filter').value") == ""
    tab.look(width=390)
    tab.open(console)
    assert tab.run("getComputedStyle(document.querySelector('.sites thead a')).display") == "block"
    tab.follow("Site")
    assert "sort=name" in tab.run("location.search")
    tab.look()


def test_a_slash_and_words_find_what_is_meant(tab: Browser, console: str) -> None:
    tab.open(console)
    tab.press("/", 191, "/")
    tab.until("document.activeElement.id === 'search'")
    tab.type("#search", "bo")
    assert "Bonn" in tab.texts("main th a")


def test_names_of_strangers_do_nothing(tab: Browser, console: str) -> None:
    for path in (
        "/",
        "/search?q=%3Cscript%3E",
        "/incidents?q=%3Cimg+src=x+onerror=alert(1)%3E",
    ):
        tab.open(f"{console}{path}")
        assert tab.run("document.scripts.length") == 1
        assert tab.run("document.images.length") == 0


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1600, "light")])
def test_pages_fit_and_anybody_can_read_them(
    tab: Browser, console: str, organisation: Organisation, width: int, scheme: str
) -> None:
    axe = files("axe_core_python").joinpath("axe.min.js").read_text(encoding="utf-8")
    _source, (incident,) = organisation.overview().incidents(AT)
    tab.look(width=width, scheme=scheme)
    wrong: dict[str, list[str]] = {}
    for path in (
        "/",
        "/site/site-0",
        "/incidents",
        f"/incident/{incident.incident_id}",
        '/silence?matchers=site%3D"Bonn"',
        "/search?q=b",
        "/fleet",
        "/metrics",
        "/metric/capacity",
        "/reports",
        "/pipeline",
        "/scorecard",
        "/none",
    ):
        tab.open(f"{console}{path}")
        assert tab.run("document.documentElement.scrollWidth") <= width, path
        tab.run(f"{axe}; 0")
        found = tab.run(
            "axe.run({runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice']}).then("
            "it => it.violations.flatMap(one => one.nodes.map(node => one.id + ' ' + node.html.slice(0, 150))))"
        )
        if found:
            wrong[path] = found
    tab.look()
    tab.complaints[:] = [one for one in tab.complaints if "/none" not in one]
    assert wrong == {}


def test_an_incident_is_taken_and_silenced_and_the_ledger_knows_by_whom(
    tab: Browser, console: str, organisation: Organisation
) -> None:
    tab.open(f"{console}/incidents")
    tab.click(".incidents .what a")
    tab.follow("Silence …")
    assert "Covers 1 site, and 1 incident going on" in tab.texts("#covers")[0]
    tab.type("#for", "90m")
    tab.follow("Silence for 90m")
    assert "1 incident silenced now" in tab.texts(".said")[0]
    tab.follow("Acknowledge")
    assert "Acknowledge this incident" in tab.texts("h1")[0]
    tab.follow("Acknowledge")
    assert "is acknowledged by anna" in tab.texts(".said")[0]
    with Ledger(organisation.places.ledger) as ledger:
        ((incident, _alerts),) = ledger.incidents(["acknowledged"])
        (silence,) = ledger.silences()
    assert (incident.acknowledged_by, silence.created_by) == ("anna", "anna")


def test_the_link_of_a_mail_asks_before_anything_is_kept(tab: Browser, organisation: Organisation) -> None:
    (incident,) = organisation.overview().incidents(AT)[1]
    name = incident.incident_id
    with served(organisation, link_key=KEY) as console:
        tab.open(answer_urls(console, name, KEY, AT)["known"])
        assert tab.run("document.querySelector('input[name=verdict]:checked').value") == "known"
        with Ledger(organisation.places.ledger) as ledger:
            assert ledger.records(name)["feedback"] == []
        tab.click("form.decide button")
        assert tab.run("location.pathname + location.search") == f"/incident/{name}"
        with Ledger(organisation.places.ledger) as ledger:
            (kept,) = ledger.records(name)["feedback"]
    assert (kept["verdict"], kept["by"]) == ("known", "anna")


def test_what_a_poll_found_is_there_without_a_reload(
    tab: Browser, console: str, organisation: Organisation
) -> None:
    tab.open(f"{console}/?sort=name")
    tab.run("window.isSame = true")
    row = "document.querySelector('tr[data-key=\"site-3\"]')"
    assert "Healthy" in tab.run(f"{row}.innerText")
    organisation.polled(organisation.warehouse, AT, site_3=42.0)
    organisation.show()
    tab.until(f"{row}.innerText.includes('Critical') && {row}.classList.contains('changed')")
    assert tab.run("window.isSame") is True
    assert not tab.run("document.querySelector('tr[data-key=\"site-1\"]').classList.contains('changed')")


def test_the_pointer_reads_the_numbers_of_a_chart_and_what_is_unfolded_stays_so(
    tab: Browser, console: str, organisation: Organisation
) -> None:
    tab.open(f"{console}/site/site-1")
    tab.run("document.querySelector('#numbers-capacity').open = true")
    box = tab.run(
        "(() => { const it = document.querySelector('#chart-capacity .field'); it.scrollIntoView({block: 'center'});"
        " const b = it.getBoundingClientRect(); return [b.left + b.width * 0.9, b.top + 20]; })()"
    )
    tab.call("Input.dispatchMouseEvent", type="mouseMoved", x=box[0], y=box[1])
    tab.until("document.querySelectorAll('.tip').length === 1")
    title, *entries = tab.texts(".tip")[0].splitlines()
    rows = tab.texts("#chart-capacity tbody tr")
    assert any(row.startswith(title) for row in rows)
    assert entries[0] == "Score"
    organisation.polled(organisation.warehouse, AT, site_1=41.0)
    organisation.show()
    tab.until("document.querySelector('#site h1 + p, #site').innerText.includes('41.0')")
    assert tab.run("document.querySelector('#numbers-capacity').open") is True


def test_three_thousand_sites_are_paged_and_filtered(tab: Browser, tmp_path: Path) -> None:
    names = [f"Store {number:04}" for number in range(LARGE)]
    with served(Organisation(tmp_path / "large", names).make(days=False)) as address:
        tab.open(address)
        assert len(tab.texts(NAMES)) == 100
        assert tab.run("document.documentElement.outerHTML.length") < 500_000
        assert "1–100 of 3,000" in tab.texts(".pager")[0]
        tab.click(".pager a[rel=next]")
        assert "101–200 of 3,000" in tab.texts(".pager")[0]
        tab.type("#filter", "store 2999")
        assert tab.texts(NAMES) == ["Store 2999"]
        tab.open(f"{address}/fleet")
        assert tab.run("document.querySelectorAll('[data-cells] a[tabindex=\"0\"]').length") == 2
        tab.run("document.querySelector('[data-cells] a').focus()")
        for key, code in (("ArrowRight", 39), ("ArrowDown", 40), ("End", 35)):
            before = tab.run("document.activeElement.href")
            tab.press(key, code)
            assert tab.run("document.activeElement.href") != before
        assert tab.run("document.documentElement.outerHTML.length") < 500_000
