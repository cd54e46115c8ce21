"""The page of a replay: complete, its own style, and harmless whatever sites and files are called."""

import re
from typing import Any

import pytest

from mist_pipeline.report.document.replay_model import ReplayDocument
from mist_pipeline.report.rendering.replay_page import replay_page

EVIL = "<script>alert(1)</script>"


def configuration(name: str, **more: Any) -> Any:
    return {
        "name": name, "alerts": 12, "incidents": 9, "messages": 20, "messages_per_day": 2.9, "n_true": 8, "n_false": 2, "n_judged": 10,
        "n_duplicate": 0, "n_unjudged": 2, "precision": 0.8, "precision_low": 0.49, "precision_high": 0.943,
        "false_per_site_week": 0.01, "n_troubles": 14, "n_missed": 3, "recall": 0.786, "recall_low": 0.524, "recall_high": 0.924,
        "lead_median_hours": -1.5, **more,
    }  # fmt: skip


def document(*configurations: Any, **more: Any) -> ReplayDocument:
    return {
        "organisation": EVIL, "first": "2026-03-01", "last": "2026-03-28", "days": 28, "sites": 60, "is_every_route_missing": True,
        "configurations": list(configurations), "differences": [], "changes": {}, "by_rule": [], "by_site": [], "changed": [], **more,
    }  # type: ignore[typeddict-item, return-value]  # fmt: skip


def compared() -> ReplayDocument:
    numbers = {
        "base_alerts": 2, "other_alerts": 1, "more": 0, "fewer": 1, "earlier": 0, "later": 1, "base_n_true": 1, "base_n_false": 0,
        "other_n_true": 1, "other_n_false": 0,
    }  # fmt: skip
    side = {
        "alert_id": "a", "incident_id": "i", "severity": "critical", "opened_at": "2026-03-02T10:00:00+00:00", "resolved_at": None,
        "verdict": "too_late",
    }  # fmt: skip
    one = {"site_id": "s", "site": EVIL, "family": "radio", "rule": "evidence", "base": side}
    return document(
        configuration("config.yaml"),
        configuration(f"{EVIL}.yaml", precision=None, n_true=1, n_false=1, n_judged=2),
        changes={"same": 10, "earlier": 0, "later": 1, "more": 0, "fewer": 1},
        differences=[
            {"key": f"organisation.names.{EVIL}", "base": None, "other": None},
            {"key": "alerts.sensitivity", "base": "normal", "other": "low"},
        ],
        by_rule=[{"name": "evidence", **numbers}],
        by_site=[{"name": EVIL, **numbers}],
        changed=[
            {**one, "change": "fewer", "shift_hours": None, "other": None},
            {**one, "change": "later", "shift_hours": 2.0, "other": {**side, "severity": "major"}},
        ],
    )


def test_a_comparison_says_what_is_different_and_no_name_becomes_markup() -> None:
    page = replay_page(compared())
    assert "<script" not in page
    assert (
        f"<h1><bdi>{EVIL.replace('<', '&lt;').replace('>', '&gt;')}.yaml: 1 alert fewer, 1 alert later; 10 are the same."
        in page
    )
    for said in (
        "80 % (49–94 %) of 10",
        "too few cases (1 of 2)",
        "2.0 h later",
        "no alert",
        "normal",
        "too late",
        "different; not shown",
    ):
        assert said in page
    assert not re.search(r"(src|href)=\"(?!#|data:)", page), "everything is inside"


def test_its_style_is_allowed_by_its_own_policy_and_knows_the_dark() -> None:
    page = replay_page(compared())
    assert "prefers-color-scheme: dark" in page
    assert re.search(r"style-src 'sha256-[A-Za-z0-9+/=]{44}'", page)


def test_two_that_are_the_same_have_nothing_to_list() -> None:
    same = {"same": 3, "earlier": 0, "later": 0, "more": 0, "fewer": 0}
    page = replay_page(document(configuration("a"), configuration("b"), changes=same))
    assert "b: the same 3 alerts at the same times." in page
    assert "Every alert is the same." in page
    assert "Nothing: both say the same." in page


@pytest.mark.slow
@pytest.mark.parametrize("recall", [0.786, None], ids=["known", "too few troubles"])
def test_a_curve_has_a_picture_with_a_point_for_each_level(recall: float | None) -> None:
    levels = [configuration(name, recall=recall) for name in ("low", "normal", "high")]
    page = replay_page(document(*levels))
    assert page.count("<svg") == 1
    for level in ("low", "normal", "high"):
        assert f">{level}</text>" in page
    assert ("% of known troubles heard of" in page) == (recall is not None)
