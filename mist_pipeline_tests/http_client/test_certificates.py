"""Whom this machine trusts: its own certificate store, or a file; and what to do where nobody vouches for a server."""

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mist_pipeline.delivery.sink import Accepted, Retry
from mist_pipeline.delivery.sinks.webhook.sink import WebhookSink
from mist_pipeline.http_client.certificates import VARIABLES, CertificatesError, tls_context
from mist_pipeline.http_client.failures import NoAnswerError
from mist_pipeline.http_client.secrets import Secret
from mist_pipeline.http_client.session import HttpLimits, send
from mist_pipeline.mist.transport import Transport
from mist_pipeline_tests.support.delivery.messages import message
from mist_pipeline_tests.support.fakes.certificate import Signed, private_authority, server_context
from mist_pipeline_tests.support.fakes.fake_http import FakeHttp

LIMITS = HttpLimits(connect_seconds=30, read_seconds=30, total_seconds=30)
STORE = "SSL_CERT_FILE"
"""Where OpenSSL finds the store of the machine, if not where it was built to look."""


@pytest.fixture(autouse=True)
def _no_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*VARIABLES, STORE, "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def signed(tmp_path: Path) -> Signed:
    return private_authority(tmp_path)


@pytest.fixture
def server(signed: Signed) -> Iterator[FakeHttp]:
    with FakeHttp(server_context(signed.certificate)) as fake:
        yield fake


def failure(url: str) -> NoAnswerError:
    with pytest.raises(NoAnswerError) as caught:
        send("GET", url, limits=LIMITS)
    assert not caught.value.may_have_arrived
    return caught.value


def test_an_authority_that_nobody_knows_is_refused_and_the_error_names_the_remedy(server: FakeHttp) -> None:
    told = str(failure(server.url))
    assert "signed by an authority that this machine does not trust" in told
    assert "add that to the certificate store of this machine" in told
    assert "REQUESTS_CA_BUNDLE" in told
    assert server.requests == []


@pytest.mark.parametrize("variable", [STORE, *VARIABLES])
def test_an_authority_in_the_store_or_in_a_file_vouches_for_a_server(
    variable: str, server: FakeHttp, signed: Signed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, str(signed.authority))
    assert send("GET", server.url, limits=LIMITS).status == 200


def test_sinks_and_the_cloud_trust_the_same(
    server: FakeHttp, signed: Signed, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud, sink = Transport(server.url, LIMITS), WebhookSink("hook", Secret(server.url), Secret("k" * 16))
    assert isinstance(sink.send(message()), Retry)
    with pytest.raises(NoAnswerError, match="does not trust"):
        cloud.send("GET", "/api", {}, Secret("token"))
    monkeypatch.setenv(STORE, str(signed.authority))
    assert sink.send(message()) == Accepted()
    assert cloud.send("GET", "/api", {}, Secret("token")).status == 200
    cloud.close()


def test_a_file_is_trusted_instead_of_the_store(
    server: FakeHttp, signed: Signed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "other").mkdir()
    other = private_authority(tmp_path / "other")
    monkeypatch.setenv(STORE, str(signed.authority))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(other.authority))
    assert "does not trust" in str(failure(server.url))


def test_a_certificate_for_another_name_is_refused_and_the_error_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    signed = private_authority(tmp_path, "elsewhere.example.com")
    monkeypatch.setenv(STORE, str(signed.authority))
    with FakeHttp(server_context(signed.certificate)) as fake:
        assert "is for another host name" in str(failure(fake.url))
        assert fake.requests == []


def test_a_certificate_that_has_expired_is_refused_and_the_error_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    signed = private_authority(
        tmp_path, not_before=datetime(2020, 1, 1, tzinfo=UTC), not_after=datetime(2020, 2, 1, tzinfo=UTC)
    )
    monkeypatch.setenv(STORE, str(signed.authority))
    with FakeHttp(server_context(signed.certificate)) as fake:
        assert "has expired or is not valid yet" in str(failure(fake.url))


@pytest.mark.parametrize(
    ("content", "why"),
    [(None, "there is no such file"), ("no certificate\n", "it holds no certificates in PEM")],
    ids=["missing", "no certificates"],
)
def test_a_file_without_certificates_is_named_with_its_setting(
    content: str | None, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "ca.pem"
    if content is not None:
        place.write_text(content, encoding="utf-8")
    with pytest.raises(CertificatesError, match=f"ca_file names {place}, but {why}"):
        tls_context(place)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(place))
    assert str(failure("https://localhost:9")) == f"REQUESTS_CA_BUNDLE names {place}, but {why}"
    outcome = WebhookSink("hook", Secret("https://localhost:9/in"), Secret("k" * 16)).send(message())
    assert isinstance(outcome, Retry)
    # Where no certificate is needed, none is read.
    with FakeHttp() as plain:
        assert send("GET", plain.url, limits=LIMITS).status == 200


def test_certificates_and_names_are_always_checked() -> None:
    context = tls_context()
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2
