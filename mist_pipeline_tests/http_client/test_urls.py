"""Which addresses secrets may be sent to."""

import pytest

from mist_pipeline.http_client.urls import checked_base_url, checked_url, is_loopback


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


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/in/",
        "https://example.com/in",
        "https://example.com",
        "https://example.com/a?b=c%2Fd/&e=",
    ],
)
def test_an_address_is_given_back_as_it_is(url: str) -> None:
    assert checked_url(f" {url} ", "hook") == url


def test_an_address_below_which_an_api_lies_has_no_slash_at_its_end() -> None:
    assert checked_base_url(" https://example.com/jira/ ", "jira") == "https://example.com/jira"
    assert checked_base_url("http://localhost:8000", "jira") == "http://localhost:8000"
    with pytest.raises(ValueError, match=r"must not hold a query"):
        checked_base_url("https://example.com/jira?x=1", "jira")


@pytest.mark.parametrize(
    ("host", "expected"),
    [("LOCALHOST", True), ("127.0.0.1", True), ("::1", True), ("127.1", False), ("example", False)],
)
def test_only_this_machine_is_loopback(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected
