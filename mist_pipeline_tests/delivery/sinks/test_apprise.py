"""Apprise against a real receiver: what arrives, what a failure means, and that neither log nor error holds a secret."""

import logging
import subprocess
import sys
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mist_pipeline.delivery.sink import Accepted, Refused, Retry
from mist_pipeline.delivery.sinks.apprise.markdown import markdown
from mist_pipeline.delivery.sinks.apprise.sink import AppriseSink
from mist_pipeline.http_client.secrets import Secret
from mist_pipeline_tests.support.delivery.messages import HOSTILE, alert, incident, message, resolved, site
from mist_pipeline_tests.support.delivery.retry_table import ELSEWHERE
from mist_pipeline_tests.support.fakes.fake_http import FakeHttp, Reply

pytestmark = pytest.mark.slow

USER, PASSWORD, PATH = "mist-user", "pass/word+1", "t0ken-in-the-path"
TITLE = "Mist: Coverage is critical at Store 1"
SECRETS = (USER, PASSWORD, "pass%2Fword%2B1", PATH)


@pytest.fixture
def fake() -> Iterator[FakeHttp]:
    with FakeHttp() as server:
        yield server


class Log(logging.Handler):
    """All that reaches the root logger from Apprise."""

    def __init__(self) -> None:
        super().__init__(0)
        self.text = ""

    def emit(self, record: logging.LogRecord) -> None:
        if record.name.startswith("apprise"):
            self.text += f"{record.getMessage()}\n"


@pytest.fixture
def log() -> Iterator[Log]:
    """What a process that logs everything would write."""
    # Not caplog: that one listens to loggers that hand nothing on, too.
    handler, root, apprise = Log(), logging.getLogger(), logging.getLogger("apprise")
    before = root.level, apprise.level
    root.addHandler(handler)
    root.setLevel(1)
    apprise.setLevel(1)
    yield handler
    root.removeHandler(handler)
    root.setLevel(before[0])
    apprise.setLevel(before[1])


def sink(fake: FakeHttp, options: str = "") -> AppriseSink:
    host = fake.url.removeprefix("http://")
    return AppriseSink("others", Secret(f"json://{USER}:pass%2Fword%2B1@{host}/{PATH}{options}"))


def test_a_message_arrives_at_a_program_as_plain_text_with_its_headline(fake: FakeHttp) -> None:
    assert sink(fake).send(message()) == Accepted({"title": TITLE})
    [seen] = fake.requests
    told = seen.document()
    assert seen.path == f"/{PATH}"
    assert told["title"] == TITLE
    assert told["message"].startswith("CRITICAL: Coverage is critical at Store 1\n")
    assert "First message about this incident." in told["message"]
    assert "Report of the day: https://reports.example.com/latest.html" in told["message"]


@pytest.mark.parametrize(
    ("severity", "expected"),
    [("critical", "failure"), ("major", "warning"), ("warning", "warning"), ("info", "info")],
)
def test_its_colour_is_the_severity(severity: str, expected: str, fake: FakeHttp) -> None:
    sink(fake).send(message(incident(severity=severity)))
    assert fake.requests[0].document()["type"] == expected


def test_what_is_over_is_a_success(fake: FakeHttp) -> None:
    sink(fake).send(message(resolved(incident()), "all_resolved"))
    assert fake.requests[0].document()["type"] == "success"


def test_a_long_incident_is_cut_and_says_so(fake: FakeHttp) -> None:
    sink(fake).send(message(incident(400)))
    text = fake.requests[0].document()["message"]
    assert len(text) <= 3_000
    assert "more" in text


@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500, 503])
def test_a_failure_is_tried_again_and_says_why(status: int, fake: FakeHttp) -> None:
    fake.script(Reply(status, f"{PATH} is no good".encode()))
    outcome = sink(fake).send(message())
    assert isinstance(outcome, Retry)
    assert f"error={status}" in outcome.error
    assert len(fake.requests) == 1


@pytest.mark.parametrize("behaviour", ["reset", "truncate"])
def test_a_broken_connection_is_no_crash(behaviour: str, fake: FakeHttp) -> None:
    fake.script(Reply(behaviour=behaviour))  # type: ignore[arg-type]
    assert isinstance(sink(fake).send(message()), Retry)


