"""What is said: headlines, facts, lists that are cut and counted, names made visible, steps that help."""

import re
import unicodedata
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

import mist_pipeline
from mist_pipeline.delivery.message import Reason
from mist_pipeline.delivery.rendering import wording
from mist_pipeline.delivery.rendering.incident_page import (
    MOST_ALERTS,
    MOST_NAMED,
    Blame,
    blame_tables,
    picture_title,
    render_page,
)
from mist_pipeline.delivery.rendering.remediation import (
    MOST_STEPS,
    RemediationError,
    load_remediation,
    parse_remediation,
)
from mist_pipeline.domain import text as plain_text
from mist_pipeline.domain.metrics import CATALOGUE
from mist_pipeline.settings.notifications import HOUSE_TABLE
from mist_pipeline.simulator.world.metric_profiles import PROFILES
from mist_pipeline_tests.support.delivery.messages import (
    HOSTILE,
    START,
    WORSE,
    alert,
    incident,
    message,
    resolved,
    site,
)

SHIPPED = Path(mist_pipeline.__file__).parent / "delivery" / "rendering" / "remediation.yaml"


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("first", "CRITICAL: "),
        ("severity_rise", "Now CRITICAL: "),
        ("much_worse", "CRITICAL, much worse: "),
        ("more_sites", "CRITICAL, more sites: "),
        ("some_resolved", "CRITICAL, partly recovered: "),
        ("reopened", "CRITICAL again: "),
        ("repeat_due", "Still CRITICAL: "),
        ("escalation", "ESCALATED, CRITICAL: "),
        ("digest", "DIGEST, CRITICAL: "),
        ("test", "TEST, CRITICAL: "),
    ],
)
def test_a_headline_begins_with_the_state(reason: Reason, expected: str) -> None:
    assert wording.headline(message(reason=reason)).startswith(expected)


def test_what_became_much_worse_says_from_what_to_what_and_where_there_are_several_sites() -> None:
    one, several = (message(incident(sites, worse=WORSE), "much_worse") for sites in (1, 3))
    grew = "Coverage grew from 18 % to 61 % of user-minutes degraded in the 2 h until 2026-11-23 04:25 UTC"
    assert wording.why(one) == f"It has become much worse: {grew}."
    assert wording.why(several) == f"It has become much worse: Store 1: {grew}."
    assert ("Much worse", grew) in wording.facts(one.incident)
    assert "Much worse" not in dict(wording.facts(incident()))
    assert (
        wording.why(message(resolved(incident()), "much_worse"))
        == "It had become much worse. It is over now."
    )


def test_an_escalation_says_that_nobody_reacted_only_while_nobody_has() -> None:
    taken = message(incident(status="acknowledged"), "escalation")
    assert wording.headline(taken).startswith("ESCALATED, CRITICAL, acknowledged: ")
    said = [
        wording.why(one)
        for one in (message(reason="escalation"), taken, message(resolved(incident()), "escalation"))
    ]
    assert ["Nobody has acknowledged" in sentence for sentence in said] == [True, False, False]
    assert "nobody" not in " ".join(said[1:]).lower()


def test_the_shipped_table_is_a_part_of_the_package() -> None:
    assert HOUSE_TABLE == SHIPPED
    assert HOUSE_TABLE.is_file()


def test_what_is_over_says_how_long_it_lasted_and_what_is_acknowledged_says_so() -> None:
    assert wording.headline(message(resolved(incident()), "all_resolved")).startswith(
        "RESOLVED after 2 h 10 min: "
    )
    taken = incident(status="acknowledged")
    assert wording.headline(message(taken, "acknowledged")).startswith("CRITICAL, acknowledged: ")


@pytest.mark.parametrize(
    ("status", "expected"),
    [("open", "CRITICAL, recovering: "), ("acknowledged", "CRITICAL, acknowledged, recovering: ")],
)
def test_a_repeat_about_what_recovers_says_so_and_not_that_it_goes_on(status: Any, expected: str) -> None:
    told = message(incident(status=status, last_bad_at=START + timedelta(hours=1)), "repeat_due")
    assert wording.headline(told).startswith(expected)
    assert wording.why(told) == "It is recovering."
    assert "going on" not in wording.plain_text(told)
    assert "Still" not in wording.plain_text(told)


