"""Morning reports that are kept as files: which there are, and one of them, whatever its name in an address says.

```
reports/history/2026-11-22/mist-report-2026-11-22-20261123T053000Z.html  (.json, .txt)
reports/archive/reports-2026-11-12.tar.gz  (.index.json; a second one of the day: reports-2026-11-12.2.tar.gz)
reports/archive/weekly-2026-W47.txt
```

Retention packs days that are old (``collect.raw.retention``): here they are read where they are.
"""

import json
import os
import re
import stat
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import BinaryIO

_NAME = re.compile(r"mist-report-\d{4}-\d{2}-\d{2}-\d{8}T\d{6}Z\.(html|json|txt)")
_WEEK = re.compile(r"\d{4}-W\d{2}")
_PACKED = re.compile(r"reports-(\d{4}-\d{2}-\d{2})(?:\.\d+)?\.index\.json")
MOST_BYTES = 16 << 20


@dataclass(frozen=True)
class Reports:
    """The reports of a folder. Nothing outside of it is read, also not through a link.

    Attributes:
        folder: ``reports`` of the data folder; it need not be there.
    """

    folder: Path

    def days(self) -> list[date]:
        """Days of which a page is kept, in its folder or packed, in order."""
        found = (_day(place.name) for place in (self.folder / "history").glob("????-??-??"))
        loose = {day for day in found if day is not None and any(self._loose(day))}
        # An index stands beside a whole archive only, and retention packs no empty folder.
        names = (_PACKED.fullmatch(place.name) for place in self._archive.glob("reports-*.index.json"))
        packed = {day for name in names if name and (day := _day(name[1])) is not None}
        return sorted(loose | packed)

    def newest(self, day: date) -> str:
        """Name of the newest page of a day, '' where there is none."""
        packed = (name for _tar, names in self._packed(day) for name in names if name.endswith(".html"))
        return max((*self._loose(day), *packed), default="")

    def read(self, day: date, name: str) -> bytes | None:
        """A file of a day; None where there is none of this name."""
        if not _NAME.fullmatch(name):
            return None
        loose = _file(self.folder / "history" / day.isoformat() / name)
        if loose is not None:
            return loose
        tars = (tar for tar, names in self._packed(day) if name in names)
        return next(
            (body for tar in tars if (body := _member(tar, f"{day.isoformat()}/{name}")) is not None), None
        )

    def weeks(self) -> list[str]:
        """Weeks of which a summary is kept, as ``2026-W47``, the newest first."""
        names = (place.stem.removeprefix("weekly-") for place in self._archive.glob("weekly-*.txt"))
        return sorted((name for name in names if _WEEK.fullmatch(name)), reverse=True)

    def week(self, name: str) -> bytes | None:
        """The summary of a week; None where there is none of this name."""
        if not _WEEK.fullmatch(name):
            return None
        return _file(self._archive / f"weekly-{name}.txt")

    @property
    def _archive(self) -> Path:
        return self.folder / "archive"

    def _loose(self, day: date) -> Iterator[str]:
        """Pages in the folder of a day."""
        places = (self.folder / "history" / day.isoformat()).glob("mist-report-*.html")
        return (place.name for place in places if _NAME.fullmatch(place.name))

    def _packed(self, day: date) -> Iterator[tuple[Path, list[str]]]:
        """Archives of a day, the newest first, each with the names of its reports; one whose index cannot be read holds none."""
        label = day.isoformat()
        indexes = sorted(
            self._archive.glob(f"reports-{label}*.index.json"), key=lambda it: (len(it.name), it.name)
        )
        for index in reversed(indexes):
            try:
                files = json.loads(_file(index) or b"{}").get("files", {})
            except (ValueError, AttributeError):
                continue
            names = [path.removeprefix(f"{label}/") for path in files]
            tar = index.with_name(index.name.replace(".index.json", ".tar.gz"))
            yield tar, [name for name in names if _NAME.fullmatch(name)]


def _day(name: str) -> date | None:
    try:
        return date.fromisoformat(name)
    except ValueError:
        return None


def _file(path: Path) -> bytes | None:
    """What is in a regular file; nothing of a link, a pipe, or of something far too large."""
    file = _opened(path)
    if file is None:
        return None
    with file:
        return file.read() if os.fstat(file.fileno()).st_size <= MOST_BYTES else None


def _member(path: Path, name: str) -> bytes | None:
    """What a file in an archive holds; None where it cannot be read, or is far too large."""
    file = _opened(path)
    if file is None:
        return None
    try:
        with file, tarfile.open(fileobj=file, mode="r:gz") as tar:
            member = tar.getmember(name)
            content = tar.extractfile(member) if member.isreg() and member.size <= MOST_BYTES else None
            return None if content is None else content.read()
    except (KeyError, tarfile.TarError, EOFError, OSError, zlib.error):
        return None


def _opened(path: Path) -> BinaryIO | None:
    """A regular file; None of a link or a pipe, or where there is none."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    file = os.fdopen(descriptor, "rb")
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return file
    file.close()
    return None
