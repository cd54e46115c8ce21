"""Morning reports that are kept: a calendar, and files that can do nothing."""

import os
from datetime import date
from pathlib import Path

import pytest

from mist_pipeline.collect.raw.retention import Rules, apply_retention, plan_retention
from mist_pipeline.collect.raw.store import RawStore
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
    (tmp_path / "reports" / "archive").mkdir()
    (tmp_path / "reports" / "archive" / "weekly-2026-W08.txt").write_text("Week 8", encoding="utf-8")
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
    assert "1 day with a report" in page
    assert reader.get("/week/2026-W08").body == "Week 8"


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


def packed(made: Organisation, today: date) -> None:
    """What the job ``retention`` does, summary of the week included; of a half-written file it keeps off."""
    rules = Rules(keep_days=7, archive_after_days=30)
    plan = plan_retention(RawStore(made.folder / "raw"), made.folder / "reports", rules, today)
    apply_retention(plan, lambda start, _end: f"Week of {start}")


def test_what_retention_packed_opens_as_before_and_its_week_is_listed(
    made: Organisation, reader: Client
) -> None:
    packed(made, date(2026, 3, 20))
    assert not list((made.folder / "reports" / "history").glob("*/*.html"))
    assert reader.get("/reports?month=2026-03").body.count('href="/report/2026-03-01"') == 2
    assert reader.get("/week/2026-W11").body == "Week of 2026-03-09"
    answer = reader.get("/report/2026-03-01")
    assert answer.header("location") == f"/report/2026-03-01/{STEM.format(7)}.html"
    report = reader.get(answer.header("location"))
    assert (report.status, report.body) == (200, PAGE)
    assert report.header("content-security-policy").startswith("sandbox;")
    assert reader.get(f"/report/2026-03-01/{STEM.format(9)}.html").status == 404


def test_a_day_that_was_reported_again_after_it_was_packed_shows_the_newest(
    made: Organisation, reader: Client
) -> None:
    for hour in (8, 9):
        packed(made, date(2026, 3, 20))
        home = made.folder / "reports" / "history" / "2026-03-01"
        home.mkdir(exist_ok=True)
        (home / f"{STEM.format(hour)}.html").write_text(f"made again at {hour}", encoding="utf-8")
    assert reader.get("/report/2026-03-01").header("location").endswith(f"{STEM.format(9)}.html")
    for hour, words in ((9, "made again at 9"), (8, "made again at 8"), (5, PAGE)):
        assert reader.get(f"/report/2026-03-01/{STEM.format(hour)}.html").body == words


@pytest.mark.parametrize("lost", ["tar.gz", "index.json"])
def test_an_archive_that_is_damaged_says_that_there_is_no_such_report(
    made: Organisation, reader: Client, lost: str
) -> None:
    packed(made, date(2026, 3, 20))
    (made.folder / "reports" / "archive" / f"reports-2026-03-01.{lost}").write_bytes(b"\x1f\x8bhalf")
    assert reader.get(f"/report/2026-03-01/{STEM.format(7)}.html").status == 404
    assert reader.get("/reports").status == 200


def test_without_reports_the_page_says_who_makes_them(tmp_path: Path) -> None:
    page = client_of(Organisation(tmp_path, ())).get("/reports").body
    assert "No report is kept yet" in page
