"""User-hours lost: the largest family of a site, sites added up, episodes that follow one another added up."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import polars as pl
import pytest

from mist_pipeline.alerts.impacts import size
from mist_pipeline_tests.support.alerts.histories import HOUR, START

Episode = tuple[str, str, float, float, float]


def known(*rows: Episode) -> pl.DataFrame:
    """site_id, family, first hour, last bad hour, user-minutes."""
    return pl.DataFrame(
        [(site, family, at(first), at(last), lost) for site, family, first, last, lost in rows],
        schema=size.EPISODES,
        orient="row",
    )


def at(hour: float) -> datetime:
    return START + hour * HOUR


def alerts(*rows: tuple[str, str, float, float], incident: str = "i") -> pl.DataFrame:
    instant = size.EPISODES["began_at"]
    return pl.DataFrame(
        [(incident, site, family, at(first), at(last)) for site, family, first, last in rows],
        schema={
            "incident_id": pl.String,
            "site_id": pl.String,
            "family": pl.String,
            "began_at": instant,
            "ended_at": instant,
        },
        orient="row",
    )


CASES: list[tuple[str, Sequence[Any], Sequence[Episode], float | None]] = [
    ("one episode", [("a", "radio", 0, 9)], [("a", "radio", 0, 5, 60.0)], 60.0),
    ("two sites", [("a", "radio", 0, 9), ("b", "radio", 0, 9)], [("a", "radio", 0, 5, 60.0), ("b", "radio", 1, 5, 30.0)], 90.0),
    ("two families of a site", [("a", "radio", 0, 9), ("a", "connect", 0, 9)], [("a", "radio", 0, 5, 60.0), ("a", "connect", 0, 5, 90.0)], 90.0),
    ("one after the other", [("a", "radio", 0, 40)], [("a", "radio", 0, 5, 60.0), ("a", "radio", 20, 25, 30.0)], 90.0),
    ("at the same time", [("a", "radio", 0, 40)], [("a", "radio", 0, 25, 60.0), ("a", "radio", 3, 22, 30.0)], 60.0),
    ("before the alert", [("a", "radio", 10, 40)], [("a", "radio", 0, 5, 60.0)], None),
    ("after its end", [("a", "radio", 0, 4)], [("a", "radio", 6, 9, 60.0)], None),
    ("of another family", [("a", "radio", 0, 9)], [("a", "connect", 0, 5, 60.0)], None),
    ("less than expected", [("a", "radio", 0, 9)], [("a", "radio", 0, 5, -5.0)], 0.0),
    ("nothing known", [("a", "radio", 0, 9)], [], None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("own", "episodes", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_the_loss_is_that_of_the_evidence_behind_the_alerts(
    own: Sequence[Any], episodes: Sequence[Episode], expected: float | None
) -> None:
    found = size.lost(alerts(*own), known(*episodes))
    assert found["lost_user_minutes"].to_list() == ([] if expected is None else [expected])


def evidence(*rows: tuple[float, float, float | None]) -> pl.DataFrame:
    """hour, began, lost."""
    return pl.DataFrame(
        [
            {
                "hour": at(hour),
                "site_id": "a",
                "family": "radio",
                "began_at": at(began) if lost is not None else None,
                "last_bad_at": at(hour) if lost is not None else None,
                "lost_user_minutes": lost,
                "recovery": 0.0,
            }
            for hour, began, lost in rows
        ],
        schema_overrides=size.EPISODES,
    )


def test_the_newest_word_on_an_episode_counts_and_rows_without_one_are_left_out() -> None:
    found = size.episodes(evidence((2, 1, 20.0), (3, 1, 50.0), (1, 1, 10.0), (4, 4, None)))
    assert found.select("began_at", "lost_user_minutes").rows() == [(at(1), 50.0)]


def test_what_is_remembered_is_replaced_by_the_fresh_word_and_forgotten_after_its_time() -> None:
    before = known(("a", "radio", 0, 5, 60.0), ("b", "radio", 0, 1, 10.0))
    kept = size.merged(before, known(("a", "radio", 0, 7, 80.0)), at(2))
    assert kept.select("site_id", "lost_user_minutes").rows() == [("a", 80.0)]


def test_three_thousand_sites_are_one_join() -> None:
    sites = [f"s{number}" for number in range(3000)]
    own = alerts(*((site, "radio", 0.0, 9.0) for site in sites))
    found = size.lost(own, known(*((site, "radio", 0.0, 5.0, 2.0) for site in sites)))
    assert found.row(0) == ("i", 6000.0, 3000)
    assert timedelta(minutes=found["lost_user_minutes"].item()) == timedelta(hours=100)
