"""What can be asked: paths and queries that hold nothing hostile."""

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mist_pipeline.mist import endpoints
from mist_pipeline.mist.endpoints import Call, Params, is_plain_id

ORG = "203d3d02-dbc0-4c1b-9f41-76896a3330f4"
SITE = "4ac1dcf4-9d8b-7211-65c4-057819f0862b"


def test_every_call_is_a_plain_value() -> None:
    call = endpoints.sites_sle(ORG, "wifi", 3600, 7200)
    assert call == endpoints.sites_sle(ORG, "wifi", 3600, 7200)
    assert (
        len({call, endpoints.sites_sle(ORG, "wifi", 3600, 7200), endpoints.sites_sle(ORG, "wan", 3600, 7200)})
        == 2
    )
    assert pickle.loads(pickle.dumps(call)) == call
    assert call.paging == "body"
    assert dict(call.params) == {"end": "7200", "limit": "1000", "sle": "wifi", "start": "3600"}


def test_parameters_are_sorted_texts_that_cannot_be_changed() -> None:
    params = Params(b=2, a="x")
    assert list(params.items()) == [("a", "x"), ("b", "2")]
    assert repr(params) == "Params(a='x', b='2')"
    assert params == {"a": "x", "b": "2"}
    with pytest.raises(KeyError):
        params["c"]
    with pytest.raises(TypeError):
        params["a"] = "y"  # type: ignore[index]


def test_devices_of_all_types_are_asked_for_because_the_cloud_defaults_to_access_points() -> None:
    assert endpoints.stats_devices(ORG).params["type"] == "all"


def test_a_metric_is_asked_for_in_the_clouds_own_spelling() -> None:
    call = endpoints.sle_summary(SITE, "application_health", 0, 60)
    assert call.path == f"/api/v1/sites/{SITE}/sle/site/{SITE}/metric/application_health/summary-trend"
    assert (call.site_id, call.spelling, call.paging) == (SITE, "application_health", "none")


@pytest.mark.parametrize(
    "hostile", ["", "..", ".", "a/b", "a b", "a?b", "a#b", "a%2fb", "a\nb", "é", "x" * 129, "a..b"]
)
@pytest.mark.parametrize(
    "make",
    [
        endpoints.org_sites,
        endpoints.sle_metrics,
        endpoints.stats_sites,
        endpoints.wlan_templates,
        endpoints.stats_devices,
        lambda value: endpoints.alarms(value, 0, 1),
        lambda value: endpoints.sle_summary(SITE, value, 0, 1),
        lambda value: endpoints.impact_summary(value, "capacity", 0, 1),
        lambda value: endpoints.impacted_devices(value, "capacity", "ap", 0, 1),
        lambda value: endpoints.impacted_people(value, "capacity", "wireless", 0, 1),
    ],
)
def test_a_hostile_id_never_becomes_part_of_a_path(make: object, hostile: str) -> None:
    with pytest.raises(ValueError, match="may not stand in a path"):
        make(hostile)  # type: ignore[operator]


@pytest.mark.parametrize(("start", "end"), [(10, 10), (11, 10), (-1, 10)])
def test_a_window_ends_after_its_start(start: int, end: int) -> None:
    with pytest.raises(ValueError, match="window"):
        endpoints.alarms(ORG, start, end)


@given(st.text())
def test_a_plain_id_never_leaves_its_folder(value: str) -> None:
    if is_plain_id(value):
        assert not set(value) & set("/\\ %?#\n\0")
        assert value not in (".", "..")


def test_a_call_without_query_has_empty_parameters() -> None:
    assert endpoints.usage() == Call("usage", "/api/v1/self/usage", Params(), "none")
