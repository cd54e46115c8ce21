"""Reports as files: a folder a day, and pointers to the newest; a reader sees a whole file or none.

```
reports/history/2026-11-22/mist-report-2026-11-22-20261123T053000Z.html  (.json, .txt)
reports/latest.html  latest.json  latest.txt
```

Not here: moving old folders into the archive (``collect.raw``).
"""

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date
from pathlib import Path
from typing import Any

from mist_pipeline.report.document.dashboard import build_dashboard
from mist_pipeline.report.queries.data import ReportData
from mist_pipeline.report.rendering.html import Page, PageBefore
from mist_pipeline.report.rendering.render import json_of
from mist_pipeline.report.rendering.text import text_of

_KINDS = ("html", "txt", "json")
"""In the order of writing: the JSON comes last, because `latest.json` says which report the pointers show."""

_PREFIX = ".incoming-"
_ABANDONED_SECONDS = 3600


@dataclass(frozen=True)
class Written:
    """Where a report lies.

    Attributes:
        html: The page.
        json: The dashboard document.
        text: The summary.
        latest: The stable address of the newest page (``latest.html``).
        is_latest: Whether this report became the newest; a report of an earlier day does not.
    """

    html: Path
    json: Path
    text: Path
    latest: Path
    is_latest: bool


def write(folder: Path, data: ReportData) -> Written:
    """Write the three forms of a report, then the pointers to it.

    Every file is written under a temporary name in its own folder, flushed to disk and renamed. A crash leaves whole
    files of before or after, at worst pointers of two reports, which the next write repairs; temporary files of a crash
    are removed by a write an hour later.

    Args:
        folder: The reports folder; made if absent.
        data: The report.

    Raises:
        OSError: If the folder cannot be written; what was there is untouched.
    """
    stamp = data.as_of.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    stem = f"mist-report-{data.day.isoformat()}-{stamp}"
    home = folder / "history" / data.day.isoformat()
    folder.mkdir(parents=True, exist_ok=True)
    for place in (home.parent, home):
        if not place.exists():
            place.mkdir(exist_ok=True)
            place.chmod(folder.stat().st_mode & 0o777)
    dashboard = build_dashboard(data)
    page = Page(dashboard, data.settings)
    document, summary = json_of(dashboard), text_of(dashboard, data.settings)
    before = _page_before(home.parent, data.day.isoformat())
    own = {
        "html": page.html(f"{stem}.json", _linked(before, "..")),
        "txt": summary,
        "json": document,
    }
    for kind in _KINDS:
        _replace(home / f"{stem}.{kind}", own[kind])
    is_latest = _is_newest(folder / "latest.json", dashboard["day"], dashboard["as_of"])
    if is_latest:
        stable: Mapping[str, str] = {**own, "html": page.html("latest.json", _linked(before, "history"))}
        for kind in _KINDS:
            _replace(folder / f"latest.{kind}", stable[kind])
    written = (home / f"{stem}.json").stat().st_mtime
    _sweep(folder, written)
    _sweep(home, written)
    return Written(
        html=home / f"{stem}.html",
        json=home / f"{stem}.json",
        text=home / f"{stem}.txt",
        latest=folder / "latest.html",
        is_latest=is_latest,
    )


def _page_before(history: Path, day: str) -> Path | None:
    """The newest page of the newest earlier day, if there is one; older ones are packed away by months."""
    earlier = sorted(
        folder.name for folder in history.glob("????-??-??") if folder.is_dir() and folder.name < day
    )
    pages = sorted((history / earlier[-1]).glob("mist-report-*.html")) if earlier else []
    return pages[-1] if pages else None


def _linked(page: Path | None, history: str) -> PageBefore | None:
    """A link to a page, from where ``history`` is the address of its folder's folder."""
    if page is None or not _is_day(page.parent.name):
        return None
    return PageBefore(page.parent.name, f"{history}/{page.parent.name}/{page.name}")


def _is_day(name: str) -> bool:
    try:
        date.fromisoformat(name)
    except ValueError:
        return False
    return True


def _is_newest(pointer: Path, day: str, as_of: str) -> bool:
    """Whether a report of this day and instant is at least as new as the one that the pointers show."""
    try:
        shown: Any = json.loads(pointer.read_text(encoding="utf-8"))
        return (day, as_of) >= (shown["day"], shown["as_of"])
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return True  # no pointer, or nothing that we wrote: a whole report is better


def _replace(path: Path, text: str) -> None:
    """Write a file so that its name shows the old content or all of the new."""
    descriptor, temporary = tempfile.mkstemp(prefix=_PREFIX, dir=path.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        # The folder says who may read what is in it.
        Path(temporary).chmod(0o600 | (path.parent.stat().st_mode & 0o044))
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _sweep(folder: Path, now: float) -> None:
    """Remove what crashed writes left behind; younger files may belong to a writer at work.

    Args:
        folder: Where to look.
        now: Modification time of a file just written: the clock of the disk, the only one that matters here.
    """
    for left in folder.glob(f"{_PREFIX}*"):
        try:
            if now - left.stat().st_mtime > _ABANDONED_SECONDS:
                left.unlink()
        except FileNotFoundError:
            continue  # its writer renamed it meanwhile