@pytest.mark.parametrize("reason", [one for one in get_args(Reason) if one not in ("test", "digest")])
@pytest.mark.parametrize("delay", [timedelta(0), timedelta(hours=3)])
def test_whatever_is_sent_about_what_is_over_says_that_it_is_over(reason: Reason, delay: timedelta) -> None:
    over = resolved(incident())
    said = wording.why(replace(message(over, reason), sent_at=over.updated_at + delay))
    assert re.search(r"\bover\b|All of it has recovered", said), said
    assert not re.search(r"has become|are hit|still|Nobody has|is working|is back|A part|is due", said), said
    assert ("Told late" in said) == bool(delay)


def test_a_digest_of_nothing_but_what_was_over_before_it_was_noticed_does_not_go_on() -> None:
    ended = START + timedelta(hours=1)
    past = alert(site(1), is_past=True, status="resolved", last_bad_at=ended)
    found = dict(wording.facts(incident(alerts=(past,))))
    assert found["State"] == f"over since {plain_text.instant(ended)}"
    assert f"to {plain_text.instant(ended)} (" in found["When"]
    assert "Since" not in found
    assert dict(wording.facts(incident(alerts=(past, alert(site(2))))))["State"] == "going on"
    text = wording.plain_text(message(incident(alerts=(past,), remediation=("Restart it.",)), "digest"))
    assert "going on" not in text
    assert "What usually helps" not in text


def test_what_went_into_another_incident_is_over_but_does_not_claim_to_have_recovered() -> None:
    gone = message(replace(resolved(incident()), merged_into="feedbeef"), "all_resolved")
    assert wording.headline(gone).startswith("MERGED after 2 h 10 min: ")
    assert ("State", "merged") in wording.facts(gone.incident)
    assert "recovered" not in wording.plain_text(gone)


def test_trouble_of_the_pipeline_is_not_that_of_a_whole_site() -> None:
    assert wording.subject_of(alert(site(1), metric="", family="pipeline:daily")) == "The pipeline"
    assert wording.subject_of(alert(site(1), metric="", family="collector")) == "Collection of data"
    assert wording.subject_of(alert(site(1), metric="", family="radio")) == "Radio conditions"


def test_every_reason_has_a_sentence() -> None:
    sentences = {wording.why(message(reason=reason)) for reason in get_args(Reason)}
    assert len(sentences) == len(get_args(Reason))


@pytest.mark.parametrize(
    ("minutes", "expected"),
    [
        (0, "less than a minute"),
        (1, "1 min"),
        (60, "1 h"),
        (130, "2 h 10 min"),
        (1440, "1 d"),
        (4500, "3 d 3 h"),
    ],
)
def test_a_duration_has_its_two_largest_units(minutes: int, expected: str) -> None:
    assert plain_text.duration(timedelta(minutes=minutes, seconds=20)) == expected


def test_a_clock_that_went_backwards_makes_no_negative_duration() -> None:
    assert wording.lasted(incident(updated_at=START - timedelta(hours=1))) == timedelta(0)


@given(st.text(max_size=300), st.integers(min_value=1, max_value=80))
def test_a_cleaned_text_is_one_visible_line_within_its_limit(text: str, limit: int) -> None:
    line = plain_text.clean(text, limit)
    assert len(line) <= limit
    assert line == line.strip()
    assert not {unicodedata.category(char) for char in line if char not in "\u200c\u200d"} & {
        "Cc",
        "Cf",
        "Cs",
        "Zl",
        "Zp",
    }
    assert plain_text.clean(line, limit) == line


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("Köln  \n\t 3", "Köln 3"),
        ("a\u202eb\u200bc\ufeff", "abc"),
        ("x" + "\u0301" * 40, "x\u0301\u0301"),
        ("\u200d\u200c", ""),
        ("\x1b[31mred", "[31mred"),
        ("فروش‌گاه", "فروش‌گاه"),
        ("👩‍🔧", "👩‍🔧"),
        ("x" * 200, "x" * 59 + "…"),
    ],
)
def test_a_name_is_made_visible(typed: str, shown: str) -> None:
    assert plain_text.clean(typed, plain_text.NAME_LENGTH) == shown


