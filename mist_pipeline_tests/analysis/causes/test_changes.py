"""Configuration changes as causes: named where they came before trouble that their sites share beyond chance, and only there."""

import json
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from mist_pipeline.analysis.causes.candidates import candidate_causes
from mist_pipeline.analysis.causes.changes import Changed, candidates
from mist_pipeline.tables import history

DAY = date(2026, 11, 20)
BAD = datetime(2026, 11, 20, 11, tzinfo=UTC)
"""Start of the first bad hour."""
EVERYONE = [f"s{number:03d}" for number in range(60)]
TEMPLATE = EVERYONE[:12]
SCATTERED = EVERYONE[::9]
NO_RATES = pl.DataFrame(schema={"site_id": pl.String, "family": pl.String, "rate": pl.Float64})


def sites() -> pl.DataFrame:
    return pl.DataFrame(
        {
            "site_id": EVERYONE,
            "name": [f"Shop {name}" for name in EVERYONE],
            "country_code": ["DE"] * 60,
            "sitegroup_ids": [[f"g{number % 4}"] for number in range(60)],
            "attributes": [
                json.dumps({"templates": ["t1"] if one in TEMPLATE else ["t2"]}) for one in EVERYONE
            ],
        }
    )


def flags(degraded: Iterable[str], family: str = "connect") -> pl.DataFrame:
    bad = set(degraded)
    return pl.DataFrame(
        [(DAY, one, "time-to-connect", family, one in bad, "dhcp-stuck" if one in bad else None) for one in EVERYONE],
        schema={
            "day": pl.Date, "site_id": pl.String, "metric": pl.String, "family": pl.String, "is_degraded": pl.Boolean,
            "classifier": pl.String,
        },
        orient="row",
    )  # fmt: skip


def onsets(degraded: Iterable[str], began_at: datetime = BAD, family: str = "connect") -> pl.DataFrame:
    return pl.DataFrame(
        [(DAY, one, family, began_at) for one in degraded],
        schema={"day": pl.Date, "site_id": pl.String, "family": pl.String, "began_at": pl.Datetime("us", "UTC")},
        orient="row",
    )  # fmt: skip


def entry(minutes_before: float = 25, **more: Any) -> dict[str, Any]:
    return {
        "change_id": "c1", "changed_at": BAD - timedelta(minutes=minutes_before), "action": "updated",
        "kind": "network_template", "object_id": "t1", "title": "Retail", "site_ids": TEMPLATE, "state": "ok", **more,
    }  # fmt: skip


