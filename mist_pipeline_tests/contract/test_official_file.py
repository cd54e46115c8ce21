"""Without the official file the contract is not silently kept: skipped with a message, or failed where it is required."""

import pytest

from mist_pipeline_tests.support.contract import official
from mist_pipeline_tests.support.contract.official import Contract, Exchange, judged_path

pytest_plugins = ["pytester"]

TEST = """
import pytest
from mist_pipeline_tests.support.contract import official
from mist_pipeline_tests.contract.conftest import contract

def test_it(contract):
    assert contract.document["paths"]
"""


@pytest.fixture
def elsewhere(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A test that needs the contract, in a checkout with nothing beside it."""
    monkeypatch.delenv("MIST_OPENAPI", raising=False)
    monkeypatch.delenv("REQUIRE_CONTRACT", raising=False)
    monkeypatch.setattr(official, "_HERE", pytester.path / "checkout")
    pytester.makepyfile(TEST)
    return pytester


def test_without_the_file_it_is_skipped_and_says_how_to_get_it(elsewhere: pytest.Pytester) -> None:
    result = elsewhere.runpytest_inprocess("-rs", "-p", "no:cacheprovider")
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(["*CONTRACT NOT RUN*MIST_OPENAPI*"])


@pytest.mark.slow
def test_where_it_is_required_its_absence_fails(
    elsewhere: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUIRE_CONTRACT", "1")
    result = elsewhere.runpytest_inprocess("-p", "no:cacheprovider")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*CONTRACT NOT RUN*"])


def test_a_path_in_the_environment_that_leads_nowhere_is_an_error(
    elsewhere: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MIST_OPENAPI", str(elsewhere.path / "nowhere.json"))
    result = elsewhere.runpytest_inprocess("-p", "no:cacheprovider")
    result.assert_outcomes(errors=1)


def test_the_environment_goes_before_what_lies_beside(
    elsewhere: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    beside = elsewhere.path / "shared" / "mist_openapi_subset.json"
    beside.parent.mkdir()
    beside.write_text("{}")
    assert official.find() == beside
    named = elsewhere.path / "named.json"
    named.write_text("{}")
    monkeypatch.setenv("MIST_OPENAPI", str(named))
    assert official.find() == named


@pytest.mark.parametrize(
    ("exchange", "wrong"),
    [
        (
            Exchange("GET", "/api/v1/self/usage", {}, {}, body=b'{"requests": 1, "request_limit": 5}'),
            "request",
        ),
        (
            Exchange(
                "GET",
                "/api/v1/orgs/not-a-uuid/sites",
                {"page": "0"},
                {"Authorization": "Token x"},
                body=b"[]",
            ),
            "request",
        ),
        (
            Exchange("GET", "/api/v1/self", {"colour": "red"}, {"Authorization": "Token x"}, body=b"{}"),
            "request",
        ),
        (
            Exchange(
                "GET", "/api/v1/self/usage", {}, {"Authorization": "Token x"}, body=b'{"requests": "1"}'
            ),
            "answer",
        ),
        (Exchange("GET", "/api/v1/self/usage", {}, {"Authorization": "Token x"}, body=b"{}"), "answer"),
        (
            Exchange("GET", "/api/v1/self/usage", {}, {"Authorization": "Token x"}, status=418, body=b"{}"),
            "answer",
        ),
        (Exchange("GET", "/api/v1/never", {}, {"Authorization": "Token x"}, body=b"{}"), "answer"),
    ],
)
def test_the_judge_condemns_what_is_wrong(contract: Contract, exchange: Exchange, wrong: str) -> None:
    if wrong == "request":
        assert contract.request_errors(exchange)
    else:
        assert contract.response_errors(exchange)


@pytest.mark.parametrize(
    ("path", "templates", "judged"),
    [
        (
            "/m/capacity/summary-trend",
            ["/m/{metric}/summary", "/m/{metric}/summary-trend"],
            "/m/capacity/summary-trend",
        ),
        ("/m/capacity/summary-trend", ["/m/{metric}/summary"], "/m/capacity/summary"),
        ("/m/capacity/summary", ["/m/{metric}/summary"], "/m/capacity/summary"),
    ],
)
def test_a_file_without_the_trend_is_judged_by_its_twin(path: str, templates: list[str], judged: str) -> None:
    assert judged_path(path, templates) == judged