def test_sites_that_read_the_same_are_told_apart_by_their_ids() -> None:
    sites = [site(1, "Lab"), site(2, "LAB"), site(3, ""), site(4, "Shop")]
    assert list(wording.site_labels(sites).values()) == [
        "Lab · 5171e001",
        "LAB · 5171e002",
        "site 5171e003",
        "Shop",
    ]


def test_an_alert_about_no_site_is_about_the_organisation() -> None:
    about = incident(
        alerts=(alert(replace(site(1, ""), site_id=""), metric="", family="collector", summaries=()),)
    )
    assert wording.lines_of(about) == ["CRITICAL The whole organisation: Collection of data: critical."]


@pytest.mark.parametrize(
    ("metric", "family", "expected"),
    [
        ("coverage", "radio", "Coverage"),
        ("", "device", "Devices"),
        ("", "x", "X"),
        ("", "", "Whole site"),
        ("new-one", "x", "new-one"),
    ],
)
def test_an_alert_says_what_it_is_about(metric: str, family: str, expected: str) -> None:
    assert wording.subject_of(alert(site(1), metric=metric, family=family)) == expected


@given(
    st.lists(st.text(max_size=40), max_size=60),
    st.integers(min_value=20, max_value=800),
    st.integers(min_value=1, max_value=70),
)
def test_a_list_that_is_cut_counts_what_is_left_out(lines: list[str], budget: int, most: int) -> None:
    taken = wording.fitting(lines, budget, most)
    assert len(taken) <= most
    assert sum(len(line) + 1 for line in taken) <= budget
    if taken != lines:
        shown = taken[:-1]
        assert lines[: len(shown)] == shown
        assert taken[-1] == wording.left_out(len(lines) - len(shown))


@pytest.mark.parametrize(
    "url",
    [
        None, "", "javascript:alert(1)", "data:text/html,x", "//evil.example", "https://", "https://u:p@example.com/",
        "https://[::1", "https://example.com/" + "x" * 3000,
    ],
)  # fmt: skip
def test_what_is_no_address_of_the_web_is_no_link(url: str | None) -> None:
    assert plain_text.safe_url(url) is None


def test_an_address_cannot_leave_its_link() -> None:
    safe = plain_text.safe_url("https://example.com/a b\"'<>|\n?x=1&y=2#!dashboard/5")
    assert safe == "https://example.com/a%20b%22%27%3C%3E%7C%0A?x=1&y=2#!dashboard/5"


def test_the_text_tells_everything_in_clean_lines() -> None:
    about = incident(title=HOSTILE, cause=HOSTILE, alerts=(alert(site(1, HOSTILE), summaries=(HOSTILE,)),))
    text = wording.plain_text(message(about))
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f\u202e]", text)
    assert "\nBcc:" not in text
    assert "Incident 1a2b3c4d5e6f7a8b, message 1\n" in text


def test_what_is_over_needs_no_steps_any_more() -> None:
    for told, helps in ((message(), True), (message(resolved(incident()), "all_resolved"), False)):
        assert ("What usually helps" in wording.plain_text(told)) == helps
        assert ("What usually helps" in render_page(told, {})) == helps


def test_the_text_lists_all_300_sites_of_a_storm_and_counts_beyond_its_budget() -> None:
    text = wording.plain_text(message(incident(300)))
    assert all(f" Store {number}: " in text for number in range(1, 301))
    short = wording.plain_text(message(incident(300)), budget=1000)
    listed = short.count("- CRITICAL Store")
    assert f"… and {300 - listed} more" in short


