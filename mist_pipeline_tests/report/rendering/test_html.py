"""The page holds what the document says, safely, and needs nothing from anywhere."""

import base64
import hashlib
import re
from dataclasses import replace
from itertools import pairwise

import polars as pl
import pytest

from mist_pipeline.report import Links, ReportData, ReportSettings, render_html
from mist_pipeline_tests.support.report.pages import Rendered, parse, rendered
from mist_pipeline_tests.support.report.worlds import DAY, make_report, site_id

SECTIONS = {
    "open": "Open now",
    "attention": "What needs attention",
    "at-risk": "Critical within 3 days",
    "incidents": "What the troubled share",
    "trends": "Getting worse, day by day",
    "sites": "All sites, worst first",
    "health": "Health by day",
    "unusual": "Unusual",
    "classifiers": "What the cloud blames",
}
OPTIONAL = {
    "incidents": "incidents",
    "risks": "at-risk",
    "health_scores": "health",
    "anomalies": "unusual",
}


def section(page: str, name: str) -> str:
    """The markup of one section, '' if it is left out."""
    found = re.search(rf'<section[^>]* id="{name}">.*?</section>', page, flags=re.DOTALL)
    return found[0] if found else ""


def test_the_page_is_well_formed(report: Rendered, hostile: Rendered) -> None:
    assert report.page.errors == []
    assert hostile.page.errors == []


def test_every_section_is_there_under_a_heading_that_names_it(report: Rendered) -> None:
    for name, title in SECTIONS.items():
        markup = section(report.html, name)
        labelled = re.search(r'aria-labelledby="([^"]+)"', markup)
        assert labelled
        assert f'id="{labelled[1]}">{title}</h2>' in markup


def test_nothing_is_loaded_from_anywhere(report: Rendered) -> None:
    assert (
        report.page.all("script", "img", "iframe", "object", "embed", "audio", "video", "base", "form") == []
    )
    for attributes in (attributes for _, attributes in report.page.elements):
        assert "src" not in attributes
        assert not any(name.startswith("on") for name in attributes)
    assert [link["href"] for link in report.page.all("link")] == ["data:,"]
    for use in report.page.all("use"):
        assert use["href"].startswith("#")
    assert "@import" not in report.html
    assert "url(http" not in report.html
    assert "font-face" not in report.html


def test_the_content_security_policy_allows_the_one_style_sheet_and_nothing_else(report: Rendered) -> None:
    style = re.search(r"<style>(.*?)</style>", report.html, flags=re.DOTALL)
    assert style
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    policy = next(meta["content"] for meta in report.page.all("meta") if "http-equiv" in meta)
    assert (
        policy
        == f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"
    )
    # An inline style would be blocked by it.
    assert not any("style" in attributes for _, attributes in report.page.elements)


def test_links_of_sites_lead_to_their_page_in_the_cloud(report: Rendered) -> None:
    outside = {a["href"] for a in report.page.all("a") if not a["href"].startswith("#")}
    assert (
        f"https://manage.mist.com/admin/?org_id={report.data.links.org_id}#!dashboard/insights/{site_id(0)}"
        in outside
    )
    assert all(
        href.startswith(("https://manage.mist.com/admin/", "http://localhost:3000")) for href in outside
    )


def test_no_cloud_known_means_no_links_to_sites() -> None:
    page = parse(render_html(replace(make_report(5, 3, analysed=False), links=Links())))
    assert [a["href"] for a in page.all("a") if not a["href"].startswith("#")] == []


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "http://manage.mist.com", "data:text/html,x", "manage.mist.com", ""]
)
def test_an_address_that_is_not_https_is_refused_by_name(url: str) -> None:
    with pytest.raises(ValueError, match="manage_url"):
        Links(manage_url=url, org_id="o")


def test_ids_are_unique_and_references_find_them(report: Rendered) -> None:
    ids = [attributes["id"] for _, attributes in report.page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    wanted = set(re.findall(r'(?:url\(#|href="#|aria-labelledby=")([^")]+)', report.html))
    assert wanted <= set(ids)


def test_the_questions_are_answered_in_their_order(report: Rendered) -> None:
    ids = re.findall(r'<section[^>]* id="([^"]+)"', report.html)
    asked = [
        "status",
        "open",
        "attention",
        "at-risk",
        "trends",
        "incidents",
        "classifiers",
        "sites",
        "health",
        "unusual",
    ]
    assert ids == asked


def test_pages_are_numbered_in_print(report: Rendered) -> None:
    assert 'content: counter(page) " / " counter(pages)' in report.html
    assert f'content: "Network report of {DAY}"' in report.html


def test_a_heading_never_skips_a_level(report: Rendered) -> None:
    levels = [int(tag[1]) for tag, _ in report.page.elements if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_every_table_says_what_its_heads_belong_to_and_every_picture_what_it_shows(report: Rendered) -> None:
    assert {th.get("scope") for th in report.page.all("th")} == {"col", "row"}
    for svg in report.page.all("svg"):
        spoken = svg.get("role") == "img" and (svg.get("aria-label") or svg.get("aria-labelledby"))
        assert spoken or svg.get("aria-hidden") == "true"


def test_status_is_never_told_by_colour_alone(report: Rendered) -> None:
    sites = section(report.html, "sites")
    for status, amount in report.dashboard["totals"]["status"].items():
        assert sites.count(f"</svg> {status}</span>") == amount


def test_colours_are_variables_for_light_dark_and_paper(report: Rendered) -> None:
    body = report.html.partition("</style>")[2]
    assert set(re.findall(r'(?:fill|stroke)="(#[0-9a-fA-F]{3,8})"', body)) == set()
    assert "prefers-color-scheme: dark" in report.html
    assert "@media print" in report.html
    used = set(re.findall(r"var\(--([a-z0-9-]+)\)", report.html))
    root, dark, paper = (
        set(re.findall(r"--([a-z0-9-]+):", block))
        for block in re.findall(r":root \{(.*?)\}", report.html, flags=re.DOTALL)
    )
    assert used <= root
    assert dark == paper == root


def test_the_fan_charts_show_band_threshold_and_sentence(report: Rendered) -> None:
    risks = section(report.html, "at-risk")
    assert risks.count('class="chart"') == len(report.dashboard["at_risk"] or []) == 3
    assert "Approaching critical in 2–3 days at the current trend (71 %)" in risks
    for role in ("band-80", "band-95", "series", "critical"):
        assert f"var(--{role})" in risks
    assert ">critical 70 %<" in risks
    assert risks.count(">Wed 25 Nov<") == 3 * 2, "the day of each crossing, and the halo behind it"


def test_the_fan_charts_mark_days_on_which_the_site_was_changed_and_say_what(report: Rendered) -> None:
    risks = section(report.html, "at-risk")
    what = [
        [(one["day"], one["what"]) for one in risk["changes"]] for risk in report.dashboard["at_risk"] or []
    ]
    assert all(changes == [("2026-11-15", "network template “Retail” updated")] for changes in what)
    assert risks.count("Configuration changed on 2026-11-15.") == len(what) == 3
    assert risks.count("15 Nov: <bdi>network template “Retail” updated</bdi>") == 3
    assert "Tomorrow" not in risks


def test_names_in_changes_are_text(hostile: Rendered) -> None:
    (name,) = {one["what"] for risk in hostile.dashboard["at_risk"] or [] for one in risk["changes"]}
    assert name == "network template “<script>document.title='owned'</script>” updated"
    assert "&lt;script&gt;document.title=&#39;owned&#39;&lt;/script&gt;” updated" in hostile.html


def test_the_seven_day_line_reads_as_the_roadmap_has_it(report: Rendered) -> None:
    trends = section(report.html, "trends")
    assert 'title="Day 1: ' in trends
    assert re.search(r'title="Day 7: time to connect \d+ % CRITICAL ↑ ALERT: critical"', trends)
    assert "↑ ALERT: approaching critical in 2–3 days" in trends


@pytest.mark.slow
@pytest.mark.parametrize(
    ("share", "colour"),
    [(20.0, "red"), (19.99, "darkorange"), (10.0, "darkorange"), (9.99, "orange"), (0.01, "orange")],
)
def test_classifiers_are_coloured_as_the_predecessor_coloured_them(share: float, colour: str) -> None:
    data = make_report(2, 2, analysed=False)
    rows = data.classifiers_daily.head(1).with_columns(degraded_pct=pl.lit(share))
    blames = section(render_html(replace(data, classifiers_daily=rows)), "classifiers")
    assert f'class="blame-{colour}"' in blames.partition("<table>")[2]


@pytest.mark.slow
@pytest.mark.parametrize(("frame", "name"), OPTIONAL.items())
def test_what_was_not_computed_is_left_out_and_what_is_empty_says_so(frame: str, name: str) -> None:
    data = make_report(3, 4)
    absent = render_html(replace(data, **{frame: None}))
    assert section(absent, name) == ""
    assert f'href="#{name}"' not in absent
    empty = render_html(replace(data, **{frame: getattr(data, frame).clear()}))
    if name != "health":  # a site without health has a dash in its row; a map of dashes says less
        assert "Nothing: " in section(empty, name)


def test_an_organisation_without_sites_says_so_and_calls_nothing_healthy() -> None:
    data = make_report(2, 2)
    bare = ReportData(
        day=DAY,
        as_of=data.as_of,
        organisation="",
        **{
            name: getattr(data, name).clear()
            for name in (
                "sites",
                "sle_daily",
                "classifiers_daily",
                "site_status",
                "trends",
                "risks",
                "incidents",
                "anomalies",
                "findings",
                "health_scores",
                "forecasts",
            )
        },
    )
    page = parse(render_html(bare))
    assert page.errors == []
    assert "There is no site to report on" in page.words
    assert "There are no sites." in page.words
    assert "There is no site that could need attention." in page.words
    assert "no site is critical" not in page.words
    assert "healthy" not in page.words.partition("Readings of the day")[0].lower().replace(
        "unhealthy", ""
    ).replace("0 healthy", "")


def test_sites_nobody_could_judge_are_shown_as_unknown_with_the_reason() -> None:
    data = make_report(4, 3, analysed=False)
    silent = replace(
        data,
        sle_daily=data.sle_daily.with_columns(
            state=pl.lit("missing"), score_pct=pl.lit(None, pl.Float64), severity=pl.lit(None, pl.String)
        ),
        site_status=data.site_status.with_columns(status=pl.lit("UNKNOWN")),
        trends=data.trends.clear(),
        classifiers_daily=data.classifiers_daily.clear(),
    )
    page = parse(render_html(silent))
    assert "None of 4 sites could be judged: the cloud had no data." in page.words
    assert "4 sites could not be judged" in page.words
    assert page.words.count("the cloud had no data") == 6


def test_a_list_that_is_cut_says_how_many_it_leaves_out_and_where_they_are() -> None:
    data = replace(make_report(24, 3, analysed=False), settings=ReportSettings(max_sites=10))
    sites = section(render_html(data), "sites")
    assert sites.count("<tr>") == 11
    assert "14 more sites not shown here" in sites
    assert "JSON dashboard" in sites


def test_one_common_cause_does_not_fill_the_list_of_what_needs_attention(report: Rendered) -> None:
    attention = section(report.html, "attention")
    assert attention.count("part of a common cause of") == 3
    assert "2 more sites not shown here" in attention


@pytest.mark.parametrize(
    ("state", "users", "columns", "said"),
    [
        ("not_asked", [None, None], ["Classifier", "Degraded", "Worst site"], "not asked for this day."),
        ("not_said", [None, None], ["Classifier", "Degraded", "Worst site"], "the cloud did not say."),
        (
            None,
            [None, None],
            ["Classifier", "Degraded", "Worst site"],
            "Users and APs that are hit: not known.",
        ),
        ("known", [31, None], ["Classifier", "Degraded", "Users", "APs", "Worst site"], "31 at 1 of 2 sites"),
        ("known", [31, 4], ["Classifier", "Degraded", "Users", "APs", "Worst site"], "35"),
    ],
)
def test_who_is_hit_is_a_number_or_says_why_it_is_not_known(
    state: str | None, users: list[int | None], columns: list[str], said: str
) -> None:
    data = make_report(2, 2, analysed=False)
    blamed = pl.DataFrame(
        {
            "day": [DAY] * 2,
            "site_id": [site_id(0), site_id(1)],
            "metric": ["coverage"] * 2,
            "classifier": ["weak-signal"] * 2,
            "degraded_pct": [12.0, 6.0],
            "degraded_user_minutes": [120.0, 60.0],
            "num_users": pl.Series(users, dtype=pl.Int64),
            "num_aps": pl.Series(users, dtype=pl.Int64),
            "impact_state": pl.Series([state if one is None else "known" for one in users], dtype=pl.String),
        }
    )
    found = rendered(replace(data, classifiers_daily=blamed))
    markup = parse(section(found.html, "classifiers"))
    assert [
        text for text in markup.text if text in {"Classifier", "Degraded", "Users", "APs", "Worst site"}
    ] == columns
    assert said in markup.words
    assert said in found.text
    assert "–" not in markup.words.replace("20 % and more", "")
