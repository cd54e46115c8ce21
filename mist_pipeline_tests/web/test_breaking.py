"""Every page against visitors who mean ill, files that are gone, locked or damaged, and several people at once."""

import re
import threading
from pathlib import Path
from urllib.parse import quote

import duckdb
import pytest

from mist_pipeline.overview.ledger import reading_ledger
from mist_pipeline.web.pages.registry import PAGES
from mist_pipeline_tests.support.overview.organisations import Organisation
from mist_pipeline_tests.support.web.consoles import Client, client_of

READ = [page.path for page in PAGES if not page.is_action]
VALUES = (
    '<script>alert(1)</script>"><img src=x onerror=alert(1)>{{7*7}}', "javascript:alert(1)", "' OR 1=1; DROP TABLE x --",
    "../../../etc/passwd", "-1", "1e9", "NaN", "9" * 400, "\x00\r\nSet-Cookie: a=b\u202e𝕏", "=~(((((", "a" * 401,
)  # fmt: skip


def target(path: str) -> str:
    """The address of a page, with a stranger in the place of every name."""
    return re.sub(r"\{\w+\}", quote("<script>alert(1)</script>", safe=""), path)


@pytest.mark.slow
@pytest.mark.parametrize("path", READ)
def test_no_value_of_any_parameter_breaks_a_page_or_stands_on_it_as_markup(client: Client, path: str) -> None:
    wrong = []
    address = target(path)
    known = re.search(r"this page knows ([^.<]*)", client.get(f"{address}?no-such-name=1").body)
    for name in known[1].replace("nothing", "q").split(", ") if known else ["q"]:
        for value in VALUES:
            answer = client.get(f"{address}?{name}={quote(value, safe='')}")
            is_bad = (
                answer.status not in {200, 303, 400, 404}
                or "<script>alert" in answer.body
                or "<img src=x" in answer.body
                or ">49<" in answer.body
                or 'href="javascript:' in answer.body
                or "a=b" in str(answer.headers)
            )
            if is_bad:
                wrong.append((answer.status, name, value))
    assert wrong == []


PLAIN = (
    "/",
    "/incidents",
    "/site/site-0",
    "/fleet",
    "/metrics",
    "/metric/capacity",
    "/reports",
    "/pipeline",
    "/scorecard",
    "/search?q=b",
)


@pytest.mark.slow
@pytest.mark.parametrize("damage", ["gone", "half", "locked"])
@pytest.mark.parametrize("name", ["mist.duckdb", "today.duckdb"])
def test_a_published_file_that_cannot_be_read_is_said_and_breaks_nothing(
    tmp_path: Path, name: str, damage: str
) -> None:
    made = Organisation(tmp_path, ("Berlin", "Bonn")).make()
    path = tmp_path / "published" / name
    holder = None
    if damage == "gone":
        path.unlink()
    elif damage == "half":
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    else:
        holder = duckdb.connect(str(path))
    client = client_of(made)
    answers = {address: client.get(address) for address in PLAIN}
    if holder is not None:
        holder.close()
    assert {address: answer.status for address, answer in answers.items() if answer.status != 200} == {}
    assert name in answers["/pipeline"].body


@pytest.mark.slow
def test_many_visitors_at_once_get_the_same_page(client: Client) -> None:
    found: dict[str, set[str]] = {address: set() for address in PLAIN}
    lock = threading.Lock()

    def visit(address: str) -> None:
        own = Client(client.app)
        for _ in range(2):
            body = re.sub(r'name="token" value="[^"]*"', "", own.get(address).body)
            with lock:
                found[address].add(body)

    visitors = [
        threading.Thread(target=visit, args=(address,), daemon=True) for address in PLAIN for _ in range(2)
    ]
    for one in visitors:
        one.start()
    for one in visitors:
        one.join(60)
    assert not [one.name for one in visitors if one.is_alive()]
    assert {address: len(bodies) for address, bodies in found.items() if len(bodies) != 1} == {}


def test_who_only_reads_the_ledger_makes_nothing_new(organisation: Organisation) -> None:
    overview = organisation.overview()
    before = overview.version()
    with reading_ledger(organisation.places.ledger, organisation.places.policy) as ledger:
        ledger.last_evaluation()
        during = overview.version()
    assert {before, during, overview.version()} == {before}


def test_a_form_of_one_tab_is_good_when_another_tab_has_decided(client: Client) -> None:
    first, second = Client(client.app, noted=[]), Client(client.app, noted=[])
    incident = re.search(r'href="(/incident/[^"]*)"', client.get("/incidents").body)
    assert incident
    form = f"{incident[1]}/acknowledge"
    tokens = [re.search(r'name="token" value="([^"]*)"', one.get(form).body)[1] for one in (first, second)]  # type: ignore[index]
    assert first.post(form, {"token": tokens[0]}).status == 303
    assert first.post(form, {"token": tokens[0]}).status == 303
    assert second.post(form, {"token": tokens[0]}).status == 403
    assert second.post(form, {"token": tokens[1]}).status == 303


@pytest.mark.parametrize("token", ["", "0", "f" * 64, "ä" * 64, "0" * 10_000])
def test_a_token_that_is_none_decides_nothing(client: Client, token: str) -> None:
    own = Client(client.app, noted=[])
    incident = re.search(r'href="(/incident/[^"]*)"', own.get("/incidents").body)
    assert incident
    assert own.post(f"{incident[1]}/acknowledge", {"token": token}).status == 403
