"""Morning reports that are kept as files: which there are, and one of them, whatever its name in an address says.

```
reports/history/2026-11-22/mist-report-2026-11-22-20261123T053000Z.html  (.json, .txt)
archive/weekly-2026-W47.txt
```
"""

import os
import re
import stat
from dataclasses import dataclass
from datetime import date
from pathlib import Path

_NAME = re.compile(r"mist-report-\d{4}-\d{2}-\d{2}-\d{8}T\d{6}Z\.(html|json|txt)")
_WEEK = re.compile(r"\d{4}-W\d{2}")
MOST_BYTES = 16 << 20


@dataclass(frozen=True)
class Reports:
    """The reports of a folder. Nothing outside of it is read, also not through a link.

    Attributes:
        folder: ``reports`` of the data folder; None where there is none.
    """

    folder: Path | None

    def days(self) -> list[date]:
        """Days of which a page is kept, in order."""
        if self.folder is None:
            return []
        found = (_day(place.name) for place in (self.folder / "history").glob("????-??-??"))
        return sorted(day for day in found if day is not None and self.newest(day))

    def newest(self, day: date) -> str:
        """Name of the newest page of a day, '' where there is none."""
        if self.folder is None:
            return ""
        names = (
            place.name for place in (self.folder / "history" / day.isoformat()).glob("mist-report-*.html")
        )
        return max((name for name in names if _NAME.fullmatch(name)), default="")

    def read(self, day: date, name: str) -> bytes | None:
        """A file of a day; None where there is none of this name."""
        if self.folder is None or not _NAME.fullmatch(name):
            return None
        return _file(self.folder / "history" / day.isoformat() / name)

    def weeks(self) -> list[str]:
        """Weeks of which a summary is kept, as ``2026-W47``, the newest first."""
        if self.folder is None:
            return []
        names = (
            place.stem.removeprefix("weekly-") for place in self._archive(self.folder).glob("weekly-*.txt")
        )
        return sorted((name for name in names if _WEEK.fullmatch(name)), reverse=True)

    def week(self, name: str) -> bytes | None:
        """The summary of a week; None where there is none of this name."""
        if self.folder is None or not _WEEK.fullmatch(name):
            return None
        return _file(self._archive(self.folder) / f"weekly-{name}.txt")

    @staticmethod
    def _archive(folder: Path) -> Path:
        return folder.parent / "archive"


def _day(name: str) -> date | None:
    try:
        return date.fromisoformat(name)
    except ValueError:
        return None


def _file(path: Path) -> bytes | None:
    """What is in a regular file; nothing of a link, a pipe, or of something far too large."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    with os.fdopen(descriptor, "rb") as file:
        known = os.fstat(descriptor)
        if not stat.S_ISREG(known.st_mode) or known.st_size > MOST_BYTES:
            return None
        return file.read()
