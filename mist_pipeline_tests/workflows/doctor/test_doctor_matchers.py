"""Matchers of the configuration that match nothing that is known are told, and stop nothing."""

from pathlib import Path

import polars as pl
import pytest

from mist_pipeline.settings import Settings, load_settings
from mist_pipeline.workflows.doctor.telling import matchers
from mist_pipeline.workflows.ledger_access import remember_sites

CONFIGURATION = """
organisation: {names: {g1: North}}
notifications:
  sinks: {all: {type: file}}
  routes:
    - {name: good, sinks: [all], match: 'site_group="North"'}
    - {name: bad, sinks: [all], match: 'site="Colonge"'}
    - {name: rest, sinks: [all]}
  maintenance:
    - {name: twins, match: 'site="Lab"', ends_at: 2030-01-01T00:00:00Z}
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "config.yaml").write_text(CONFIGURATION, encoding="utf-8")
    return load_settings(environment={"MIST_PIPELINE_DATA": str(tmp_path)})


def seen(settings: Settings, **names: str) -> None:
    rows = [
        {
            "site_id": site_id,
            "name": name,
            "timezone": "UTC",
            "country_code": "DE",
            "sitegroup_ids": ["g1"],
            "attributes": "{}",
        }
        for site_id, name in names.items()
    ]
    remember_sites(settings, pl.DataFrame(rows))


def test_before_any_site_was_seen_nothing_can_be_said(settings: Settings) -> None:
    (check,) = matchers(settings)
    assert (check.verdict, check.found) == ("fine", "not checked: no site was seen yet")


def test_a_misspelt_site_and_a_name_that_several_have_are_told_with_what_was_meant(
    settings: Settings,
) -> None:
    seen(settings, s1="Cologne", s2="Lab", s3="LAB")
    found = {check.subject: check for check in matchers(settings)}
    assert found.keys() == {"route bad", "maintenance twins"}
    assert found["route bad"].found == "no site is 'Colonge'; did you mean 'Cologne'?"
    assert found["maintenance twins"].found == 'site="Lab" is about 2 sites: s2, s3'
    assert {check.verdict for check in found.values()} == {"doubtful"}


def test_where_all_match_it_says_so(settings: Settings) -> None:
    seen(settings, s1="Colonge", s2="Lab")
    (check,) = matchers(settings)
    assert check.verdict == "fine"
