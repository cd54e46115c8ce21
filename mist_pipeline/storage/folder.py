"""A store in a folder of a disk: files are made beside their place, flushed, and given their name."""

import contextlib
import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Self

from mist_pipeline.storage import durable
from mist_pipeline.storage.files import Entry, FileStore

_CHUNK = 1 << 20
_FILES = (".json", ".gz")
"""What begins a name so is no folder of a store: a folder of such a name is in the place of a file, and is told as one."""


class FolderStore(FileStore):
    """Files below a folder, which is made when something is written.

    Args:
        root: The folder.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def address(self, key: str = "") -> str:
        """The path."""
        return str(self.root / key)

    def within(self, folder: str) -> Self:
        """The store of a folder below."""
        return type(self)(self.root / folder)

    def files(self, folder: str = "", *, deep: bool = False) -> list[Entry]:
        """The files of a folder."""
        return sorted(self._walk(folder, deep=deep), key=lambda entry: entry.key)

    def folders(self, folder: str = "") -> list[str]:
        """Names of folders."""
        return sorted(each.name for each in self._scan(folder) if _is_folder(each))

    def stat(self, key: str) -> Entry | None:
        """A file as it is now."""
        try:
            return _entry(key, (self.root / key).stat())
        except FileNotFoundError:
            return None

    def open(self, key: str) -> Iterator[bytes]:
        """The bytes of a file; one that is replaced meanwhile is read to its end."""
        file = (self.root / key).open("rb")

        def chunks() -> Iterator[bytes]:
            with file:
                while chunk := file.read(_CHUNK):
                    yield chunk

        return chunks()

    def read(self, key: str) -> bytes:
        """The content of a file."""
        return (self.root / key).read_bytes()

    def put_if_absent(self, key: str, content: bytes | Path) -> bool:
        """Write a file that is not there yet: by a link, which never replaces what is there."""
        path = self.root / key
        if isinstance(content, bytes):
            return durable.write_if_absent(path, content) or path.read_bytes() == content
        if durable.move(content, path):
            return True
        if not _same(content, path):
            return False
        content.unlink()
        return True

    def replace(self, key: str, content: bytes | Path) -> str:
        """Write a file beside its place and rename it."""
        chunks = [content] if isinstance(content, bytes) else FolderStore(content.parent).open(content.name)
        path = self.root / key
        durable.write_atomically(path, chunks)
        return _entry(key, path.stat()).version

    def delete(self, keys: Iterable[str]) -> None:
        """Remove files, and the folders that are empty then."""
        gone = [self.root / key for key in keys]
        for path in gone:
            path.unlink(missing_ok=True)
        folders = {parent for path in gone for parent in path.parents if self.root in parent.parents}
        for folder in sorted(folders, key=lambda each: len(each.parts), reverse=True):
            # One that is not empty, or that somebody else removed, stays as it is.
            with contextlib.suppress(OSError):
                folder.rmdir()

    def clear(self, folder: str) -> None:
        """Remove a folder."""
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(self.root / folder)

    def _walk(self, folder: str, *, deep: bool) -> Iterator[Entry]:
        for each in self._scan(folder):
            if deep and each.is_symlink():
                continue  # it may lead anywhere, also to where we are
            key = f"{folder}/{each.name}" if folder else each.name
            if _is_folder(each):
                if deep:
                    yield from self._walk(key, deep=True)
            else:
                with contextlib.suppress(FileNotFoundError):  # removed since the folder was read
                    yield _entry(key, each.stat())

    def _scan(self, folder: str) -> Iterator[os.DirEntry[str]]:
        try:
            with os.scandir(self.root / folder) as found:
                # What is neither file nor folder (a link that leads nowhere) is nothing that could be read.
                yield from (
                    each for each in found if each.name[0] != "." and (each.is_file() or each.is_dir())
                )
        except (FileNotFoundError, NotADirectoryError):
            return


def _is_folder(each: os.DirEntry[str]) -> bool:
    return each.is_dir() and not each.name.endswith(_FILES)


def _entry(key: str, known: os.stat_result) -> Entry:
    version = f"{known.st_ino}-{known.st_mtime_ns}-{known.st_size}"
    return Entry(key, known.st_size, known.st_mtime, version)


def _same(one: Path, other: Path) -> bool:
    if one.stat().st_size != other.stat().st_size:
        return False
    with one.open("rb") as left, other.open("rb") as right:
        while chunk := left.read(_CHUNK):
            if right.read(_CHUNK) != chunk:
                return False
    return True
