"""Packed files: tar.gz archives with an index, whose content is proven by reading it back.

An archive is ``<prefix>-<label>.tar.gz`` and ``<prefix>-<label>.index.json`` beside it. The index is written last and
makes the archive exist; an archive is never changed afterwards, later files of the same label get a number. Which files
go in, and when they may go from their place, is decided in ``collect.raw.retention``.
"""

import json
import tarfile
import tempfile
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, Any

from mist_pipeline.collect.raw import durable
from mist_pipeline.collect.raw.errors import RawDamagedError
from mist_pipeline.collect.raw.format import file_chunks, sha256_of
from mist_pipeline.collect.raw.manifest import SUFFIX

_BROKEN = (tarfile.TarError, EOFError, OSError, zlib.error)


@dataclass(frozen=True)
class Packed:
    """One file in an archive: the archive's path, and the file's SHA-256."""

    archive: Path
    sha256: str


class Archive:
    """All archives with one prefix in one folder.

    Args:
        folder: Where they are.
        prefix: Begin of their names.
        level: gzip level, 1–9.
    """

    def __init__(self, folder: Path, prefix: str, *, level: int = 1) -> None:
        self._folder = folder
        self._prefix = prefix
        self._level = level

    @cached_property
    def _indexes(self) -> dict[Path, dict[str, Any]]:
        # By length first: the second archive of a month (".2") is newer than the first, and its files count.
        found = sorted(
            self._folder.glob(f"{self._prefix}-*.index.json"), key=lambda path: (len(path.name), path.name)
        )
        return {_tar_of(path): _read_index(path) for path in found}

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

    def pack(self, label: str, root: Path, paths: Sequence[str]) -> Path:
        """Write a new archive of these files and its index.

        Args:
            label: Month or day in the name.
            root: Where the paths begin.
            paths: Files, with ``/`` between folders.

        Returns:
            The archive.
        """
        tar_path = self._free_name(label)
        hashes = {}
        self._folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._folder, prefix=".packing-") as scratch:
            temporary = Path(scratch) / "archive"
            with tarfile.open(temporary, "w:gz", compresslevel=self._level, format=tarfile.PAX_FORMAT) as tar:
                for path in sorted(paths):
                    hashes[path] = sha256_of(file_chunks(root / path))
                    tar.add(root / path, arcname=path, recursive=False)
            durable.sync_file(temporary)
            durable.move(temporary, tar_path)
        manifests = {path: json.loads((root / path).read_bytes()) for path in paths if path.endswith(SUFFIX)}
        _write_index(tar_path, hashes, manifests)
        self._forget()
        return tar_path

    def read(self, paths: Iterable[str]) -> Iterator[tuple[str, Iterator[bytes]]]:
        """Content of packed files; one pass over each archive that holds some of them.

        The chunks of a file have to be read before the next file is asked for.

        Raises:
            RawDamagedError: A file is in no archive, or an archive cannot be read.
        """
        wanted: dict[Path, set[str]] = defaultdict(set)
        for path in paths:
            if path not in self.packed:
                raise RawDamagedError(
                    f"{path} is neither in its folder nor in an archive in {self._folder}. "
                    "Restore it from the backup, or fetch its days again while the cloud still has them"
                )
            wanted[self.packed[path].archive].add(path)
        for archive, members in sorted(wanted.items()):
            for name, chunks in _members(archive):
                if name in members:
                    members.discard(name)
                    yield name, chunks
            if members:
                raise RawDamagedError(f"{archive} lacks {min(members)}, which its index promises")

    def verified(self, root: Path, paths: Iterable[str]) -> frozenset[str]:
        """The files among these whose packed content, read back now, equals the file in its place byte for byte."""
        wanted = {path for path in paths if path in self.packed}
        return frozenset(
            name
            for archive in sorted({self.packed[path].archive for path in wanted})
            for name, chunks in _members(archive)
            if name in wanted
            and sha256_of(chunks) == self.packed[name].sha256 == sha256_of(file_chunks(root / name))
        )

    def _free_name(self, label: str) -> Path:
        number = 1
        while True:
            suffix = "" if number == 1 else f".{number}"
            path = self._folder / f"{self._prefix}-{label}{suffix}.tar.gz"
            # A tar without index is the rest of a crash: nothing was removed for it, so its name is free.
            if not _index_of(path).exists():
                return path
            number += 1

    def _forget(self) -> None:
        for name in ("_indexes", "packed", "_manifests"):
            self.__dict__.pop(name, None)


def _read_index(path: Path) -> dict[str, Any]:
    """An index; one that cannot be read is made again from its archive, which holds all that stands in it."""
    try:
        index = json.loads(path.read_bytes())
        index["files"], index["manifests"]
    except (ValueError, KeyError, TypeError, RecursionError):
        hashes, manifests = {}, {}
        for name, chunks in _members(_tar_of(path)):
            content = b"".join(chunks) if name.endswith(SUFFIX) else None
            hashes[name] = sha256_of(chunks if content is None else [content])
            if content is not None:
                manifests[name] = json.loads(content)
        return _write_index(_tar_of(path), hashes, manifests)
    return dict(index)


def _write_index(
    tar_path: Path, hashes: Mapping[str, str], manifests: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    index = {"files": dict(hashes), "manifests": dict(manifests)}
    durable.write_atomically(_index_of(tar_path), [json.dumps(index, sort_keys=True, indent=1).encode()])
    return index


def _members(archive: Path) -> Iterator[tuple[str, Iterator[bytes]]]:
    try:
        with tarfile.open(archive, "r|gz") as tar:
            for entry in tar:
                content = tar.extractfile(entry)
                if content is not None:
                    yield entry.name, _chunks(archive, content)
    except _BROKEN as error:
        raise RawDamagedError(f"the archive {archive} cannot be read: {error}") from error


def _chunks(archive: Path, file: IO[bytes]) -> Iterator[bytes]:
    # Read by others while `_members` waits: what goes wrong here does not pass through it.
    try:
        while chunk := file.read(1 << 20):
            yield chunk
    except _BROKEN as error:
        raise RawDamagedError(f"the archive {archive} cannot be read: {error}") from error


def _index_of(tar_path: Path) -> Path:
    return tar_path.with_name(tar_path.name.removesuffix(".tar.gz") + ".index.json")


def _tar_of(index_path: Path) -> Path:
    return index_path.with_name(index_path.name.removesuffix(".index.json") + ".tar.gz")
