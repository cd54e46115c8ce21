"""Where tokens may go, and where people look."""

import pytest

from mist_pipeline.mist.clouds import CLOUDS, base_url, is_same_cloud, people_url


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("global-01", "https://api.mist.com"),
        (" EMEA-02 ", "https://api.gc3.mist.com"),
        ("https://api.eu.mist.com", "https://api.eu.mist.com"),
        ("https://api.eu.mist.com/", "https://api.eu.mist.com"),
        ("HTTPS://API.eu.mist.com:8443", "https://api.eu.mist.com:8443"),
        ("http://localhost:8080", "http://localhost:8080"),
        ("http://127.9.8.7:1", "http://127.9.8.7:1"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("https://mist.example", "https://mist.example"),
    ],
)
def test_a_region_or_an_address_becomes_a_base_url(given: str, expected: str) -> None:
    assert base_url(given) == expected


@pytest.mark.parametrize(
    "given",
    [
        "http://api.mist.com",
        "http://127.0.0.1.evil.example",
        "http://localhost.evil.example",
        "http://0.0.0.0:80",
        "http://10.0.0.1",
        "http://[::2]",
        "ftp://127.0.0.1",
        "https://user:secret@api.mist.com",
        "https://token@api.mist.com",
        "http://evil.example\\@127.0.0.1",
        "https://api.mist.com/api/v1",
        "https://api.mist.com?x=1",
        "https://api.mist.com#x",
        "https://",
        "https:///path",
        "https://api.mist.com:port",
        "https://api mist.com",
        "api.mist.com",
        "global-99",
        "",
    ],
)
def test_a_token_is_not_sent_there(given: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        base_url(given)


def test_credentials_in_an_address_are_not_repeated_in_the_error() -> None:
    with pytest.raises(ValueError, match="credentials") as caught:
        base_url("https://someone:hunter2@api.mist.com")
    assert "hunter2" not in str(caught.value)


def test_every_region_is_a_base_url_of_its_own() -> None:
    assert [base_url(name) for name in CLOUDS] == list(CLOUDS.values())
    assert len(set(CLOUDS.values())) == len(CLOUDS)


@pytest.mark.parametrize(
    ("api", "people"),
    [
        ("https://api.mist.com", "https://manage.mist.com"),
        ("https://api.gc1.mist.com", "https://manage.gc1.mist.com"),
        ("https://api.us.mist-federal.com", "https://manage.us.mist-federal.com"),
        ("http://127.0.0.1:8080", None),
        ("https://mist-proxy.example.com", None),
    ],
)
def test_links_lead_to_the_manage_host_and_nowhere_where_there_is_none(api: str, people: str | None) -> None:
    assert people_url(api) == people


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("https://api.mist.com", "https://api.mist.com:443", True),
        ("https://api.mist.com", "https://API.mist.com", True),
        ("http://127.0.0.1:1", "http://[::1]:2", True),
        ("https://api.mist.com", "https://api.eu.mist.com", False),
        ("https://proxy.example.com:1", "https://proxy.example.com:2", False),
        ("http://127.0.0.1:8600", "https://api.mist.com", False),
    ],
)
def test_a_cloud_is_its_host_and_a_simulated_one_has_many_ports(one: str, other: str, expected: bool) -> None:
    assert is_same_cloud(one, other) is expected
