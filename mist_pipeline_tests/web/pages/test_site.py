"""The page of one site."""

import csv
from datetime import timedelta

import pytest

from mist_pipeline_tests.support.overview.organisations import AT, Organisation
from mist_pipeline_tests.support.web.consoles import Client, client_of

pytestmark = pytest.mark.slow


def test_a_site_shows_what_it_is_how_it_is_and_what_goes_on(client: Client) -> None:
    page = client.get("/site/site-0").body
    assert "<h1><bdi>Berlin</bdi></h1>" in page
    assert "1 incident going on" in page
    assert "/silence?matchers=site_id%3D%22site-0%22" in page
    assert "Capacity" in page
    assert "24 hours: from" in page
    assert "30 days: from" in page


def test_a_site_that_nobody_knows_is_no_healthy_site(client: Client) -> None:
    answer = client.get("/site/%3Cb%3Enobody")
    assert answer.status == 404
    assert "There is no site &lt;b&gt;nobody." in answer.body


def test_a_warning_that_was_withheld_is_shown_as_such_and_warns_nobody(client: Client) -> None:
    warned, withheld = (client.get(f"/site/site-{one}").body for one in (1, 2))
    assert "2.4 d" in warned
    assert "Withheld: nobody is warned" not in warned
    assert '2.4 d <span class="why">withheld</span>' in withheld
    assert "Withheld: nobody is warned" in withheld
    assert "<dt>Expected critical</dt><dd>–" in withheld
    rows = list(csv.DictReader(client.get("/site/site-2?as=csv").body.splitlines()))
    assert [row["metric"] for row in rows if row["is_withheld"] == "True"] == ["roaming"]


def test_old_data_is_said_and_no_service_level_is_called_fine(organisation: Organisation) -> None:
    page = client_of(organisation, clock=lambda: AT + timedelta(hours=2)).get("/site/site-3").body
    assert "Service levels: data of" in page
    assert 'class="status healthy"' not in page


def test_names_of_strangers_are_text(client: Client) -> None:
    bodies = [client.get(f"/site/site-{number}").body for number in range(4, 10)]
    assert any("&lt;script&gt;alert(1)&lt;/script&gt;" in body for body in bodies)
    assert not any("<script>alert" in body for body in bodies)


def test_the_service_levels_come_as_csv(client: Client) -> None:
    answer = client.get("/site/site-0?as=csv")
    assert answer.header("content-disposition") == 'attachment; filename="service-levels.csv"'
    (first, *_) = csv.DictReader(answer.body.splitlines())
    assert first["severity"] == "critical"
