"""Several incidents as one size: nobody and nothing is counted twice, and what is not known says why."""

from collections.abc import Sequence
from typing import Any

from mist_pipeline.alerts.impacts.model import Impact
from mist_pipeline.alerts.impacts.together import together
from mist_pipeline_tests.support.alerts.impacts import impact

NOT_ASKED = "users and devices: not asked: no API token is configured"


def sized(
    name: str, users: dict[str, int | None], lost: float | None = None, unknown: str = ""
) -> Sequence[Impact]:
    """An incident and its places."""
    common: dict[str, Any] = {"incident_id": name, "devices": (), "clients": (), "unknown": unknown}
    places = [
        impact(site_id=site, metric="coverage", num_sites=1, num_users=number, total_users=100, **common)
        for site, number in users.items()
    ]
    return [impact(num_sites=len(users), lost_user_minutes=lost, **common), *places]


def test_a_site_that_two_incidents_hit_counts_once() -> None:
    sizes = {"i1": sized("i1", {"a": 30, "b": 5}, 60.0), "i2": sized("i2", {"a": 12}, 90.0)}
    whole = together("digest-1", sizes, ["a", "b"], 120.0)
    assert whole is not None
    assert (whole.incident_id, whole.num_sites, whole.num_sites_asked) == ("digest-1", 2, 2)
    assert (whole.num_users, whole.total_users, whole.lost_user_minutes) == (35, 200, 120.0)
    assert whole.unknown == ""


def test_the_access_points_of_a_silent_site_count_though_nobody_was_asked_there() -> None:
    silent = [
        impact(incident_id="i2", num_users=None, num_aps=12, total_aps=12, devices=(), unknown="users: why")
    ]
    whole = together("d", {"i1": sized("i1", {"a": 30}, 60.0), "i2": silent}, ["a", "b"], 120.0)
    assert whole is not None
    assert (whole.num_users, whole.num_sites_asked, whole.num_aps, whole.total_aps) == (30, 1, 12, 12)
    assert whole.unknown == "users: why (1 of 2 incidents)"


def test_what_one_of_them_lost_is_lost_whatever_evidence_remembers() -> None:
    whole = together("d", {"i1": sized("i1", {"a": 1}, 60.0)}, ["a"], None)
    assert whole is not None
    assert whole.lost_user_minutes == 60.0


def test_what_is_not_known_says_why_and_of_how_many() -> None:
    sizes = {
        "i1": sized("i1", {"a": None}, unknown=NOT_ASKED),
        "i2": sized("i2", {"b": 4}, 1.0),
        "i3": (),
    }
    whole = together("d", sizes, "abc", 1.0)
    assert whole is not None
    assert (whole.num_users, whole.num_sites, whole.num_sites_asked) == (4, 3, 1)
    assert whole.unknown == f"{NOT_ASKED} (1 of 3 incidents); users: nobody has asked yet (1 of 3 incidents)"
    same = together("d", {name: sized(name, {"a": None}, unknown=NOT_ASKED) for name in "ab"}, "a", None)
    assert same is not None
    assert same.unknown == NOT_ASKED


def test_nothing_is_known_before_anybody_asked() -> None:
    assert together("d", {"i1": ()}, ["a"], None) is None
    assert together("d", {}, [], None) is None