def test_nobody_there_is_tried_again_without_saying_where() -> None:
    with FakeHttp() as gone:
        target = sink(gone)
    outcome = target.send(message())
    assert isinstance(outcome, Retry)
    assert "onnection" in outcome.error
    assert "127.0.0.1" not in outcome.error


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(status: int, fake: FakeHttp) -> None:
    with FakeHttp() as elsewhere:
        fake.script(Reply(status, headers={"Location": f"{elsewhere.url}/elsewhere"}))
        assert isinstance(sink(fake).send(message()), Retry)
        assert elsewhere.requests == []


def test_a_message_of_unknown_fate_is_sent_again(fake: FakeHttp) -> None:
    target = sink(fake)
    assert target.send(message()) == target.recover(message(attempt=2)) == Accepted({"title": TITLE})
    assert len(fake.requests) == 2


def test_a_recipient_is_refused_before_anything_is_sent(fake: FakeHttp) -> None:
    target = sink(fake)
    assert target.problem_with("") is None
    assert target.problem_with("somebody") == "Apprise sends to the address of its configuration only"
    assert isinstance(target.send(message(recipient="somebody")), Refused)
    assert fake.requests == []


@pytest.mark.parametrize(
    "name", [HOSTILE, "@everyone", "<!channel> <@U123> <script>", "http://@everyone", "\\n{{ 7*7 }} &amp;"]
)
def test_no_name_rings_for_everybody_or_adds_a_line(name: str, fake: FakeHttp) -> None:
    about = incident(alerts=(alert(site(1, name)),), title=f"Coverage is critical at {name}", cause=name)
    plain = incident(title="Coverage is critical", cause="x")
    sink(fake).send(message(plain))
    assert isinstance(sink(fake).send(message(about)), Accepted)
    expected, told = (seen.document() for seen in fake.requests)
    for text in (told["title"], told["message"]):
        assert not set("@<>\r\x1b\u202e") & set(text)
    assert len(told["message"].splitlines()) == len(expected["message"].splitlines())


def test_our_own_links_survive(fake: FakeHttp) -> None:
    sink(fake).send(message(incident(report_url="https://reports.example.com/@noc/latest.html?a=1&b=2")))
    text = fake.requests[0].document()["message"]
    assert "https://reports.example.com/%40noc/latest.html?a=1&b=2" in text


def markdown_sink(fake: FakeHttp, options: str = "?format=markdown") -> AppriseSink:
    """A service that shows Markdown where its address asks for it."""
    return AppriseSink("push", Secret(f"ntfy://{fake.url.removeprefix('http://')}/topic{options}"))


def test_a_service_that_shows_markdown_gets_it(fake: FakeHttp) -> None:
    assert isinstance(markdown_sink(fake).send(message(incident(2))), Accepted)
    assert isinstance(markdown_sink(fake, "").send(message(incident(2))), Accepted)
    marked, plain = (seen.document()["message"] for seen in fake.requests)
    assert marked.startswith("**CRITICAL: Coverage is critical at 2 sites**\n")
    assert "- **Severity:** critical" in marked
    assert "[Report of the day](https://reports.example.com/latest.html)" in marked
    assert "**" not in plain


def test_all_messages_about_an_incident_have_the_title_of_the_first(fake: FakeHttp) -> None:
    first = sink(fake).send(message())
    assert isinstance(first, Accepted)
    over = resolved(incident(3, title="called otherwise"))
    assert sink(fake).send(message(over, "all_resolved", 2, reference=first.reference)) == first
    told, ended = (seen.document() for seen in fake.requests)
    assert told["title"] == ended["title"] == TITLE
    assert ended["message"].startswith("RESOLVED after 2 h 10 min: called otherwise")
    sink(fake).send(message(reason="test"))
    assert fake.requests[-1].document()["title"] == f"[Test] {TITLE}"


DISCORD = f"discord://{'1' * 18}/{'a' * 64}"


