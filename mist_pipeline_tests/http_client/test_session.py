"""One policy for all requests: whose credentials, which proxy, how much of an answer, and what is never shown."""

from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from mist_pipeline.http_client import session
from mist_pipeline.http_client.failures import NoAnswerError
from mist_pipeline.http_client.secrets import Secret
from mist_pipeline.http_client.session import (
    USER_AGENT,
    HttpAnswer,
    HttpLimits,
    as_json,
    basic,
    bearer,
    client_version,
    open_session,
    send,
)
from mist_pipeline_tests.support.fakes.fake_http import FakeHttp, Reply

LIMITS = HttpLimits(connect_seconds=30, read_seconds=30, total_seconds=30, max_bytes=1 << 16)


def test_credentials_of_the_machine_do_not_replace_ours(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    with FakeHttp() as fake:
        send("GET", fake.url, headers={"Authorization": "Ours"}, limits=LIMITS)
        send("POST", fake.url, body=b"{}", auth=bearer(Secret("token")), limits=LIMITS)
        send("GET", fake.url, auth=basic("üser", Secret("pässword")), limits=LIMITS)
        sent = [request.headers["authorization"] for request in fake.requests]
    assert sent == ["Ours", "Bearer token", "Basic w7xzZXI6cMOkc3N3b3Jk"]


@pytest.mark.parametrize("token", ["", "t0ken\n", "two words", "tökén"])
def test_a_token_that_cannot_stand_in_a_header_is_an_error_that_does_not_show_it(token: str) -> None:
    with pytest.raises(ValueError, match="the token is empty or holds") as caught:
        bearer(Secret(token))
    assert not token or token not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "header"), [("https://ex ample/", "x"), ("http://127.0.0.1:9", "secret\r\nX: y")]
)
def test_a_request_that_cannot_be_made_was_never_sent_and_is_not_quoted(url: str, header: str) -> None:
    with pytest.raises(NoAnswerError, match="cannot be made") as caught:
        send("GET", url, headers={"X-Test": header}, limits=LIMITS)
    assert not caught.value.may_have_arrived
    assert header not in str(caught.value) or header == "x"
    assert caught.value.__context__ is None


def test_an_answer_without_end_is_cut_off() -> None:
    with FakeHttp() as fake:
        fake.script(Reply(200, b"x" * (LIMITS.max_bytes + 1)))
        with pytest.raises(NoAnswerError, match="larger than 65536 bytes"):
            send("GET", fake.url, limits=LIMITS)


def test_an_answer_that_takes_too_long_is_cut_off() -> None:
    with FakeHttp() as fake:
        fake.script(Reply(200, b"x"))
        with pytest.raises(NoAnswerError, match="took longer than 0 s"):
            send("GET", fake.url, limits=HttpLimits(total_seconds=0))


def test_the_proxy_of_the_machine_is_not_used_for_the_machine_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    with FakeHttp() as fake:
        assert send("GET", fake.url, limits=LIMITS).is_success


def test_a_redirect_is_an_answer_and_is_not_followed() -> None:
    with FakeHttp() as fake:
        fake.script(Reply(302, headers={"Location": f"{fake.url}/elsewhere"}))
        assert send("GET", fake.url, auth=bearer(Secret("token")), limits=LIMITS).status == 302
        assert len(fake.requests) == 1


def test_a_session_is_kept_open_where_one_is_given() -> None:
    with FakeHttp() as fake, open_session(fake.url) as kept:
        for _ in range(2):
            assert send("GET", fake.url, limits=LIMITS, session=kept).is_success
        assert {request.headers["user-agent"] for request in fake.requests} == {USER_AGENT}


def test_the_version_is_unknown_where_the_package_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    def not_installed(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(session, "version", not_installed)
    assert client_version() == "unknown"


@pytest.mark.parametrize("body", [b"", b"no json", b"\xff", b"[" * 100_000])
def test_a_body_that_is_no_document_is_none(body: bytes) -> None:
    assert HttpAnswer(200, {}, body).document() is None


def test_half_a_surrogate_pair_in_a_name_does_not_stop_a_message() -> None:
    assert as_json({"name": "a\ud800b"}) == b'{"name":"a?b"}'
