"""Sizes of incidents are kept, read back, and copied for analysts without the names of people."""

import pytest

from mist_pipeline.alerts.ledger.ledger import Ledger
from mist_pipeline.tables import alerts as tables
from mist_pipeline_tests.support.alerts.histories import HOUR, START
from mist_pipeline_tests.support.alerts.impacts import impact


def test_the_newest_size_comes_back_as_it_was_kept_the_whole_first(ledger: Ledger) -> None:
    part = impact(as_of=START + HOUR, site_id="s1", metric="coverage", clients=(), parts={})
    whole = impact(as_of=START + HOUR, occasion="hourly")
    ledger.record_impacts([impact(), part, whole, impact(incident_id="i2")])
    assert ledger.impacts(["i1", "i2", "nobody"]) == {"i1": [whole, part], "i2": [impact(incident_id="i2")]}
    assert ledger.impacts([]) == {}


def test_the_same_instant_again_replaces_its_row(ledger: Ledger) -> None:
    ledger.record_impacts([impact()])
    ledger.record_impacts([impact(num_users=7)])
    assert ledger.impacts(["i1"]) == {"i1": [impact(num_users=7)]}


def test_the_copy_for_analysts_has_no_names_of_people(ledger: Ledger) -> None:
    ledger.record_impacts([impact()])
    frame = ledger.frames()["impacts"]
    assert tables.IMPACTS.conform(frame).height == 1
    assert "clients" not in frame.columns
    assert "anna" not in frame.write_json()
    assert "a483e7390000" not in frame.write_json()


@pytest.mark.parametrize("many", [1, pytest.param(1200, marks=pytest.mark.slow)])
def test_many_incidents_are_read_in_few_queries(ledger: Ledger, many: int) -> None:
    ledger.record_impacts([impact(incident_id=f"i{number}") for number in range(many)])
    assert len(ledger.impacts(f"i{number}" for number in range(many))) == many
