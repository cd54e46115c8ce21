"""What a foreign web page can make a browser send reaches nothing; what people and their programs send does."""

from typing import NamedTuple

import pytest

from mist_pipeline.cli.serving.webserver import rules_of, signing_in
from mist_pipeline.guard.asgi import Guard
from mist_pipeline.guard.rules import names_of
from mist_pipeline.guard.sign_in import SignIn
from mist_pipeline.http_client.secrets import Secret
from mist_pipeline_tests.support.guard.asgi import Answer, Recorder, ask

MUTATION = "/graphql?query=mutation{setSensorCursor}"
JSON = ("Content-Type", "application/json")
HERE = ("Host", "localhost:3000")
TOKEN = "0123456789abcdef0123"


class Attack(NamedTuple):
    """A request, and what it is answered."""

    name: str
    status: int
    method: str
    target: str
    headers: list[tuple[str, str]]


ATTACKS = [
    Attack("a picture that is a mutation", 405, "GET", MUTATION, [HERE]),
    Attack("the same from a browser that says where it stands", 403, "GET", MUTATION,
           [HERE, ("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "no-cors"), ("Sec-Fetch-Dest", "image")]),
    Attack("a link that is a mutation", 405, "GET", MUTATION,
           [HERE, ("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "document")]),
    Attack("a mutation by HEAD", 405, "HEAD", MUTATION, [HERE]),
    Attack("its path in escapes", 405, "GET", "/%67raphql?query=mutation{a}", [HERE]),
    Attack("a form that sends text", 415, "POST", "/graphql", [HERE, ("Content-Type", "text/plain")]),
    Attack("text that mentions JSON", 415, "POST", "/graphql", [HERE, ("Content-Type", "text/plain; application/json")]),
    Attack("a form", 415, "POST", "/graphql", [HERE, ("Content-Type", "application/x-www-form-urlencoded")]),
    Attack("a POST that is asked by its query string", 415, "POST", MUTATION, [HERE]),
    Attack("a query as GraphQL", 415, "POST", "/graphql", [HERE, ("Content-Type", "application/graphql")]),
    Attack("a report of a materialisation by a form", 415, "POST", "/report_asset_materialization/live/findings", [HERE]),
    Attack("JSON of a foreign page", 403, "POST", "/graphql", [HERE, JSON, ("Origin", "https://evil.example")]),
    Attack("JSON of a page on another port", 403, "POST", "/graphql", [HERE, JSON, ("Origin", "http://localhost:8000")]),
    Attack("JSON of a page on another scheme's port", 403, "POST", "/graphql",
           [("Host", "localhost"), JSON, ("Origin", "http://localhost:443")]),
    Attack("JSON of a page in a sandbox", 403, "POST", "/graphql", [HERE, JSON, ("Origin", "null")]),
    Attack("JSON of an empty origin", 403, "POST", "/graphql", [HERE, JSON, ("Origin", "")]),
    Attack("an origin that begins like ours", 403, "POST", "/graphql",
           [HERE, JSON, ("Origin", "http://localhost:3000.evil.example")]),
    Attack("an origin with our name as its user", 403, "POST", "/graphql",
           [HERE, JSON, ("Origin", "http://localhost:3000@evil.example")]),
    Attack("an extension's origin", 403, "POST", "/graphql", [HERE, JSON, ("Origin", "chrome-extension://localhost:3000")]),
    Attack("two origins", 400, "POST", "/graphql", [HERE, JSON, ("Origin", "http://localhost:3000"), ("Origin", "null")]),
    Attack("a name that resolves to this machine", 421, "GET", "/", [("Host", "rebound.evil.example:3000")]),
    Attack("a rebound page's JSON", 421, "POST", "/graphql",
           [("Host", "rebound.evil.example"), JSON, ("Origin", "http://rebound.evil.example")]),
    Attack("a name that begins like ours", 421, "GET", "/", [("Host", "localhost.evil.example")]),
    Attack("another address", 421, "GET", "/", [("Host", "10.0.0.5:3000")]),
    Attack("no name", 400, "GET", "/", []),
    Attack("two names", 400, "GET", "/", [HERE, ("Host", "evil.example")]),
    Attack("a name with a user", 400, "GET", "/", [("Host", "localhost@evil.example")]),
    Attack("a frame", 403, "GET", "/",
           [HERE, ("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "iframe")]),
    Attack("a script of a page on another port", 403, "GET", "/download_debug/1",
           [HERE, ("Sec-Fetch-Site", "same-site"), ("Sec-Fetch-Mode", "no-cors"), ("Sec-Fetch-Dest", "script")]),
    Attack("a question whether it may", 405, "OPTIONS", "/graphql", [HERE]),
    Attack("another method", 405, "PUT", "/graphql", [HERE, JSON]),
    Attack("a WebSocket of a foreign page", 1008, "WEBSOCKET", "/graphql", [HERE, ("Origin", "https://evil.example")]),
    Attack("a WebSocket of a page on another port", 1008, "WEBSOCKET", "/graphql", [HERE, ("Origin", "http://localhost:8000")]),
    Attack("a WebSocket of a page in a sandbox", 1008, "WEBSOCKET", "/graphql", [HERE, ("Origin", "null")]),
    Attack("a WebSocket to a rebound name", 1008, "WEBSOCKET", "/graphql",
           [("Host", "evil.example"), ("Origin", "http://evil.example")]),
]  # fmt: skip

WELCOME = [
    Attack("the page itself", 200, "GET", "/", [HERE]),
    Attack("its page with a query", 200, "GET", "/runs?q=status:FAILURE", [HERE]),
    Attack("its playground", 200, "GET", "/graphql", [HERE]),
    Attack("a link of a message", 200, "GET", "/runs/1",
           [HERE, ("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "document")]),
    Attack("the page's own question", 200, "POST", "/graphql",
           [HERE, JSON, ("Origin", "http://localhost:3000"), ("Sec-Fetch-Site", "same-origin")]),
    Attack("JSON with a charset", 200, "POST", "/graphql", [HERE, ("Content-Type", "Application/JSON; charset=utf-8")]),
    Attack("a program", 200, "POST", "/graphql", [HERE, JSON]),
    Attack("a tunnel at another port", 200, "POST", "/graphql",
           [("Host", "127.0.0.1:13000"), JSON, ("Origin", "http://127.0.0.1:13000")]),
    Attack("the address of version 6", 200, "GET", "/", [("Host", "[::1]:3000")]),
    Attack("a name in capitals with a full stop", 200, "GET", "/", [("Host", "LOCALHOST.:3000")]),
    Attack("a proxy that keeps the name", 200, "POST", "/graphql",
           [("Host", "noc.example.com"), JSON, ("Origin", "https://noc.example.com")]),
    Attack("a proxy that calls us by our own name", 200, "POST", "/graphql",
           [("Host", "127.0.0.1:3000"), JSON, ("Origin", "https://noc.example.com")]),
    Attack("a WebSocket of the page", 101, "WEBSOCKET", "/graphql", [HERE, ("Origin", "http://localhost:3000")]),
    Attack("a WebSocket of a program", 101, "WEBSOCKET", "/graphql", [HERE]),
]  # fmt: skip


def sent(attack: Attack, *, is_read_only: bool = False, who: SignIn | None = None) -> tuple[Answer, Recorder]:
    reached = Recorder()
    rules = rules_of("127.0.0.1", ["noc.example.com"], is_read_only=is_read_only)
    return ask(Guard(reached, rules, who), attack.method, attack.target, attack.headers), reached


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_what_a_foreign_page_sends_reaches_nothing_and_says_why(attack: Attack) -> None:
    answer, recorder = sent(attack)
    assert recorder.reached == []
    assert answer.status == attack.status
    if attack.method != "WEBSOCKET":
        assert answer.body.startswith("Refused: ")


@pytest.mark.parametrize("request_", WELCOME, ids=lambda request_: request_.name)
def test_what_people_and_programs_send_is_answered(request_: Attack) -> None:
    answer, recorder = sent(request_)
    assert answer.status == request_.status
    assert len(recorder.reached) == 1


def test_a_refusal_shows_nothing_that_it_was_sent_but_in_one_line() -> None:
    hostile = Attack("", 421, "GET", "/", [("Host", "\x7f<script>" + "x" * 500)])
    assert sent(hostile)[0].status == 421
    assert "\x7f" not in sent(hostile)[0].body
    assert len(sent(hostile)[0].body) < 300


def test_no_answer_may_be_framed_or_read_by_another_page() -> None:
    for attack in (ATTACKS[0], WELCOME[0]):
        answer, _ = sent(attack)
        assert answer.header("X-Frame-Options") == "DENY"
        assert "frame-ancestors 'none'" in answer.header("Content-Security-Policy")
        assert answer.header("Cross-Origin-Resource-Policy") == "same-origin"
        assert answer.header("X-Content-Type-Options") == "nosniff"


@pytest.mark.parametrize(
    ("method", "target", "status"),
    [
        ("POST", "/graphql", 200),  # what it asks to be changed, Dagster refuses
        ("POST", "/report_asset_check/live/findings", 403),
        ("GET", "/runs", 200),
    ],
)
def test_read_only_lets_nothing_through_but_questions(method: str, target: str, status: int) -> None:
    assert sent(Attack("", status, method, target, [HERE, JSON]), is_read_only=True)[0].status == status


class TestToken:
    WHO = SignIn(Secret(TOKEN))

    def test_without_it_nobody_gets_in_and_people_get_a_form(self) -> None:
        for request_ in WELCOME:
            answer, recorder = sent(request_, who=self.WHO)
            assert recorder.reached == []
            assert answer.status == (1008 if request_.method == "WEBSOCKET" else 401)
        page, _ = sent(Attack("", 401, "GET", "/runs", [HERE, ("Accept", "text/html,*/*")]), who=self.WHO)
        assert '<form method="post" action="/sign-in">' in page.body
        assert "<script" not in page.body

    def test_programs_send_it_with_each_request(self) -> None:
        for request_ in WELCOME:
            known = request_._replace(headers=[*request_.headers, ("Authorization", f"Bearer {TOKEN}")])
            assert sent(known, who=self.WHO)[0].status == request_.status

    @pytest.mark.parametrize(
        "header",
        [
            ("Authorization", f"Bearer {TOKEN}x"),
            ("Authorization", "Bearer "),
            ("Authorization", f"Basic {TOKEN}"),
            ("Authorization", "Bearer \xff"),
            ("Cookie", f"mist_pipeline={TOKEN}"),
            ("Cookie", "\x00=;;=\xff"),
        ],
        ids=repr,
    )
    def test_what_is_not_it_is_refused(self, header: tuple[str, str]) -> None:
        assert sent(Attack("", 401, "GET", "/", [HERE, header]), who=self.WHO)[0].status == 401

    def signed_in(self, body: bytes | None, *headers: tuple[str, str]) -> tuple[Answer, Recorder]:
        recorder = Recorder()
        guard = Guard(recorder, rules_of("127.0.0.1", [], is_read_only=True), self.WHO)
        form = ("Content-Type", "application/x-www-form-urlencoded")
        return ask(guard, "POST", "/sign-in", [HERE, form, *headers], body), recorder

    def test_who_types_it_gets_a_cookie_that_is_not_it_and_opens_everything(self) -> None:
        answer, recorder = self.signed_in(f"token={TOKEN}".encode(), ("Origin", "http://localhost:3000"))
        cookie = answer.header("Set-Cookie")
        assert (answer.status, recorder.reached) == (303, [])
        assert TOKEN not in cookie
        assert "HttpOnly; SameSite=Lax" in cookie
        for request_ in WELCOME:
            known = request_._replace(
                headers=[*request_.headers, ("Cookie", "a=b"), ("Cookie", cookie.split(";")[0])]
            )
            assert sent(known, who=self.WHO)[0].status == request_.status

    @pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
    def test_the_cookie_is_of_no_use_to_a_foreign_page(self, attack: Attack) -> None:
        cookie = self.signed_in(f"token={TOKEN}".encode())[0].header("Set-Cookie").split(";")[0]
        known = attack._replace(headers=[*attack.headers, ("Cookie", cookie)])
        answer, recorder = sent(known, who=self.WHO)
        assert (answer.status, recorder.reached) == (attack.status, [])

    @pytest.mark.parametrize(
        ("body", "status"),
        [
            (b"token=wrong", 401),
            (b"", 401),
            (b"\xff\xfe", 401),
            (b"&".join([b"token=a"] * 9), 401),
            (b"token=" + b"x" * 5000, 413),
        ],
        ids=["wrong", "nothing", "no text", "many", "much"],
    )
    def test_another_form_opens_nothing(self, body: bytes, status: int) -> None:
        answer, recorder = self.signed_in(body)
        assert (answer.status, recorder.reached) == (status, [])
        assert answer.header("Set-Cookie") == ""

    def test_a_foreign_page_signs_nobody_in(self) -> None:
        answer, _ = self.signed_in(f"token={TOKEN}".encode(), ("Origin", "https://evil.example"))
        assert answer.status == 403

    def test_a_short_one_is_refused_and_not_quoted(self) -> None:
        with pytest.raises(
            ValueError, match="MIST_PIPELINE_UI_TOKEN has fewer than 16 characters"
        ) as refused:
            signing_in({"MIST_PIPELINE_UI_TOKEN": "hunter2"})
        assert "hunter2" not in str(refused.value)
        assert signing_in({}) is None
        assert signing_in({"MIST_PIPELINE_UI_TOKEN": f"{TOKEN}\n"}) is not None


@pytest.mark.parametrize("bound", ["0.0.0.0", "::", ""])
def test_every_address_of_the_machine_needs_a_name_by_which_it_is_called(bound: str) -> None:
    with pytest.raises(ValueError, match="--allowed-host"):
        names_of(bound)
    assert names_of(bound, ["NOC.example.com:8443"]) >= {"noc.example.com:8443", "localhost"}


@pytest.mark.parametrize("name", ["*", "*.example.com", "http://noc.example.com", "a b", "", "a:port", "a@b"])
def test_what_is_no_name_of_a_host_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="is no name of a host"):
        names_of("127.0.0.1", [name])


def test_a_name_with_a_port_holds_for_that_port_only() -> None:
    reached = Recorder()
    guard = Guard(reached, rules_of("127.0.0.1", ["noc.example.com:8443"], is_read_only=False))
    asked = {
        port: ask(guard, "GET", "/", [("Host", f"noc.example.com{port}")]).status
        for port in (":8443", ":80", "")
    }
    assert asked == {":8443": 200, ":80": 421, "": 421}


def test_the_usual_port_may_be_left_out_and_a_name_may_have_any_letters() -> None:
    guard = Guard(Recorder(), rules_of("127.0.0.1", ["münchen.example:443"], is_read_only=False))
    headers = [("Host", "xn--mnchen-3ya.example"), ("Origin", "https://xn--mnchen-3ya.example"), JSON]
    assert ask(guard, "POST", "/graphql", headers).status == 200


@pytest.mark.parametrize(
    ("bound", "allowed", "host", "origin", "status"),
    [
        ("192.168.1.5", [], "192.168.1.5:3000", "http://192.168.1.5:3000", 200),
        ("192.168.1.5", [], "192.168.1.5:3000", "http://192.168.1.5", 403),
        ("192.168.1.5", [], "192.168.1.5:3000", "https://192.168.1.5", 403),
        ("192.168.1.5", [], "192.168.1.5:3000", "https://192.168.1.5:8443", 403),
        ("192.168.1.5", [], "localhost:3000", "http://192.168.1.5", 403),
        ("nas.local", [], "nas.local:3000", "http://nas.local", 403),
        ("fd00::5", [], "[fd00::5]:3000", "http://[fd00::5]", 403),
        ("0.0.0.0", ["noc.example.com"], "noc.example.com:3000", "http://noc.example.com:3000", 200),
        ("0.0.0.0", ["noc.example.com"], "noc.example.com:3000", "http://noc.example.com", 403),
        ("192.168.1.5", ["noc.example.com"], "192.168.1.5:3000", "https://noc.example.com", 200),
        ("127.0.0.1", ["noc.example.com"], "noc.example.com", "https://noc.example.com", 200),
        ("127.0.0.1", ["noc.example.com:8443"], "127.0.0.1:3000", "https://noc.example.com:8443", 200),
        ("127.0.0.1", ["noc.example.com:8443"], "127.0.0.1:3000", "https://noc.example.com", 403),
        (
            "127.0.0.1",
            ["noc.example.com", "noc.example.com:8443"],
            "noc.example.com",
            "https://noc.example.com:8443",
            200,
        ),
        ("127.0.0.1", ["localhost"], "localhost:3000", "http://localhost", 403),
    ],
)
def test_another_service_at_the_usual_ports_of_the_machine_is_foreign_and_a_named_proxy_is_not(
    bound: str, allowed: list[str], host: str, origin: str, status: int
) -> None:
    guard = Guard(Recorder(), rules_of(bound, allowed, is_read_only=False))
    headers = [("Host", host), ("Origin", origin)]
    assert ask(guard, "POST", "/graphql", [*headers, JSON]).status == status
    assert ask(guard, "WEBSOCKET", "/graphql", headers).status == (101 if status == 200 else 1008)
