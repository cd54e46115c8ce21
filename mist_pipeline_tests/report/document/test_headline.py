"""The sentence of the day: how it stands, and whether that is better than on the day before."""

from dataclasses import replace
from datetime import timedelta

import polars as pl
import pytest

from mist_pipeline.report import build_dashboard
from mist_pipeline_tests.support.report.worlds import DAY, make_report, site_id


@pytest.mark.parametrize(
    ("status", "start"),
    [
        ("HEALTHY", "Much as the day before: all 4 sites are healthy."),
        ("DEGRADED", "Much as the day before: no site is critical, 4 degraded."),
        ("UNKNOWN", "None of 4 sites could be judged: "),
        ("CRITICAL", "Much as the day before: 4 of 4 sites are critical, worst "),
    ],
)
def test_the_headline_says_the_worst_first(status: str, start: str) -> None:
    data = make_report(4, 2, analysed=False)
    one = replace(data, site_status=data.site_status.with_columns(status=pl.lit(status)))
    assert build_dashboard(one)["headline"].startswith(start)


def test_the_headline_never_calls_all_sites_healthy_while_some_are_unknown() -> None:
    data = make_report(4, 2, analysed=False)
    status = pl.when(pl.col("site_id") == site_id(0)).then(pl.lit("UNKNOWN")).otherwise(pl.lit("HEALTHY"))
    headline = build_dashboard(replace(data, site_status=data.site_status.with_columns(status=status)))[
        "headline"
    ]
    assert headline == "Much as the day before: all 3 judged sites are healthy; 1 site could not be judged."


@pytest.mark.parametrize(
    ("before", "now", "verdict", "start"),
    [
        ("cccc", "cchh", "better", "Better than the day before: 2 of 4 sites are critical, down from 4"),
        ("hhhh", "chhh", "worse", "Worse than the day before: 1 of 4 sites is critical, up from 0"),
        ("chhh", "hmmm", "better", "Better than the day before: no site is critical (1 was), 3 unhealthy"),
        ("mwhh", "wmhh", "same", "Much as the day before: no site is critical, 1 unhealthy and 1 degraded"),
        ("mwhh", "whhh", "better", "Better than the day before: no site is critical, 1 degraded"),
        ("chhh", "?hhh", "same", "Much as the day before: all 3 judged sites are healthy"),
        ("????", "chhh", None, "1 of 4 sites is critical, worst "),
        ("hhhh", "????", None, "None of 4 sites could be judged"),
    ],
)
def test_the_headline_compares_the_sites_that_could_be_judged_on_both_days(
    before: str, now: str, verdict: str | None, start: str
) -> None:
    data = make_report(4, 2, analysed=False)
    words = {"c": "CRITICAL", "m": "UNHEALTHY", "w": "DEGRADED", "h": "HEALTHY", "?": "UNKNOWN"}
    status = pl.DataFrame(
        [
            (day, site_id(number), words[letter])
            for day, letters in ((DAY - timedelta(days=1), before), (DAY, now))
            for number, letter in enumerate(letters)
        ],
        schema=["day", "site_id", "status"],
        orient="row",
    )
    document = build_dashboard(replace(data, site_status=status))
    assert document["comparison"]["verdict"] == verdict
    assert document["headline"].startswith(start)


def test_one_of_twenty_sites_is_no_change_and_another_day_is_named() -> None:
    data = make_report(24, 2, analysed=False)
    eve = DAY - timedelta(days=3)
    status = pl.DataFrame(
        [
            (day, site_id(number), "CRITICAL" if number < bad else "HEALTHY")
            for day, bad in ((eve, 20), (DAY, 21))
            for number in range(24)
        ],
        schema=["day", "site_id", "status"],
        orient="row",
    )
    headline = build_dashboard(replace(data, site_status=status))["headline"]
    assert headline.startswith(f"Much as on {eve}: 21 of 24 sites are critical, up from 20")
