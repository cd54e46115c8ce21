"""When something is proposed, and that little evidence proposes nothing."""

from datetime import date

import polars as pl
import pytest

from mist_pipeline.scorecard.proposals import proposals, sentence
from mist_pipeline.tables.scorecard import ALERT_QUALITY

DAY = date(2026, 3, 30)
STRICTER = {"trend": "alerts.raises: {trend: critical}", "evidence": "alerts.sensitivity: low"}
NOBODY = pl.DataFrame(schema={"site_id": pl.String, "n_known": pl.UInt32, "n_judged": pl.UInt32})


def rule(name: str, true: int, false: int, window: int = 90, day: date = DAY) -> dict[str, object]:
    counted = true + false
    row = {
        "day": day,
        "window_days": window,
        "rule": name,
        "severity": "",
        "sink": "",
        "n_true": true,
        "n_judged": counted,
        "n_false": false,
    }
    return (
        dict.fromkeys(ALERT_QUALITY.polars_schema())
        | row
        | {"precision": true / counted if counted else None}
    )


def proposed(*rows: dict[str, object], known: pl.DataFrame = NOBODY) -> list[tuple[str, str]]:
    quality = pl.DataFrame(list(rows), schema=ALERT_QUALITY.polars_schema())
    return proposals(quality, known, STRICTER, DAY).select("kind", "subject").rows()


@pytest.mark.parametrize(
    ("row", "is_proposed"),
    [
        (rule("trend", 4, 6), True),
        (rule("trend", 5, 5), False),
        (rule("trend", 0, 9), False),
        (rule("trend", 4, 6, window=30), False),
        (rule("trend", 4, 6, day=date(2026, 3, 29)), False),
        (rule("never_raised", 0, 20), False),
        (rule("", 0, 20), False),
    ],
    ids=[
        "wrong",
        "at the floor",
        "too few",
        "another window",
        "another day",
        "cannot be stricter",
        "all rules",
    ],
)
def test_a_rule_that_is_wrong_too_often_is_proposed_to_be_stricter(
    row: dict[str, object], *, is_proposed: bool
) -> None:
    assert proposed(row) == ([("sensitivity", "trend")] if is_proposed else [])


@pytest.mark.parametrize(("known", "judged", "is_proposed"), [(3, 4, True), (2, 2, False), (3, 6, False)])
def test_a_site_whose_alerts_are_known_is_proposed_a_silence(
    known: int, judged: int, *, is_proposed: bool
) -> None:
    sites = pl.DataFrame({"site_id": ["s1"], "n_known": [known], "n_judged": [judged]}, schema=NOBODY.schema)
    assert proposed(known=sites) == ([("silence", "s1")] if is_proposed else [])


def test_a_proposal_names_the_site_as_people_know_it() -> None:
    sites = pl.DataFrame({"site_id": ["s1"], "n_known": [3], "n_judged": [3]}, schema=NOBODY.schema)
    (row,) = proposals(pl.DataFrame(schema=ALERT_QUALITY.polars_schema()), sites, {}, DAY).to_dicts()
    assert sentence(row, "Lab") == (
        "People called 3 of 3 judged alerts of Lab known. To hear of it no more for a while: "
        "mist-pipeline alerts silence 'site_id=\"s1\"' --for 2w"
    )


def test_an_odd_site_id_gets_no_command() -> None:
    sites = pl.DataFrame({"site_id": ["'; rm -rf ~"], "n_known": [3], "n_judged": [3]}, schema=NOBODY.schema)
    assert proposed(known=sites) == []
