"""Incidents as lists, one incident, and search."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import pytest

from mist_pipeline.alerts.ledger.ledger import Ledger
from mist_pipeline.domain.console_links import ANSWERS, answer_urls
from mist_pipeline_tests.support.alerts.histories import episodes, excess, live
from mist_pipeline_tests.support.alerts.ledgers import TELL
from mist_pipeline_tests.support.overview.organisations import AT, Organisation
from mist_pipeline_tests.support.web.consoles import Client, client_of

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def address(organisation: Organisation) -> str:
    """Of the page of Berlin's incident."""
    _source, (incident,) = organisation.overview().incidents(AT)
    return f"/incident/{incident.incident_id}"


@pytest.mark.parametrize(
    ("query", "is_found"),
    [
        ("", True),
        ("q=berlin", True),
        ("q=bonn", False),
        ('q=site_group="North",severity="critical"', True),
        ('q=site_group="South"', False),
        ("state=over", False),
    ],
)
def test_the_list_is_filtered_by_words_and_matchers(client: Client, query: str, is_found: bool) -> None:
    page = client.get(f"/incidents?{quote(query, safe='=&')}")
    assert (page.status, ">Berlin</bdi>" in page.body) == (200, is_found)


def test_without_a_ledger_nobody_says_that_all_is_well(tmp_path: Path) -> None:
    page = client_of(Organisation(tmp_path / "none", ())).get("/incidents").body
    assert "No incident goes on" not in page
    assert "no ledger yet" in page


def test_an_incident_says_what_since_when_who_and_what_next(organisation: Organisation, address: str) -> None:
    def steps_for(metric: str, classifier: str, family: str) -> tuple[str, ...]:
        return (f"Look at {metric or family}.",)

    page = client_of(organisation, steps_for=steps_for).get(address).body
    for words in (
        "nobody has it yet",
        "1 h 47 min",
        "Look at ",
        "opened as critical",
        "Who was told",
        "Acknowledge",
    ):
        assert words in page, words
    assert 'href="/site/site-0"' in page


@pytest.mark.parametrize(
    ("recovery", "state", "said"),
    [(0.75, "", "<b>recovering</b> since"), (1.0, "?state=over", "<dt>Over</dt>")],
)
def test_trouble_lasted_until_its_last_bad_hour_however_long_that_took_to_be_known(
    tmp_path: Path, recovery: float, state: str, said: str
) -> None:
    made = Organisation(tmp_path / "own", ("Berlin",)).make()
    bad = live(
        11, excess(8, 10, site_id="site-0"), episodes=episodes({"site_id": "site-0", "began": 8, "last": 10})
    )
    good = live(14, episodes=episodes({"site_id": "site-0", "began": 8, "last": 10, "recovery": recovery}))
    with Ledger(made.places.ledger) as ledger:
        for evaluation in (bad, good):
            ledger.record_evaluation(evaluation, TELL)
    client = client_of(made)
    _source, (incident,) = made.overview().incidents(AT, over=bool(state))
    page = client.get(f"/incident/{incident.incident_id}").body
    assert said in page, page
    assert '<time datetime="2026-03-02T11:00:00Z"' in page.partition(said)[2][:60]
    assert re.search(r'<td class="num age">\s*3 h\s*</td>', client.get(f"/incidents{state}").body)


def test_what_is_not_there_is_said(client: Client) -> None:
    answer = client.get("/incident/<b>none")
    assert (answer.status, "There is no incident &lt;b&gt;none." in answer.body) == (404, True)


def test_a_ledger_that_cannot_be_read_is_no_missing_incident(tmp_path: Path) -> None:
    answer = client_of(Organisation(tmp_path / "none", ())).get("/incident/0123456789abcdef")
    assert (answer.status, "cannot be read just now" in answer.body) == (503, True)


