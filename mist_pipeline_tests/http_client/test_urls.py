"""Which addresses secrets may be sent to."""

import pytest

from mist_pipeline.http_client.urls import checked_url, is_loopback


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("http://example.com/x", "must be https"),
        ("ftp://example.com/x", "must be https"),
        ("example.com", "give a whole URL"),
        ("https://user:pw@example.com", "must not hold credentials"),
        ("https://example.com/#x", "fragment"),
        ("https://example.com:port/", "not a URL"),
        ("https://example.com/\r\nX: y", "control characters"),
    ],
)
def test_an_address_that_secrets_must_not_go_to_is_an_error(url: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint) as caught:
        checked_url(url, "hook")
    assert "pw" not in str(caught.value)


def test_an_address_is_given_back_without_its_last_slash() -> None:
    assert checked_url(" https://example.com/in/ ", "hook") == "https://example.com/in"
    assert checked_url("http://localhost:8000", "hook") == "http://localhost:8000"


@pytest.mark.parametrize(
    ("host", "expected"),
    [("LOCALHOST", True), ("127.0.0.1", True), ("::1", True), ("127.1", False), ("example", False)],
)
def test_only_this_machine_is_loopback(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected
