"""The application around the pages: errors in words, headers, files."""

import html
import re
from collections import Counter

import pytest

from mist_pipeline_tests.support.web.consoles import Client

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("address", "status", "words"),
    [
        ("/?sort=nonsense", 400, "is one of status, name"),
        ("/?<script>=1", 400, "is not known here"),
        ("/nowhere", 404, "No page is at this address"),
        ("/nowhere?a=1&a=2", 404, "No page is at this address"),
    ],
)
def test_what_is_wrong_with_an_address_is_said_on_a_page(
    client: Client, address: str, status: int, words: str
) -> None:
    answer = client.get(address)
    assert (answer.status, words in answer.body) == (status, True)
    assert "<script>" not in answer.body


def test_every_answer_forbids_what_is_not_served_beside_it(client: Client) -> None:
    for address in ("/", "/nowhere"):
        policy = client.get(address).header("content-security-policy")
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy


def test_a_page_loads_files_that_are_kept_for_ever_and_holds_nothing_inline(client: Client) -> None:
    page = client.get("/").body
    loaded = re.findall(r'(?:href|src)="(/assets/[^"]+)"', page)
    assert len(loaded) == 3
    for address in loaded:
        answer = client.get(address)
        assert (answer.status, "immutable" in answer.header("cache-control")) == (200, True)
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|<script(?! src=)", page)
    assert client.get("/assets/earlier/console.css").header("cache-control") == "no-cache"
    assert client.get("/assets/x/no.css").status == 404


def test_every_link_of_every_page_leads_somewhere(client: Client) -> None:
    seen, waiting = {"/"}, ["/"]
    kinds: Counter[str] = Counter()
    while waiting:
        address = waiting.pop()
        answer = client.get(address)
        assert answer.status in {200, 303}, f"{address} answers {answer.status}"
        for found in re.findall(r'href="(/[^"#]*)', answer.body):
            link = html.unescape(found)
            # Every page, and one of each kind of state: a site has a hundred, of ranges, causes and charts.
            kind = re.sub(r"^/(\w*)[^?]*|=[^&]*", r"\1", link)
            is_page = "?" not in link
            if (
                link not in seen
                and "sort=" not in link
                and "&down=" not in link
                and (is_page or not kinds[kind])
            ):
                kinds[kind] += not is_page
                seen.add(link)
                waiting.append(link)
    assert {one.split("/")[1].partition("?")[0] for one in seen} >= {
        "site",
        "incident",
        "incidents",
        "silence",
        "assets",
    }
