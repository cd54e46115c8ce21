"""Copying the files of one store to another, each read back and compared; what is there already is compared alone.

What makes others visible (manifests, indexes of archives) is copied last, so that a reader of the new store finds a fetch whole or not at
all, also while it is copied. Nothing is removed. Not here: which stores (`shared_files`), words (``cli.storage``).
"""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from mist_pipeline.collect.raw.errors import RawDamagedError
from mist_pipeline.collect.raw.format import file_chunks, sha256_of
from mist_pipeline.storage.files import Entry, FileStore

_LAST = (".manifest.json", ".index.json")
_LOCAL = "/unfinished/"


@dataclass(frozen=True)
class Copied:
    """What was copied and compared: files, their bytes, and how many of them were there already."""

    num_files: int
    num_bytes: int
    num_there: int


def to_copy(source: FileStore) -> list[Entry]:
    """The files of a store in the order in which they are copied."""
    entries = [entry for entry in source.files(deep=True) if _LOCAL not in f"/{entry.key}"]
    return sorted(entries, key=lambda entry: (entry.key.endswith(_LAST), entry.key))


def copy_files(source: FileStore, target: FileStore, entries: list[Entry], scratch: Path) -> Copied:
    """Copy files and read each back.

    Args:
        source: Where they are.
        target: Where they go.
        entries: From ``to_copy``.
        scratch: A local folder for one file at a time.

    Raises:
        RawDamagedError: A file of this name is there and is another one, or does not read back as it is.
        StoreError: A store does not answer.
    """
    num_files = num_bytes = num_there = 0
    with tempfile.TemporaryDirectory(dir=scratch, prefix=".moving-", suffix=".tmp") as folder:
        for entry in entries:
            local = Path(folder) / "file"
            with local.open("wb") as file:
                file.writelines(source.open(entry.key))
            sha256 = sha256_of(file_chunks(local))
            num_there += target.stat(entry.key) is not None
            if "/" not in entry.key and target.stat(entry.key) is not None:
                continue  # what every poll writes anew: what is there is newer
            if not target.put_if_absent(entry.key, local):
                raise RawDamagedError(
                    f"{target.address(entry.key)} is there and is another file than {source.address(entry.key)}. One place holds "
                    "the files of one organisation: choose another, or remove what is there."
                )
            if sha256_of(target.open(entry.key)) != sha256:
                raise RawDamagedError(f"{target.address(entry.key)} does not read back as it was written.")
            num_files += 1
            num_bytes += entry.num_bytes
    return Copied(num_files, num_bytes, num_there)