def test_names_are_escaped_in_the_page() -> None:
    blamed = {"classifiers": [{"classifier": HOSTILE, "degraded_pct": 12.0}]}
    about = incident(
        title=HOSTILE,
        cause=HOSTILE,
        alerts=(alert(site(1, HOSTILE), summaries=(HOSTILE,), evidence=blamed),),
        remediation=(HOSTILE,),
    )
    page = render_page(message(about), {picture_title(HOSTILE): "cid:x"})
    assert "<script" not in page
    assert page.count("&lt;script&gt;") >= 6
    assert "{{ 7*7 }}" in page
    assert not re.search(r"[\u202e\x1b\r]", page)


def test_the_page_loads_nothing_from_anywhere() -> None:
    page = render_page(message(incident(2)), {"Chart": "cid:abc"})
    assert re.findall(r'src="([^"]*)"', page) == ["cid:abc"]
    assert not re.search(r"@import|url\(|<link|<script|<form|<iframe", page)


def test_the_style_sheet_is_short_enough_for_readers_that_drop_long_ones() -> None:
    page = render_page(message(), {})
    assert 1000 < len(page[page.index("<style>") : page.index("</style>")]) < 8192


def test_the_page_of_a_storm_is_cut_and_counted() -> None:
    page = render_page(message(incident(3000)), {})
    assert page.count('class="s state') == MOST_ALERTS
    assert f"… and {3000 - MOST_ALERTS - MOST_NAMED:,} more" in page
    assert len(render_page(message(incident(300)), {}).encode()) < 100_000


@pytest.mark.parametrize(
    ("share", "tone"),
    [(100.0, "red"), (20.0, "red"), (19.99, "darkorange"), (10.0, "darkorange"), (9.9, "orange"), (0.1, "orange"), (0.0, "none")],
)  # fmt: skip
def test_classifiers_are_coloured_as_in_the_report(share: float, tone: str) -> None:
    assert Blame("Store 1", "weak-signal", share, None).tone == tone


def test_there_is_a_table_for_every_metric_worst_first() -> None:
    rows = [
        {"classifier": f"c{number}", "degraded_pct": float(number), "num_users": number}
        for number in range(20)
    ]
    about = incident(
        alerts=(
            alert(site(1), evidence={"classifiers": rows}),
            alert(site(2), metric="roaming", evidence={"classifiers": rows[:1]}),
            alert(site(3), metric="throughput", evidence={}),
        )
    )
    coverage, roaming = blame_tables(about)
    assert (coverage.metric, coverage.left_out) == ("Coverage", 8)
    assert [row.classifier for row in coverage.rows[:2]] == ["c19", "c18"]
    assert roaming.rows == (Blame("Store 2", "c0", 0.0, 0),)


@pytest.mark.parametrize(
    "rows",
    [None, "text", 7, [7], [{"classifier": 7, "degraded_pct": 1.0}], [{"classifier": "a"}], [{"classifier": "a", "degraded_pct": float("nan")}]],
)  # fmt: skip
def test_evidence_of_another_form_is_no_table(rows: object) -> None:
    assert blame_tables(incident(alerts=(alert(site(1), evidence={"classifiers": rows}),))) == []


def test_the_shipped_table_helps_with_every_metric_and_every_classifier_of_the_cloud() -> None:
    table = load_remediation(SHIPPED)
    assert all(table.steps(metric) for metric in CATALOGUE)
    assert all(
        table.steps(metric, classifier)
        for metric, physics in PROFILES.items()
        for classifier in physics.classifiers
    )
    assert all(table.steps("", family=family) for family in ("device", "collector", "health"))
    assert table.steps("", family="nobody-knows") == table.steps("unknown-metric") == ()


def test_a_classifier_is_known_by_its_longest_beginning_and_in_any_spelling() -> None:
    table = parse_remediation(
        "metrics: {successful-connects: {steps: [general], classifiers: {dhcp: [all of it], DHCP_nack: [this one]}}}",
        "x",
    )
    assert table.steps("successful-connect", "dhcp-nack") == ("this one",)
    assert table.steps("successful-connect", "DHCP-renew-unresponsive") == ("all of it",)
    assert table.steps("successful-connect", "dhcpx") == ("general",)


