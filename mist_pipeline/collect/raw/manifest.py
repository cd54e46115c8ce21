"""What a manifest promises: which files cover a day, and how large and of which content each of them is.

Here: manifests as values, and whether bytes are what was promised. Not here: where manifests lie and which of them counts
(`store`), and how they are written (`generation`).
"""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from mist_pipeline.collect.raw.errors import RawDamagedError

SUFFIX = ".manifest.json"

STAMP = "%Y%m%dT%H%M%S.%fZ"
"""How an instant (UTC) stands in the name of a file."""

_ANSWERS = re.compile(r"[a-z][a-z0-9_]*/day=\d{4}-\d\d-\d\d/[^/\0]+\.jsonl\.gz", re.ASCII)
"""Where answers of a day lie below the raw folder; no such path leaves it."""


@dataclass(frozen=True)
class RawFile:
    """A raw file as its manifest promises it.

    Attributes:
        path: Below the store.
        sha256: Of its content.
        num_bytes: Its size; None in manifests of earlier versions.
    """

    path: str
    sha256: str
    num_bytes: int | None = None

    def to_json(self) -> dict[str, Any]:
        """As it stands in a manifest."""
        size = {} if self.num_bytes is None else {"bytes": self.num_bytes}
        return {"path": self.path, "sha256": self.sha256, **size}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "RawFile":
        """Read ``to_json``.

        Raises:
            RawDamagedError: It names what is no file of answers below the raw folder.
        """
        path, size = str(values["path"]), values.get("bytes")
        if not _ANSWERS.fullmatch(path):
            raise RawDamagedError(f"names {path[:100]!r}, which is no file of answers below the raw folder")
        if size is not None and (type(size) is not int or size < 0):
            raise RawDamagedError("promises a size that is no number of bytes")
        return cls(path, str(values["sha256"]), size)

    def checked(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """The same bytes, compared with the promise once all of them have passed.

        Raises:
            RawDamagedError: They are not what was promised.
        """
        digest, size = hashlib.sha256(), 0
        for chunk in chunks:
            digest.update(chunk)
            size += len(chunk)
            yield chunk
        if self.num_bytes is not None and size != self.num_bytes:
            raise RawDamagedError(f"holds {size:,} bytes, its manifest promises {self.num_bytes:,}")
        if digest.hexdigest() != self.sha256:
            raise RawDamagedError(
                f"holds {size:,} bytes that are not those its manifest promises (SHA-256 differs)"
            )


@dataclass(frozen=True)
class Manifest:
    """The commit marker of one generation for one day.

    Attributes:
        files: Every file that covers the day.
        notes: What the plan said (``Plan.summary``).
    """

    kind: str
    day: date
    generation: str
    as_of: datetime
    files: tuple[RawFile, ...]
    notes: Mapping[str, Any]


def read_manifest(content: bytes | Mapping[str, Any]) -> Manifest:
    """A manifest from its file, or from the index of an archive.

    Raises:
        RawDamagedError: It is none.
    """
    try:
        values = json.loads(content) if isinstance(content, bytes) else content
        if not values["files"]:
            raise RawDamagedError("names no file of answers")
        return Manifest(
            kind=values["kind"],
            day=date.fromisoformat(values["day"]),
            generation=values["generation"],
            as_of=datetime.fromisoformat(values["as_of"]),
            files=tuple(RawFile.from_json(file) for file in values["files"]),
            notes=values["notes"],
        )
    # The last: of a document that is nested deeper than Python can follow.
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        said = "is empty" if not content else "is no manifest"
        raise RawDamagedError(said) from error
