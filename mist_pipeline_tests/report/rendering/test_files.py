"""Files: whole or not at all, one instant everywhere, pointers that never go back."""

import ast
import json
import os
import re
import time
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

import mist_pipeline.report
from mist_pipeline.report import ReportData, render_html, render_json, render_text, write
from mist_pipeline.report.queries.data import ReportSettings
from mist_pipeline_tests.support.report.worlds import AS_OF, DAY, make_report

STEM = "mist-report-2026-11-22-20261123T053000Z"


@pytest.fixture(scope="module")
def data() -> ReportData:
    """Small, without pictures."""
    return make_report(4, 1, analysed=False)


def names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_a_report_is_three_files_of_its_day_and_three_pointers(tmp_path: Path, data: ReportData) -> None:
    written = write(tmp_path / "reports", data)
    assert names(tmp_path / "reports") == {
        *(f"history/2026-11-22/{STEM}.{kind}" for kind in ("html", "json", "txt")),
        *(f"latest.{kind}" for kind in ("html", "json", "txt")),
    }
    assert written.is_latest
    assert written.html.read_text() == written.latest.read_text().replace("latest.json", f"{STEM}.json")
    assert written.text.read_text() == (tmp_path / "reports/latest.txt").read_text() == render_text(data)
    assert written.json.read_text() == (tmp_path / "reports/latest.json").read_text() == render_json(data)


def test_the_page_links_to_the_data_that_lie_beside_it(tmp_path: Path, data: ReportData) -> None:
    written = write(tmp_path, replace(data, settings=ReportSettings(max_sites=2)))
    for page in (written.html, written.latest):
        linked = set(re.findall(r'href="([^"#]+\.json)"', page.read_text()))
        assert len(linked) == 1
        assert (page.parent / linked.pop()).is_file()


def test_the_page_links_to_that_of_the_newest_day_before(tmp_path: Path, data: ReportData) -> None:
    earlier = [DAY - timedelta(days=back) for back in (3, 1)]
    for day in earlier:
        write(tmp_path, replace(data, day=day, as_of=AS_OF - timedelta(days=1)))
    first = write(tmp_path, replace(data, day=earlier[0], as_of=AS_OF))
    assert "‹" not in first.html.read_text()
    written = write(tmp_path, data)
    for page in (written.html, written.latest):
        (linked,) = set(re.findall(r'class="back" href="([^"]+)"', page.read_text()))
        assert (page.parent / linked).resolve().parent.name == earlier[1].isoformat()
        assert (page.parent / linked).is_file()
        assert "‹ Saturday 21 November 2026" in page.read_text()


def test_predecessor_mistake_13_one_instant_everywhere(tmp_path: Path, data: ReportData) -> None:
    elsewhere = replace(data, as_of=AS_OF.astimezone(timezone(timedelta(hours=-7))))
    written = write(tmp_path, elsewhere)
    document = json.loads(written.json.read_text())
    assert document["as_of"] == "2026-11-23T05:30:00Z"
    assert {path.stem for path in (written.html, written.json, written.text)} == {STEM}
    assert "as of 2026-11-23T05:30:00Z" in written.text.read_text()
    page = written.html.read_text()
    assert "as of 2026-11-23T05:30:00Z" in page
    assert "as of 23 November 2026, 05:30 UTC" in page
    # No other clock time is on the page or in the summary.
    for text in (page.partition("</style>")[2], written.text.read_text()):
        assert set(re.findall(r"\b\d\d:\d\d(?::\d\d)?\b", text)) <= {"05:30", "05:30:00"}


def test_predecessor_mistake_13_nothing_in_the_report_reads_a_clock() -> None:
    for file in Path(mist_pipeline.report.__path__[0]).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                assert node.func.attr not in {"now", "utcnow", "today", "time", "localtime"}, (
                    f"{file}:{node.lineno}"
                )