def test_a_file_of_ones_own_extends_the_shipped_one(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text(
        "metrics: {coverage: {classifiers: {weak-signal: [Call Kim.]}}}\nfamilies: {health: {steps: [Look.]}}"
    )
    shipped, both = load_remediation(SHIPPED), load_remediation(SHIPPED, own)
    assert both.steps("coverage", "weak-signal") == ("Call Kim.",)
    assert both.steps("coverage", "asymmetry-uplink") == shipped.steps("coverage", "asymmetry-uplink")
    assert both.steps("", family="health") == ("Look.",)
    assert both.steps("roaming") == shipped.steps("roaming")


def test_an_incident_gets_the_steps_of_its_open_alerts_each_once_and_not_too_many() -> None:
    table = load_remediation(SHIPPED)
    over = alert(site(1), metric="roaming", classifier="", status="resolved")
    alerts = [
        over,
        alert(site(2)),
        alert(site(3)),
        alert(site(4), metric="capacity", classifier="client-count"),
    ]
    expected = table.steps("coverage", "weak-signal") + table.steps("capacity", "client-count")
    assert table.for_alerts(alerts) == expected
    assert table.for_alerts([over]) == table.steps("roaming")
    every = [alert(site(1), metric=metric, classifier="") for metric in CATALOGUE]
    assert len(table.for_alerts(every)) == MOST_STEPS


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("metrics: ]", "own.yaml, line 1: no valid YAML"),
        ("- a", "own.yaml: expected names with values below them, found a list"),
        ("metrcs: {}", "own.yaml: unknown key 'metrcs'; known are metrics, families"),
        (
            "metrics: {covrage: {steps: [a]}}",
            "own.yaml: metrics.covrage: no known metric; did you mean coverage?",
        ),
        ("metrics: {zzz: {steps: [a]}}", "no known metric; known are capacity, coverage"),
        (
            "metrics: {coverage: {step: [a]}}",
            "metrics.coverage: unknown key 'step'; known are steps, classifiers",
        ),
        (
            "metrics: {coverage: {steps: text}}",
            "metrics.coverage.steps: expected a list of sentences, found a text",
        ),
        ("metrics: {coverage: {steps: []}}", "expected a list of sentences, found an empty one"),
        (
            "metrics: {coverage: {steps: [a, 7]}}",
            "metrics.coverage.steps: entry 2 is no sentence but a number",
        ),
        ("metrics: {coverage: {steps: [{a: b}]}}", "entry 1 is no sentence but names with values"),
        ("metrics: {coverage: {classifiers: {weak-signal: }}}", "classifiers.weak-signal: expected a list"),
        ("metrics: {coverage: }", "metrics.coverage: expected names with values below them, found nothing"),
        (
            "families: {radios: {steps: [a]}}",
            "own.yaml: families: unknown key 'radios'; known are ap, clients, collector",
        ),
        (f"metrics: {{coverage: {{steps: [{'x' * 700}]}}}}", "entry 1 is longer than 600 characters"),
        ("metrics: !!python/object:os.system {}", "no valid YAML"),
    ],
)
def test_a_table_that_cannot_be_used_says_where_and_how_to_mend_it(text: str, complaint: str) -> None:
    with pytest.raises(RemediationError, match=re.escape(complaint)):
        parse_remediation(text, "own.yaml")


def test_a_file_that_is_not_there_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(RemediationError, match=r"own\.yaml: cannot be read"):
        load_remediation(SHIPPED, tmp_path / "own.yaml")


def test_an_empty_table_is_a_table() -> None:
    assert parse_remediation("", "own.yaml").steps("coverage") == ()


@pytest.mark.parametrize(
    ("family", "word"),
    [
        ("pipeline:delivery:chat", "retry"),
        ("pipeline:recipients", "test-route"),
        ("pipeline:daily", "Dagster"),
    ],
)
def test_what_helps_with_the_pipelines_own_troubles_is_about_what_broke(family: str, word: str) -> None:
    steps = load_remediation(SHIPPED).steps("", family=family)
    assert any(word in step for step in steps)
