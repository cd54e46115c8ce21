"""The screen as lines of text: what is in them, and that they fit every terminal."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from rich.cells import cell_len
from rich.text import Text
from syrupy.assertion import SnapshotAssertion

from mist_pipeline.alerts.lifecycle.policy import Policy
from mist_pipeline.domain.site_names import display_names
from mist_pipeline.domain.text import instant as in_words
from mist_pipeline.overview.model import (
    IncidentDetail,
    IncidentNow,
    MetricNow,
    Now,
    OrganisationNow,
    PipelineNow,
    SiteDetail,
    SiteNow,
    Source,
)
from mist_pipeline.overview.shared import Shared
from mist_pipeline.overview.wording import why_untold
from mist_pipeline.watch.glyphs import ASCII, UNICODE, Glyphs, squeezed
from mist_pipeline.watch.lines import header, incident_line, site_line, whole_screen
from mist_pipeline.watch.pages import incident_page, site_page
from mist_pipeline_tests.support.overview.organisations import AT, HOSTILE, POLLED

LABELS = display_names({f"site-{number}": name for number, name in enumerate(HOSTILE)})


def site(number: int = 0, **more: object) -> SiteNow:
    facts: dict[str, object] = {
        "site_id": f"site-{number}", "label": f"Site {number}", "status": "DEGRADED", "last_status": "DEGRADED",
        "worst_metric": "coverage", "worst_pct": 84.25, "hours": (None, *[60.0 + hour for hour in range(23)]),
        "trend": "worsening", "health": 91.4, "health_change": -2.0, "clients": 1200,
        "forecast_metric": "roaming", "forecast_days": 2.4,
    }  # fmt: skip
    return SiteNow(**(facts | more))  # type: ignore[arg-type]


def incident(**more: object) -> IncidentNow:
    facts: dict[str, object] = {
        "incident_id": "3f2a9c1e00000000", "severity": "critical", "state": "open", "progress": "going on",
        "began_at": AT - timedelta(hours=3), "opened_at": AT - timedelta(hours=1), "last_bad_at": None, "resolved_at": None,
        "where": "Site 0", "what": "Coverage: 38.5 % of user-minutes degraded.", "site_ids": ("site-0",),
        "family": "radio", "acknowledged_by": "", "withheld": "", "num_alerts": 1,
    }  # fmt: skip
    return IncidentNow(**(facts | more))  # type: ignore[arg-type]


def now_of(sites: list[SiteNow], at: datetime = AT, **more: object) -> Now:
    facts: dict[str, object] = {
        "at": at,
        "live": Source(name="live", as_of=POLLED, stale_after=timedelta(minutes=30)),
        "days": Source(name="days", as_of=POLLED.replace(hour=0, minute=0)),
        "ledger": Source(name="ledger", as_of=at),
        "organisation": OrganisationNow(
            day=POLLED.date() - timedelta(days=1), health=91.44, health_change=-1.26, counts={"DEGRADED": len(sites)},
            counts_before={"DEGRADED": 1, "HEALTHY": 2}, clients=2400,
        ),
        "pipeline": PipelineNow(last_poll=POLLED, next_poll=POLLED + timedelta(minutes=15), waiting=2),
        "sites": sites,
        "incidents": [incident(), incident(state="acknowledged", acknowledged_by="ada")],
    }  # fmt: skip
    return Now(**(facts | more))  # type: ignore[arg-type]


def detail() -> SiteDetail:
    now = now_of([site()])
    metrics = [
        MetricNow(
            metric="coverage", score_pct=62.1, severity="critical", state="ok", usual_low_pct=91.2, usual_high_pct=98.0,
            hours=site().hours, days=tuple(range(70, 100)), trend="worsening", change_pct=-4.1, critical_days=1.5,
        ),
        MetricNow(metric="roaming", state="no_users"),
    ]  # fmt: skip
    return SiteDetail(
        at=AT, live=now.live, days=now.days, ledger=now.ledger, site=site(), metrics=metrics,
        classifiers=[("coverage", "weak-signal", 812.4)], findings=[("critical", "coverage", "Coverage is at 62 %.")],
        incidents=[incident()], devices=[("ap", "AP 1", "AP45", "0.14.1", "disconnected", 0)],
    )  # fmt: skip


def incident_detail() -> IncidentDetail:
    delivery = {
        "sink": "mail",
        "reason": "first",
        "state": "sent",
        "sent_at": AT,
        "created_at": AT,
        "last_error": "",
    }
    step = {
        "policy": "duty",
        "number": 1,
        "sink": "pager",
        "target": "bob",
        "due_at": AT,
        "state": "pending",
        "because": "",
    }
    return IncidentDetail(
        at=AT, ledger=Source(name="ledger", as_of=AT), incident=incident(), cause="firmware 0.14.1",
        alerts=[("critical", "open", "Site 0 · Coverage", "Coverage is bad.")], evidence={"observed pct": "38.5", "corroboration": "peers", "surprise": "12.0"},
        certainty="far beyond chance", sites=[site(number) for number in range(14)],
        shared=[Shared("Firmware", "0.14.1", 14, 14, 15)],
        timeline=[(AT, "Incident opened: firmware 0.14.1")], impact="128 of 146 users hit",
        records={"deliveries": [delivery], "escalations": [step], "tickets": [], "feedback": []},
    )  # fmt: skip


def text_of(lines: list[Text]) -> str:
    return "\n".join(line.plain.rstrip() for line in lines)


@pytest.mark.parametrize("glyphs", [UNICODE, ASCII], ids=["unicode", "ascii"])
@pytest.mark.parametrize("width", [80, 140])
def test_the_whole_screen_is_as_approved(snapshot: SnapshotAssertion, width: int, glyphs: Glyphs) -> None:
    sites = [
        site(0, incident_ids=("3f2a9c1e00000000",)),
        site(1, status="UNKNOWN", last_status="HEALTHY", clients=None),
    ]
    assert text_of(whole_screen(now_of(sites), sites, width, glyphs)) == snapshot


@pytest.mark.parametrize("width", [80, 140])
def test_pages_are_as_approved(snapshot: SnapshotAssertion, width: int) -> None:
    assert text_of(site_page(detail(), width, UNICODE)) == snapshot
    assert text_of(site_page(detail(), width, ASCII)) == snapshot
    assert text_of(incident_page(incident_detail(), UNICODE)) == snapshot


def test_why_nobody_is_notified_of_a_site_fits_the_width_of_the_terminal() -> None:
    untold = why_untold("CRITICAL", [("threshold", "critical")], Policy())
    for width in (40, 80, 140):
        page = [
            line.plain for line in site_page(replace(detail(), incidents=[], untold=untold), width, UNICODE)
        ]
        at = page.index("  None known.") + 1
        said = page[at : page.index("", at)]
        assert " ".join(line.strip() for line in said) == untold
        assert max(map(len, said)) <= width


def test_one_that_recovers_says_since_when_and_counts_no_further() -> None:
    row = incident(progress="recovering", last_bad_at=AT - timedelta(hours=1))
    assert f"recovering since {in_words(AT - timedelta(hours=1))}" in text_of(
        incident_page(replace(incident_detail(), incident=row), UNICODE)
    )
    assert " 2 h " in incident_line(row, AT, 120, UNICODE).plain


def test_an_incident_is_told_in_words_and_with_its_sites() -> None:
    told = text_of(incident_page(incident_detail(), UNICODE))
    for words in (
        "How sure: far beyond chance",
        "sites like it",
        "Sites (14)",
        "2 more sites, better",
        "mail             began",
    ):
        assert words in told, words
    for code in ("surprise", "corroboration", "first"):
        assert code not in told, code


@pytest.mark.parametrize("width", [40, 80, 120, 250])
@pytest.mark.parametrize("glyphs", [UNICODE, ASCII], ids=["unicode", "ascii"])
@pytest.mark.parametrize("label", LABELS.values(), ids=range(len(LABELS)))
def test_names_of_strangers_neither_break_a_line_nor_are_markup(
    label: str, glyphs: Glyphs, width: int
) -> None:
    row = site(label=label)
    for line in (
        site_line(row, width, glyphs),
        incident_line(incident(where=label, what=label), AT, width, glyphs),
        *header(now_of([row]), {}, width, glyphs),
    ):
        assert cell_len(line.plain) <= width
        assert line.plain.isprintable()
        assert glyphs is UNICODE or line.plain.isascii()
    assert glyphs is ASCII or width < 250 or label[:20] in site_line(row, width, glyphs).plain


def test_old_data_says_so_first_and_calls_nothing_healthy() -> None:
    at = POLLED + timedelta(minutes=47)
    first = header(now_of([site()], at), {}, 80, UNICODE)[0].plain
    assert first.startswith(" OLD: data of 14:45 UTC, 47 min old")


def test_no_poll_no_ledger_and_a_sink_that_fails_are_said() -> None:
    silent = now_of(
        [],
        live=Source(name="live", trouble="today.duckdb is not there"),
        ledger=Source(name="ledger", trouble="no ledger yet: nothing was evaluated"),
        pipeline=PipelineNow(failing={"slack": "fails for 2 h: invalid_auth"}),
        incidents=[],
    )
    said = text_of(whole_screen(silent, [], 200, UNICODE))
    for words in (
        "today.duckdb is not there",
        "nothing was evaluated",
        "No poll yet",
        "slack fails for 2 h: invalid_auth",
    ):
        assert words in said
    assert "No incident goes on" not in said, "nothing is known, which is no good news"


@pytest.mark.parametrize(
    ("values", "width", "expected"),
    [
        ((), 5, []),
        ((1.0, 2.0), 5, [1.0, 2.0]),
        ((3.0, 1.0, None, None), 2, [1.0, None]),
        (tuple(float(n) for n in range(24)), 8, [0.0, 3.0, 6.0, 9.0, 12.0, 15.0, 18.0, 21.0]),
        ((1.0,), 0, []),
    ],
)
def test_a_short_sparkline_keeps_the_worst(
    values: tuple[float | None, ...], width: int, expected: list[float]
) -> None:
    assert squeezed(values, width) == expected


def test_scores_out_of_range_are_drawn_at_the_edge() -> None:
    assert UNICODE.spark((-5.0, 120.0, 50.0), 3) == "▁█▁"
    assert ASCII.spark((-5.0, 120.0, 50.0), 3) == "095"


def test_a_status_is_never_told_by_colour_alone() -> None:
    for glyphs in (UNICODE, ASCII):
        assert len(set(glyphs.status.values())) == 5
        for status in glyphs.status:
            assert status in site_line(replace(site(), status=status), 80, glyphs).plain


def test_a_score_below_its_line_is_not_rounded_up_to_it() -> None:
    below = replace(detail().metrics[0], score_pct=79.96)
    page = text_of(site_page(replace(detail(), metrics=[below]), 120, UNICODE))
    assert " 79.9 " in page
    assert "80.0" not in page
