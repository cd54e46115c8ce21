"""The page of the organisation now."""

import csv
import re
from datetime import timedelta
from pathlib import Path

import pytest

from mist_pipeline_tests.support.overview.organisations import AT, Organisation
from mist_pipeline_tests.support.web.consoles import Client, client_of


def names(page: str) -> list[str]:
    """Labels of the sites in the order of their rows."""
    return re.findall(r'<th scope="row" class="name"><a href="[^"]*"><bdi>(.*?)</bdi>', page)


def test_the_worst_stand_first_with_what_changed(client: Client) -> None:
    page = client.get("/").body
    assert names(page)[:3] == ["Berlin", "Bonn", "Köln"]
    assert "1 incident going on" in page
    assert re.search(
        r'class="n">1</span>\s*<span class="w">.*?Critical</span>\s*<span class="c">\+1<', page, re.DOTALL
    )
    assert "Region" not in page
    assert "Polls are missing" not in page


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("q=bonn", ["Bonn"]),
        ("q=" + 'site_group%3D"South"' + "&sort=name", ["[red]Köln[/red] [link=http://x]"]),
        ("sort=score&down=1", ["Ulm"]),
        ("q=nowhere", []),
    ],
)
def test_sites_are_filtered_and_sorted_by_the_address(client: Client, query: str, first: list[str]) -> None:
    answer = client.get(f"/?{query}")
    assert answer.status == 200
    if first:
        assert first[0] in names(answer.body)
    else:
        assert "No site is meant by" in answer.body


def test_names_of_strangers_are_text(client: Client) -> None:
    page = client.get("/").body
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "\u202e" not in page
    assert "\x1b" not in page


def test_old_data_is_said_and_nothing_is_called_healthy(organisation: Organisation) -> None:
    page = client_of(organisation, clock=lambda: AT + timedelta(hours=2)).get("/").body
    assert "2 h 2 min old. Polls are missing" in page
    assert 'class="status healthy"' not in page


def test_without_any_data_the_page_says_what_brings_it(tmp_path: object) -> None:
    page = client_of(Organisation(tmp_path / "none", ())).get("/").body  # type: ignore[operator]
    assert "no data yet" in page
    assert "No site is known yet" in page
    assert "no ledger yet" in page


def test_what_is_damaged_is_said_and_not_taken_for_what_never_was(tmp_path: Path) -> None:
    made = Organisation(tmp_path, ("Berlin",)).make()
    for damaged in (made.places.live, made.places.published, tmp_path / "ledger.db"):
        damaged.write_bytes(b"neither of them" * 1000)
    client = client_of(made)
    page = client.get("/").body
    for file in ("today.duckdb", "mist.duckdb"):
        assert f"{file} cannot be read" in page
    assert "What incidents go on is not known" in page
    assert "ledger.db is damaged, or none" in page
    both = page + client.get("/pipeline").body
    assert both.count("not known") >= 5
    for never in ("none yet", "no data yet", "No day was analysed yet", "No incident"):
        assert never not in both


def test_the_sites_come_as_csv_that_computes_nothing(client: Client) -> None:
    answer = client.get("/?as=csv")
    assert answer.header("content-disposition") == 'attachment; filename="sites.csv"'
    rows = list(csv.DictReader(answer.body.splitlines()))
    assert {row["site_id"] for row in rows} >= {"site-0", "site-9"}
