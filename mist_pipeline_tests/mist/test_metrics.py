"""The metric catalogue: every spelling of the cloud leads to one canonical name."""

import pytest

from mist_pipeline.domain.metrics import CATALOGUE, canonical, in_groups, normalise


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("capacity", "capacity"),
        ("Time_To Connect ", "time-to-connect"),
        ("failed-to-connect", "successful-connect"),
        ("failed_to_connect", "successful-connect"),
        ("application_health", "application-health"),
        ("roaming-v2", None),
        ("", None),
    ],
)
def test_every_spelling_leads_to_one_name(spelling: str, name: str | None) -> None:
    assert canonical(spelling) == name


def test_names_and_spellings_are_normal_and_nobody_shares_one() -> None:
    spellings = [spelling for metric in CATALOGUE.values() for spelling in (metric.name, *metric.spellings)]
    assert len(spellings) == len(set(spellings))
    assert [normalise(spelling) for spelling in spellings] == spellings


def test_groups_are_picked_in_catalogue_order() -> None:
    assert [metric.name for metric in in_groups(["wan"])] == [
        "gateway-health",
        "wan-link-health",
        "application-health",
    ]
    assert {metric.group for metric in in_groups(["wired", "wifi"])} == {"wifi", "wired"}
    assert in_groups([]) == []
