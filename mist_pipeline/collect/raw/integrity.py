"""Whether raw files are what they were when they were written: in their place, and in archives.

Here: reading files and archives through and comparing them with manifests and indexes. Not here: what follows; readers raise
(`store`), retention leaves what is damaged where it is (`retention`), ``doctor --deep`` tells.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from mist_pipeline.collect.raw.archive import Archive
from mist_pipeline.collect.raw.errors import RawDamagedError
from mist_pipeline.collect.raw.format import read_records, sha256_of
from mist_pipeline.collect.raw.manifest import SUFFIX, RawFile, read_manifest
from mist_pipeline.collect.raw.store import RawStore
from mist_pipeline.storage.files import FileStore

_ANSWERS = ".jsonl.gz"
_IN_PLACE = re.compile(r"[^/]+/(day=[^/]+|snapshots)/[0-9][^/]*")
"""Keys of raw files that are not packed."""

_EMPTY = "is empty"


@dataclass(frozen=True)
class Examined:
    """What reading everything came to.

    Attributes:
        num_files: Files read, packed ones included.
        num_bytes: Their size.
        problems: Path below the store → what is wrong.
    """

    num_files: int
    num_bytes: int
    problems: Mapping[str, str]


def damaged(files: FileStore, paths: Iterable[str]) -> dict[str, str]:
    """What is wrong with files in their place, by path; whole ones are not among them.

    Args:
        files: Where they are.
        paths: Their keys. Answers are compared with what manifests among them promise, others by their own checksums.
    """
    found = list(paths)
    problems, promised = _of_manifests(files, found)
    return problems | dict(_of_answers(files, found, promised))


def examine(store: RawStore) -> Examined:
    """Read every raw file and every archive of a store."""
    entries = [entry for entry in store.files.files(deep=True) if _IN_PLACE.fullmatch(entry.key)]
    in_place = [entry.key for entry in entries]
    problems, promised = _of_manifests(store.files, in_place)
    problems |= dict(_of_answers(store.files, in_place, promised))
    num_bytes = sum(entry.num_bytes for entry in entries)
    archive = store.archive
    try:
        packed = archive.packed
    except RawDamagedError as error:
        return Examined(len(in_place), num_bytes, {**problems, "archive": str(error)})
    for path, content in archive.manifests().items():
        try:
            promised |= {file.path: file for file in read_manifest(content).files}
        except RawDamagedError as error:
            problems[path] = str(error)
    for path in sorted(promised.keys() - set(in_place) - packed.keys()):
        problems[path] = "is neither in its folder nor in an archive, though a manifest names it"
    for tar in sorted({each.archive for each in packed.values()}):
        members = {path: each.sha256 for path, each in packed.items() if each.archive == tar}
        problems |= dict(_of_archive(archive, members, promised))
    return Examined(len(in_place) + len(packed), num_bytes + archive.num_bytes(), problems)


def _of_manifests(files: FileStore, paths: Iterable[str]) -> tuple[dict[str, str], dict[str, RawFile]]:
    """What is wrong with the manifests among files, and every file that the whole ones name."""
    problems: dict[str, str] = {}
    promised: dict[str, RawFile] = {}
    for path in paths:
        if path.endswith(SUFFIX):
            try:
                promised |= {file.path: file for file in read_manifest(files.read(path)).files}
            except (RawDamagedError, OSError) as error:
                problems[path] = str(error)
    return problems, promised


def _of_answers(
    files: FileStore, paths: Iterable[str], promised: Mapping[str, RawFile]
) -> Iterator[tuple[str, str]]:
    """What is wrong with the answers among files."""
    for path in paths:
        if path.endswith(_ANSWERS):
            try:
                chunks = files.open(path)
                promise = promised.get(path)
                records = read_records(promise.checked(chunks) if promise else chunks)
                if not sum(1 for _ in records):
                    yield path, _EMPTY
            except (RawDamagedError, OSError) as error:
                yield path, str(error)


def _of_archive(
    archive: Archive, members: Mapping[str, str], promised: Mapping[str, RawFile]
) -> Iterator[tuple[str, str]]:
    """What is wrong in one archive."""
    try:
        for path, chunks in archive.read(members):
            found = sha256_of(chunks)
            if found != members[path]:
                yield path, "is packed, and not what the index of its archive promises"
            elif path in promised and promised[path].sha256 != found:
                yield path, "was packed when it was damaged already: it is not what its manifest promises"
    except RawDamagedError as error:
        yield min(members), str(error)