def test_an_instant_without_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        replace(make_report(1, 1, analysed=False), as_of=datetime(2026, 11, 23))  # noqa: DTZ001


@pytest.mark.slow
@pytest.mark.parametrize("step", range(6))
def test_a_crash_between_any_two_steps_leaves_whole_files_and_is_mended(
    tmp_path: Path, data: ReportData, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    write(tmp_path, data)
    before = {name: (tmp_path / name).read_bytes() for name in names(tmp_path)}
    later = replace(data, as_of=AS_OF + timedelta(hours=1), organisation="Renamed")
    renamed = Path.replace
    done = 0

    def crash(self: Path, target: Path) -> Path:
        nonlocal done
        if done == step:
            raise KeyboardInterrupt
        done += 1
        return renamed(self, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", crash)
        with pytest.raises(KeyboardInterrupt):
            write(tmp_path, later)
    whole = {
        render_html(later, "latest.json"),
        render_html(later, f"{STEM.replace('T0530', 'T0630')}.json"),
        render_text(later),
        render_json(later),
    }
    for name in names(tmp_path):
        content = (tmp_path / name).read_bytes()
        assert content == before.get(name) or content.decode() in whole, name
    assert not list(tmp_path.rglob(".incoming-*"))
    written = write(tmp_path, later)
    assert written.is_latest
    for kind in ("json", "txt"):
        assert (tmp_path / f"latest.{kind}").read_bytes() == written.html.with_suffix(f".{kind}").read_bytes()


def test_what_a_killed_write_left_is_removed_when_it_is_old_and_left_alone_while_young(
    tmp_path: Path, data: ReportData
) -> None:
    home = tmp_path / "history" / DAY.isoformat()
    home.mkdir(parents=True)
    old, young = home / ".incoming-old", tmp_path / ".incoming-young"
    old.write_text("half")
    young.write_text("half")
    long_ago = time.time() - 7200
    os.utime(old, (long_ago, long_ago))
    write(tmp_path, data)
    assert not old.exists()
    assert young.exists()


def test_a_report_of_an_earlier_day_does_not_become_the_latest(tmp_path: Path, data: ReportData) -> None:
    write(tmp_path, data)
    earlier = write(tmp_path, replace(data, day=DAY - timedelta(days=3), as_of=AS_OF + timedelta(days=1)))
    assert not earlier.is_latest
    assert earlier.html.is_file()
    assert json.loads((tmp_path / "latest.json").read_text())["day"] == "2026-11-22"
    again = write(tmp_path, replace(data, as_of=AS_OF + timedelta(hours=2)))
    assert again.is_latest


@pytest.mark.parametrize("content", ["", "{", "[]", '{"day": null, "as_of": 3}', '"x"'])
def test_a_damaged_pointer_is_replaced(tmp_path: Path, data: ReportData, content: str) -> None:
    (tmp_path / "latest.json").write_text(content)
    assert write(tmp_path, data).is_latest
    assert json.loads((tmp_path / "latest.json").read_text())["day"] == "2026-11-22"


def test_a_folder_that_cannot_be_written_is_an_error_that_names_it(tmp_path: Path, data: ReportData) -> None:
    (tmp_path / "reports").write_text("a file where the folder should be")
    with pytest.raises(OSError, match="reports"):
        write(tmp_path / "reports", data)


@pytest.mark.parametrize(("folder", "file"), [(0o700, 0o600), (0o750, 0o640), (0o755, 0o644)], ids=oct)
def test_who_may_read_the_folder_may_read_the_reports(
    tmp_path: Path, data: ReportData, folder: int, file: int
) -> None:
    reports = tmp_path / "reports"
    reports.mkdir()
    reports.chmod(folder)
    written = write(reports, data)
    assert {written.latest.stat().st_mode & 0o777, written.html.stat().st_mode & 0o777} == {file}
    assert {place.stat().st_mode & 0o777 for place in (written.html.parent, reports / "history")} == {folder}
