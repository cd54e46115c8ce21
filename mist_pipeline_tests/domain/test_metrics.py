"""The catalogue: every spelling of the cloud leads to one name, and every name to a title."""

from pathlib import Path

import pytest
import yaml

import mist_pipeline
from mist_pipeline.domain.metrics import (
    CATALOGUE,
    CLASSIFIERS,
    canonical,
    classifier_title,
    in_catalogue_order,
    in_groups,
    normalise,
    title_of,
)
from mist_pipeline.simulator.world.metric_profiles import PROFILES


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


def test_every_classifier_has_a_normal_name_and_a_title_in_one_line() -> None:
    for name, title in CLASSIFIERS.items():
        assert normalise(name) == name
        assert title == title.strip()
        assert title[:1].isupper()


def test_every_classifier_of_the_simulated_cloud_is_in_the_catalogue() -> None:
    simulated = {normalise(name) for profile in PROFILES.values() for name in profile.classifiers}
    assert simulated <= set(CLASSIFIERS)


@pytest.mark.parametrize(
    ("classifier", "title"),
    [
        ("IP-Services", "IP services"),
        ("client_usage", "Client usage"),
        ("quantum-noise", "Quantum noise"),
        ("", ""),
    ],
)
def test_a_classifier_has_a_title_in_any_spelling(classifier: str, title: str) -> None:
    assert classifier_title(classifier) == title


def test_metrics_are_shown_in_catalogue_order_and_unknown_ones_last() -> None:
    assert in_catalogue_order(["zebra", "roaming", "ant", "capacity", "roaming"]) == [
        "capacity",
        "roaming",
        "ant",
        "zebra",
    ]
    assert title_of("ap-health") == "AP health"
    assert title_of("zebra") == "zebra"


def test_every_classifier_with_remediation_steps_is_in_the_catalogue_or_begins_names_of_it() -> None:
    steps = yaml.safe_load(
        (Path(mist_pipeline.__file__).parent / "delivery" / "rendering" / "remediation.yaml").read_text(
            encoding="utf-8"
        )
    )
    beginnings = {
        beginning for metric in steps["metrics"].values() for beginning in metric.get("classifiers", {})
    }
    unknown = {one for one in beginnings if not any(name.startswith(one) for name in CLASSIFIERS)}
    assert not unknown
