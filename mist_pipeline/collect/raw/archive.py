"""Packed files: tar.gz archives with an index, whose content is proven by reading it back.

An archive is ``<prefix>-<label>.tar.gz`` and ``<prefix>-<label>.index.json`` beside it. The index is written last and
makes the archive exist; an archive is never changed afterwards, later files of the same label get a number. The same files
make the same archive, byte for byte, so that one whose index a crash prevented is taken up by the next attempt, and two
machines that pack the same month at once make one. Which files go in, and when they may go from their place, is decided
in ``collect.raw.retention``.
"""

import gzip
import io
import json
import tarfile
import tempfile
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, Any, cast

from mist_pipeline.collect.raw.errors import RawDamagedError
from mist_pipeline.collect.raw.format import sha256_of
from mist_pipeline.collect.raw.manifest import SUFFIX
from mist_pipeline.storage import durable
from mist_pipeline.storage.files import FileStore

_TAR, _INDEX = ".tar.gz", ".index.json"
_BROKEN = (tarfile.TarError, EOFError, OSError, zlib.error)


@dataclass(frozen=True)
class Packed:
    """One file in an archive: the archive's name, and the file's SHA-256."""

    archive: str
    sha256: str


class Archive:
    """All archives with one prefix in one folder.

    Args:
        files: The folder where they are.
        prefix: Begin of their names.
        scratch: A local folder in which they are made.
        level: gzip level, 1–9.
    """

    def __init__(self, files: FileStore, prefix: str, scratch: Path, *, level: int = 1) -> None:
        self._files = files
        self._prefix = prefix
        self._scratch = scratch
        self._level = level

    @cached_property
    def _indexes(self) -> dict[str, dict[str, Any]]:
        # By length first: the second archive of a month (".2") is newer than the first, and its files count.
        names = (entry.key for entry in self._files.files())
        found = [name for name in names if name.startswith(f"{self._prefix}-") and name.endswith(_INDEX)]
        return {
            _tar_of(name): self._index(name) for name in sorted(found, key=lambda name: (len(name), name))
        }

    @cached_property
    def packed(self) -> Mapping[str, Packed]:
        """Every packed file by its path below the packed root."""
        return {
            path: Packed(tar, sha256)
            for tar, index in self._indexes.items()
            for path, sha256 in index["files"].items()
        }

    def paths(self) -> frozenset[str]:
        """Paths of all packed files."""
        return frozenset(self.packed)

    @cached_property
    def _manifests(self) -> dict[str, dict[str, Any]]:
        return {
            path: content for index in self._indexes.values() for path, content in index["manifests"].items()
        }

    def manifests(self) -> Mapping[str, Mapping[str, Any]]:
        """Content of the packed manifests by path; kept in the index so that finding a day reads no archive."""
        return self._manifests

    def num_bytes(self) -> int:
        """Size of all archives."""
        return sum(entry.num_bytes for entry in self._files.files() if _TAR in entry.name)

    def pack(self, label: str, source: FileStore, paths: Sequence[str]) -> str:
        """Write a new archive of these files and its index.

        Args:
            label: Month or day in the name.
            source: Where the files are.
            paths: Their keys.

        Returns:
            The address of the archive.
        """
        hashes, manifests = {}, {}
        self._scratch.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._scratch, prefix=".packing-") as scratch:
            temporary = Path(scratch) / "archive"
            with self._empty(temporary) as tar:
                for path in sorted(paths):
                    content = source.read(path)
                    hashes[path] = sha256_of([content])
                    if path.endswith(SUFFIX):
                        manifests[path] = json.loads(content)
                    entry = tarfile.TarInfo(path)
                    entry.size, entry.mode = len(content), 0o600
                    tar.addfile(entry, io.BytesIO(content))
            durable.sync_file(temporary)
            name = self._put(label, temporary)
        self._write_index(name, hashes, manifests)
        self._forget()
        return self._files.address(name)

    @contextmanager
    def _empty(self, path: Path) -> Iterator[tarfile.TarFile]:
        """A new archive; its head has no time and no name, so that the same files make the same bytes."""
        with (
            path.open("wb") as file,
            gzip.GzipFile("", "wb", self._level, file, mtime=0) as packed,
            tarfile.open(fileobj=cast("IO[bytes]", packed), mode="w", format=tarfile.PAX_FORMAT) as tar,
        ):
            yield tar

    def _put(self, label: str, made: Path) -> str:
        """Put an archive under the first name that nobody has, or that has the same content."""
        number = 1
        while True:
            suffix = "" if number == 1 else f".{number}"
            name = f"{self._prefix}-{label}{suffix}{_TAR}"
            if self._files.put_if_absent(name, made):
                return name
            number += 1

    def read(self, paths: Iterable[str]) -> Iterator[tuple[str, Iterator[bytes]]]:
        """Content of packed files; one pass over each archive that holds some of them.

        The chunks of a file have to be read before the next file is asked for.

        Raises:
            RawDamagedError: A file is in no archive, or an archive cannot be read.
        """
        wanted: dict[str, set[str]] = defaultdict(set)
        for path in paths:
            if path not in self.packed:
                # Another process, or machine, may have packed it since we looked.
                self._forget()
            if path not in self.packed:
                raise RawDamagedError(
                    f"{path} is neither in its folder nor in an archive in {self._files.address()}. "
                    "Restore it from the backup, or fetch its days again while the cloud still has them"
                )
            wanted[self.packed[path].archive].add(path)
        for archive, members in sorted(wanted.items()):
            for name, chunks in self._members(archive):
                if name in members:
                    members.discard(name)
                    yield name, chunks
            if members:
                raise RawDamagedError(
                    f"{self._files.address(archive)} lacks {min(members)}, which its index promises"
                )

    def verified(self, source: FileStore, paths: Iterable[str]) -> frozenset[str]:
        """The files among these whose packed content, read back now, equals the file in its place byte for byte."""
        wanted = {path for path in paths if path in self.packed}
        return frozenset(
            name
            for archive in sorted({self.packed[path].archive for path in wanted})
            for name, chunks in self._members(archive)
            if name in wanted
            and sha256_of(chunks) == self.packed[name].sha256 == sha256_of(source.open(name))
        )

    def _forget(self) -> None:
        for name in ("_indexes", "packed", "_manifests"):
            self.__dict__.pop(name, None)

    def _index(self, name: str) -> dict[str, Any]:
        """An index; one that cannot be read is made again from its archive, which holds all that stands in it."""
        try:
            index = json.loads(self._files.read(name))
            index["files"], index["manifests"]
        except (ValueError, KeyError, TypeError, RecursionError):
            hashes, manifests = {}, {}
            for path, chunks in self._members(_tar_of(name)):
                content = b"".join(chunks) if path.endswith(SUFFIX) else None
                hashes[path] = sha256_of(chunks if content is None else [content])
                if content is not None:
                    manifests[path] = json.loads(content)
            return self._write_index(_tar_of(name), hashes, manifests)
        return dict(index)

    def _write_index(
        self, archive: str, hashes: Mapping[str, str], manifests: Mapping[str, Mapping[str, Any]]
    ) -> dict[str, Any]:
        index = {"files": dict(hashes), "manifests": dict(manifests)}
        self._files.replace(_index_of(archive), json.dumps(index, sort_keys=True, indent=1).encode())
        return index

    def _members(self, archive: str) -> Iterator[tuple[str, Iterator[bytes]]]:
        address = self._files.address(archive)
        try:
            with (
                io.BufferedReader(_Stream(self._files.open(archive))) as file,
                tarfile.open(fileobj=file, mode="r|gz") as tar,
            ):
                for entry in tar:
                    content = tar.extractfile(entry)
                    if content is not None:
                        yield entry.name, _chunks(address, content)
        except _BROKEN as error:
            raise RawDamagedError(f"the archive {address} cannot be read: {error}") from error


class _Stream(io.RawIOBase):
    """Chunks as a file."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        # A view: a chunk of a store is a thousand times as long as what is read at once, and is not copied each time.
        self._rest = self._rest or memoryview(next(self._chunks, b""))
        size = min(len(buffer), len(self._rest))
        buffer[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size


def _chunks(address: str, file: IO[bytes]) -> Iterator[bytes]:
    # Read by others while `_members` waits: what goes wrong here does not pass through it.
    try:
        while chunk := file.read(1 << 20):
            yield chunk
    except _BROKEN as error:
        raise RawDamagedError(f"the archive {address} cannot be read: {error}") from error


def _index_of(archive: str) -> str:
    return archive.removesuffix(_TAR) + _INDEX


def _tar_of(index: str) -> str:
    return index.removesuffix(_INDEX) + _TAR