@pytest.mark.parametrize(
    ("address", "said"),
    [
        (DISCORD, "a title of at most 250 characters and at most 2,000 characters of Markdown"),
        (f"wxteams://{'a' * 80}", "no title of its own and at most 990 characters of Markdown"),
        ("json://localhost", "a title of at most 250 characters and at most 3,000 characters of plain text"),
        (f"{DISCORD}?format=text", "characters of plain text"),
    ],
)
def test_it_says_what_the_service_takes_and_cannot_do(address: str, said: str) -> None:
    (concern,) = AppriseSink("others", Secret(address)).examine()
    assert said in concern.found
    assert "a message cannot be updated, nobody can acknowledge there" in concern.found
    assert (concern.fix, concern.is_hindrance) == ("", False)
    assert "a" * 20 not in concern.found


names = st.text(max_size=200) | st.text(alphabet="*_`[]()#\\|~>@<\n\u202e", max_size=200)


@given(name=names, sites=st.integers(0, 60), budget=st.integers(1, 3000), is_over=st.booleans())
@settings(max_examples=60, deadline=None)
def test_any_incident_is_markdown_within_any_limit_in_which_names_are_no_markup(
    name: str, sites: int, budget: int, is_over: bool
) -> None:
    alerts = tuple(alert(site(number, name), summaries=(name,)) for number in range(sites))
    about = incident(1, title=name, cause=name, alerts=alerts, remediation=(name or "x",) * 3)
    text = markdown(message(resolved(about) if is_over else about), budget, str)
    assert 0 < len(text) <= budget
    assert "\u202e" not in text


def test_markup_in_a_name_is_shown_and_does_nothing() -> None:
    named = "[click](https://evil.example) **bold** `code` a_b # x"
    about = incident(title=named, cause=named, alerts=(alert(site(1, named)),))
    text = markdown(message(about), 3_000, str)
    shown = "\\[click\\](https://evil.example) \\*\\*bold\\*\\* \\`code\\` a\\_b \\# x"
    assert text.startswith(f"**CRITICAL: {shown}**\n")
    assert named not in text


UNKNOWN = [
    "",
    "no address",
    f"unheardof://{PASSWORD}@example.com",
    f"tgram://{PASSWORD}",
    "json://",
    f"json://one.example.com/{PASSWORD}, json://two.example.com",
]


@pytest.mark.parametrize("address", UNKNOWN)
def test_an_address_that_is_none_is_an_error_that_does_not_quote_it(
    address: str, log: Log, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ValueError, match="apprise of others: Apprise knows no such address") as caught:
        AppriseSink("others", Secret(address))
    shown = f"{caught.value} {log.text} {''.join(capfd.readouterr())}"
    assert PASSWORD not in shown


@given(st.text(st.characters(codec="utf-8"), min_size=8, max_size=40))
@settings(max_examples=60, deadline=None)
def test_no_error_quotes_an_address_whatever_it_is(rest: str) -> None:
    said = set()
    for address in (rest, f"unheardof://{rest}", f"tgram://{rest}/1", f"json://:{rest}"):
        try:
            AppriseSink("others", Secret(address))
        except ValueError as error:
            said.add(str(error))
    assert said <= {"apprise of others: Apprise knows no such address; give one, as its documentation has it"}


@pytest.mark.parametrize("reply", [Reply(), Reply(500, PATH.encode()), Reply(behaviour="reset")])
def test_neither_log_nor_error_nor_repr_holds_a_secret(
    reply: Reply,
    fake: FakeHttp,
    log: Log,
    capfd: pytest.CaptureFixture[str],
) -> None:
    fake.script(reply)
    target = sink(fake)
    outcome = target.send(message())
    shown = f"{outcome!r} {target!r} {log.text} {''.join(capfd.readouterr())}"
    assert [secret for secret in SECRETS if secret in shown] == []


def test_apprise_is_not_imported_unless_it_is_used() -> None:
    code = (
        "import sys; import mist_pipeline.delivery.sinks.apprise.sink; from mist_pipeline.settings import load_settings;"
        "sinks = '{files: {type: file}}';"
        "load_settings(environment={'MIST_PIPELINE__NOTIFICATIONS__SINKS': sinks}).sinks();"
        "sys.exit('apprise' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_address_of_a_redirect_is_not_in_the_error(fake: FakeHttp) -> None:
    fake.script(Reply(302, headers={"Location": ELSEWHERE}))
    outcome = sink(fake).send(message())
    assert isinstance(outcome, Retry)
    assert ELSEWHERE not in outcome.error