@pytest.mark.parametrize(("typed", "found"), [("ulm", "/site/site-3"), ("site-1", "/site/site-1")])
def test_one_site_of_this_name_is_opened_at_once(client: Client, typed: str, found: str) -> None:
    answer = client.get(f"/search?q={typed}")
    assert (answer.status, answer.header("location")) == (303, found)


def test_search_finds_sites_and_incidents_and_shows_what_was_typed_as_text(
    client: Client, address: str
) -> None:
    page = client.get("/search?q=b").body
    assert ">Bonn</bdi>" in page
    assert f'href="{address}"' in page
    assert client.get(f"/search?q={address.rpartition('/')[2][:8]}").header("location") == address
    hostile = client.get('/search?q="><script>x').body
    assert "<script>x" not in hostile
    assert "No site and no incident" in hostile


KEY = "0123456789abcdef"


def linked(address: str, answer: str, at: datetime = AT) -> str:
    """A link of a message to an answer about the incident of an address."""
    return answer_urls("http://x", address.rpartition("/")[2], KEY, at)[answer].removeprefix("http://x")


class TestDeciding:
    """Each decision has a page that asks, and is carried out by its form alone."""

    @pytest.mark.parametrize("decision", ["acknowledge", "resolve", "feedback"])
    def test_following_a_link_decides_nothing(
        self, organisation: Organisation, address: str, decision: str
    ) -> None:
        client = client_of(organisation)
        page = client.get(f"{address}/{decision}")
        assert (page.status, 'method="post"' in page.body) == (200, True)
        assert client.noted == []

    def test_a_form_of_our_page_decides_in_the_name_of_whoever_sent_it(
        self, organisation: Organisation, address: str
    ) -> None:
        client = client_of(organisation)
        done = client.post(
            f"{address}/acknowledge", {"token": token(client.get(f"{address}/acknowledge").body)}
        )
        assert (done.status, done.header("location")) == (303, address)
        assert client.noted == [("acknowledge", "anna", address.rpartition("/")[2])]
        assert "acknowledged by anna" in client.get(address).body
        assert "acknowledged by anna" not in client.get(address).body, "it is told once"

    @pytest.mark.parametrize("harm", ["no token", "another token", "of another browser", "json"])
    def test_a_form_that_is_not_of_our_page_decides_nothing(
        self, organisation: Organisation, address: str, harm: str
    ) -> None:
        client = client_of(organisation)
        sent = {"token": token(client.get(f"{address}/acknowledge").body)}
        headers: dict[str, str] = {}
        if harm == "no token":
            sent = {}
        elif harm == "another token":
            sent = {"token": "0" * 64}
        elif harm == "of another browser":
            client.cookies = {"mist_pipeline_console": "0" * 32}
        else:
            headers = {"content_type": "application/json"}
        answer = client.post(f"{address}/acknowledge", sent, **headers)
        assert answer.status in {400, 403, 415}
        assert client.noted == []

    @pytest.mark.parametrize("answer", ANSWERS)
    def test_a_link_in_a_message_chooses_an_answer_and_only_its_form_keeps_it(
        self, organisation: Organisation, address: str, answer: str
    ) -> None:
        client = client_of(organisation, link_key=KEY)
        link = linked(address, answer)
        page = client.get(link)
        assert (page.status, client.noted) == (200, [])
        assert f'value="{answer}" required checked>' in page.body
        assert page.body.count(" checked>") == 1
        assert "Nothing is kept before you press the button." in page.body
        sent = {"token": token(page.body), "verdict": answer, "comment": "roof"}
        done = client.post(f"{address}/feedback", sent)
        assert (done.status, done.header("location")) == (303, address)
        assert client.noted == [("feedback", "anna", address.rpartition("/")[2], answer, "roof")]

    @pytest.mark.parametrize(
        ("change", "says"),
        [
            (lambda link: link.replace("verdict=wrong", "verdict=right"), "of no message of ours"),
            (lambda link: re.sub(r"until=\d+", "until=99999999999999999", link), "of no message of ours"),
            (lambda link: link.replace("signature=", "signature=%F0%9F%8D%95"), "of no message of ours"),
            (lambda link: link.partition("&until")[0], "of no message of ours"),
            (lambda link: link.replace("/feedback", "/resolve"), "of no message of ours"),
        ],
        ids=["another answer", "longer", "another signature", "unsigned", "another decision"],
    )
    def test_a_link_that_is_not_ours_chooses_nothing_and_says_so(
        self, organisation: Organisation, address: str, change: Callable[[str], str], says: str
    ) -> None:
        client = client_of(organisation, link_key=KEY)
        page = client.get(change(linked(address, "wrong")))
        assert (page.status, says in page.body, " checked>" in page.body) == (403, True, False)
        assert client_of(organisation).get(linked(address, "wrong")).status == 403, "no key, no link"

    def test_a_link_of_one_incident_is_none_of_another(
        self, organisation: Organisation, address: str
    ) -> None:
        link = linked("/incident/0000", "wrong").replace("/incident/0000", address)
        assert client_of(organisation, link_key=KEY).get(link).status == 403

    def test_an_old_link_says_until_when_it_was_good_and_one_can_answer_all_the_same(
        self, organisation: Organisation, address: str
    ) -> None:
        client = client_of(organisation, link_key=KEY)
        page = client.get(linked(address, "known", AT - timedelta(days=15)))
        assert page.status == 403
        assert "this link was good until 2026-03-01 14:47 UTC" in page.body
        sent = {"token": token(page.body), "verdict": "known"}
        assert client.post(f"{address}/feedback", sent).status == 303

    def test_a_link_keeps_nothing_where_nobody_decides(
        self, organisation: Organisation, address: str
    ) -> None:
        client = client_of(organisation, link_key=KEY, is_read_only=True)
        page = client.get(linked(address, "wrong"))
        assert "This console is read only." in page.body
        assert "<form method" not in page.body

    def test_a_silence_is_previewed_before_it_is_made(self, organisation: Organisation) -> None:
        client = client_of(organisation)
        page = client.get('/silence?matchers=site%3D"Bonn"&for=4h&comment=roof').body
        assert "Covers what site=&#34;Bonn&#34; means" in page
        assert client.noted == []
        form = dict(
            re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page.partition('method="post"')[2])
        )
        done = client.post("/silence", {**form, "matchers": 'site="Bonn"'})
        assert done.status == 303
        ((kind, who, matchers, length, comment),) = client.noted
        assert (kind, who, matchers, str(length), comment) == (
            "silence",
            "anna",
            'site="Bonn"',
            "4:00:00",
            "roof",
        )

    @pytest.mark.parametrize(("length", "status"), [("for ever", 400), ("2y", 400), ("90m", 200)])
    def test_a_length_that_is_none_is_refused(self, client: Client, length: str, status: int) -> None:
        assert client.get(f"/silence?for={length.replace(' ', '+')}").status == status

    def test_a_console_that_is_read_only_offers_and_takes_nothing(
        self, organisation: Organisation, address: str
    ) -> None:
        client = client_of(organisation, is_read_only=True)
        page = client.get(f"{address}/acknowledge").body
        assert "<form method" not in page
        assert "Acknowledge</a>" not in client.get(address).body
        assert client.post(f"{address}/acknowledge", {"token": "x"}).status == 403
        assert client.noted == []


def token(page: str) -> str:
    """What the form of a page sends along."""
    found = re.search(r'name="token" value="(\w+)"', page)
    assert found
    return found[1]


def test_what_changes_gives_another_version(tmp_path: Path) -> None:
    organisation = Organisation(tmp_path / "own", ("Berlin",)).make()
    overview = organisation.overview()
    versions = [overview.version(), overview.version()]
    organisation.show()
    versions.append(overview.version())
    with Ledger(organisation.places.ledger):
        pass
    versions.append(overview.version())
    assert versions[0] == versions[1]
    assert len(set(versions)) == 3
