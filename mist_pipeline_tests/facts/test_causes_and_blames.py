"""Common causes and what the cloud blames are told as the tables have them, and the check notices where they are not."""

import json
from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from mist_pipeline.report import build_dashboard, render_html, render_text
from mist_pipeline.report.document.model import Dashboard
from mist_pipeline_tests.support.facts.claims import Passage, falsehoods
from mist_pipeline_tests.support.facts.organisations import sharing
from mist_pipeline_tests.support.facts.readers.blame_reader import blame_falsehoods
from mist_pipeline_tests.support.facts.readers.cause_reader import cause_falsehoods
from mist_pipeline_tests.support.facts.readers.report_reader import finding_falsehoods, report_falsehoods
from mist_pipeline_tests.support.facts.readers.totals_reader import totals_falsehoods
from mist_pipeline_tests.support.facts.tree import Node, tree
from mist_pipeline_tests.support.facts.truth import Truth


@pytest.fixture(scope="module")
def truth() -> Truth:
    return sharing()


@pytest.fixture(scope="module")
def told(truth: Truth) -> tuple[Dashboard, Node, str]:
    """The report of the day: document, page, text."""
    return build_dashboard(truth.data), tree(render_html(truth.data)), render_text(truth.data)


def said(told: tuple[Dashboard, Node, str], so: Truth) -> list[str]:
    """What the report says of causes, classifiers and totals against tables that may be others."""
    return [*cause_falsehoods(*told, so), *blame_falsehoods(*told, so), *totals_falsehoods(*told, so)]


def changed(truth: Truth, frame: str, **columns: Any) -> Truth:
    """The same with other values in the first row of a table."""
    rows: pl.DataFrame = getattr(truth.data, frame)
    first = (pl.int_range(pl.len()) == 0) if "day" not in rows.columns else _first_of_day(truth)
    other = rows.with_columns(
        pl.when(first).then(pl.lit(value, rows.schema[name])).otherwise(name).alias(name)
        for name, value in columns.items()
    )
    return Truth(replace(truth.data, **{frame: other}))


def _first_of_day(truth: Truth) -> pl.Expr:
    """The first row of the day, of whatever order."""
    today = pl.col("day") == truth.day
    return today & (today.cum_sum() == 1)


def test_there_is_a_shared_cause_and_a_classifier_of_which_some_users_are_known(
    truth: Truth, told: tuple[Dashboard, Node, str]
) -> None:
    (shared,) = [row for row in truth.causes if row["scope"] == "infrastructure"]
    assert len(shared["site_ids"]) == 6
    text = " ".join(told[2].split())
    assert "6 sites share one cause: Weak signal at 6 of 6 sites of group north" in text
    assert "users 60 at 3 of 12 sites, APs 6 at 3 of 12 sites" in text


def test_what_is_said_of_them_is_so(truth: Truth, told: tuple[Dashboard, Node, str]) -> None:
    assert said(told, truth) == []
    assert finding_falsehoods(truth) == []


@pytest.mark.slow
def test_all_else_of_such_a_day_is_so(truth: Truth) -> None:
    assert report_falsehoods(truth) == []


def test_a_change_before_it_is_told_and_a_wrong_number_of_it_is_noticed(
    truth: Truth, told: tuple[Dashboard, Node, str]
) -> None:
    said_of_it = "RF template “North <b>” was updated 1 h 30 min before the first bad hour by an administrator, at 6 of 6 sites"
    assert said_of_it in " ".join(told[2].split())
    assert said_of_it in " ".join(told[1].text.split())
    (row,) = [row for row in truth.causes if row["scope"] == "infrastructure"]
    for name, value in (
        ("minutes_before", 30.0),
        ("sites_before", 5),
        ("title", "South"),
        ("action", "added"),
    ):
        counts = json.loads(row["evidence"])
        counts["change"][name] = value
        wrong = said(told, changed(truth, "incidents", evidence=json.dumps(counts)))
        assert len([each for each in wrong if "change" in each or "tables have a" in each]) >= 3, name


def test_that_nothing_is_shared_is_noticed(truth: Truth) -> None:
    (wrong,) = falsehoods([Passage("page", "Nothing: no trouble is shared by several sites.")], truth)
    assert "there is ['Weak signal at 6 of 6 sites of group north" in wrong


@pytest.mark.parametrize(
    ("frame", "columns", "surfaces", "noticed"),
    [
        ("incidents", {"site_ids": ["s00", "s01"]}, {"JSON", "page", "text"}, "the tables have 2"),
        ("incidents", {"site_ids": [f"s{n:02d}" for n in (0, 1, 2, 3, 4, 7)]}, {"JSON"}, "neither far below usual nor critical"),
        ("incidents", {"p_value": 1e-9}, {"page", "text"}, "the tables have far beyond chance"),
        ("incidents", {"metrics": ["roaming"]}, {"page"}, "the tables have ['roaming']"),
        ("incidents", {"classifier": "dns"}, {"JSON", "page", "text"}, "'DNS' is what the tables have"),
        ("incidents", {"cause_fingerprint": "another"}, {"JSON"}, "not the causes of the tables"),
        ("classifiers_daily", {"degraded_user_minutes": 1.0}, {"JSON", "page", "text"}, "% is said, the tables have"),
        ("classifiers_daily", {"degraded_pct": 99.0}, {"JSON", "page", "text"}, "worst site: "),
        ("classifiers_daily", {"num_users": 21}, {"JSON", "page", "text"}, "60 hit, the tables have 61"),
        ("classifiers_daily", {"num_aps": 9}, {"page", "text"}, "6 hit, the tables have 13"),
        ("site_status", {"status": "DEGRADED"}, {"page", "text"}, "DEGRADED"),
        ("health_scores", {"score": 3.0}, {"page", "text"}, "% is said, the tables have"),
        ("sle_daily", {"score_pct": 54.0}, {"text"}, "Coverage of Store s00: 55.0 % is said, the tables have 54"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)  # fmt: skip
def test_a_wrong_value_is_noticed_on_every_surface(
    truth: Truth,
    told: tuple[Dashboard, Node, str],
    frame: str,
    columns: dict[str, Any],
    surfaces: set[str],
    noticed: str,
) -> None:
    wrong = said(told, changed(truth, frame, **columns))
    heard = {surface for surface in surfaces for one in wrong if one.startswith(surface) and noticed in one}
    assert heard == surfaces, wrong