def entries(*rows: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame([{"day": DAY, **row} for row in rows], schema=history.CHANGES.polars_schema())


def causes(degraded: Iterable[str], *rows: dict[str, Any], began: pl.DataFrame | None = None) -> pl.DataFrame:
    known = onsets(degraded) if began is None else began
    found = candidate_causes(flags(degraded), sites(), NO_RATES, changed=Changed(entries(*rows), known))
    return found.filter(pl.col("scope") == "infrastructure")


def told(degraded: Iterable[str], *rows: dict[str, Any], began: pl.DataFrame | None = None) -> list[str]:
    """Ids of the changes that causes name."""
    evidence = [json.loads(text) for text in causes(degraded, *rows, began=began)["evidence"]]
    return [one["change"]["change_id"] for one in evidence if "change" in one]


def test_a_change_of_a_template_stands_behind_the_cause_that_its_sites_share() -> None:
    (row,) = causes(TEMPLATE, entry()).rows(named=True)
    assert (row["attribute"], row["value"]) == ("template", "t1")
    assert row["cause"] == (
        "DHCP stuck at 12 of 12 sites of template t1 → DHCP service as configured by that template, where "
        "network template “Retail” was updated 25 min before the first bad hour by an administrator, at 12 of 12 sites"
    )
    evidence = json.loads(row["evidence"])
    assert evidence["lift"] == 5.0
    assert evidence["change"] == {
        "change_id": "c1", "kind": "network_template", "action": "updated", "title": "Retail",
        "changed_at": "2026-11-20T10:35:00+00:00", "minutes_before": 25.0, "sites_before": 12, "sites_hit": 12,
    }  # fmt: skip


def test_a_change_of_sites_that_share_nothing_else_is_the_cause_with_a_p_value() -> None:
    made = [
        entry(120 - number, change_id=f"u{number}", site_ids=[one], kind="firmware", action="upgraded", object_id=None, title="AP45 to 0.14")
        for number, one in enumerate(SCATTERED)
    ]  # fmt: skip
    (row,) = causes(SCATTERED, *made).rows(named=True)
    assert (row["attribute"], row["value"]) == ("change", "u0")
    assert row["p_value"] < 1e-6
    assert row["cause"].endswith(
        "at 7 of 7 sites with one change in common → firmware “AP45 to 0.14” was upgraded 1 h 57 min before the first bad hour "
        "by an administrator, at 7 of 7 sites (DHCP service)"
    )


@pytest.mark.parametrize(
    ("minutes_before", "is_told"),
    [(-61, False), (-59, True), (0, True), (24 * 60, True), (24 * 60 + 1, False)],
)
def test_only_what_came_before_within_a_day_or_in_the_first_bad_hour_is_named(
    minutes_before: float, *, is_told: bool
) -> None:
    assert told(TEMPLATE, entry(minutes_before)) == (["c1"] if is_told else [])


def test_a_change_in_the_first_bad_hour_is_said_to_be_in_it() -> None:
    (cause,) = causes(TEMPLATE, entry(-10))["cause"]
    assert "was updated in the first bad hour by an administrator" in cause


@pytest.mark.parametrize(
    "harmless",
    [
        {"kind": "other"},
        {"site_ids": None},
        {"site_ids": []},
        {"site_ids": TEMPLATE[:2]},
        {"site_ids": EVERYONE[30:]},
        {"site_ids": EVERYONE},
        {"state": "missing", "change_id": "", "changed_at": None},
    ],
)
def test_what_is_no_change_that_these_sites_share_is_not_named(harmless: dict[str, Any]) -> None:
    (row,) = causes(TEMPLATE, entry(**harmless)).rows(named=True)
    assert (row["attribute"], "change" in json.loads(row["evidence"])) == ("template", False)


def test_trouble_that_many_of_its_sites_had_before_is_none_of_the_change() -> None:
    for early, named in ((2, ["c1"]), (3, [])):
        began = pl.concat([onsets(TEMPLATE[:early], BAD - timedelta(hours=9)), onsets(TEMPLATE[early:])])
        assert told(TEMPLATE, entry(), began=began) == named


def test_a_site_of_which_nobody_knows_since_when_counts_as_not_preceded() -> None:
    assert told(TEMPLATE, entry(), began=onsets(TEMPLATE[:9])) == []
    assert told(TEMPLATE, entry(), began=onsets(TEMPLATE, family="radio")) == []


def test_what_is_saved_again_is_one_change_from_its_first_entry_on_and_the_nearest_of_two_is_named() -> None:
    again = [entry(90), entry(30, change_id="c2"), entry(5, change_id="c3")]
    assert told(TEMPLATE, *again) == ["c1"]
    assert told(TEMPLATE, entry(600), entry(30, change_id="c2")) == ["c2"]


def test_a_change_that_half_of_the_organisation_got_explains_no_trouble_of_a_few() -> None:
    half = EVERYONE[::2]
    assert told(half[:4], entry(site_ids=half, object_id="t9")) == []


def test_names_of_people_and_things_are_one_short_line_and_a_person_is_named_only_where_it_is_known() -> None:
    (cause,) = causes(TEMPLATE, entry(title="<b>\nx\u202e" * 90, admin="Jo\nDoe"))["cause"]
    assert "\n" not in cause
    assert "\u202e" not in cause
    assert "by Jo Doe, at 12 of 12 sites" in cause
    assert len(cause) < 400


def test_without_changes_every_row_is_as_it_was() -> None:
    before = candidate_causes(flags(TEMPLATE), sites(), NO_RATES)
    for known in (entries(), entries(entry(5000))):
        found = candidate_causes(flags(TEMPLATE), sites(), NO_RATES, changed=Changed(known, onsets(TEMPLATE)))
        assert_frame_equal(found, before)


def test_three_sites_in_trouble_that_share_nothing_have_no_shared_cause() -> None:
    few = (
        sites()
        .head(3)
        .with_columns(
            country_code=pl.col("site_id"),
            sitegroup_ids=pl.lit([], pl.List(pl.String)),
            attributes=pl.lit("{}"),
        )
    )
    bad = flags(EVERYONE[:3]).head(3)
    found = candidate_causes(bad, few, NO_RATES, changed=Changed(entries(), onsets(EVERYONE[:3])))
    assert found["attribute"].unique().to_list() == ["organisation"]


def test_each_site_counts_from_its_own_entry_of_a_change() -> None:
    made = [entry(60, site_ids=["s000"]), entry(20, change_id="c2", site_ids=["s001", "s002"])]
    (found,) = candidates(Changed(entries(*made), onsets(EVERYONE[:3])), "day", 3)[DAY]
    assert found.minutes_before == {"s000": 60.0, "s001": 20.0, "s002": 20.0}
    assert (found.change_id, found.changed_at) == ("c1", BAD - timedelta(minutes=60))
