"""Whether raw files are what they were when they were written: in their place, and in archives.

Here: reading files and archives through and comparing them with manifests and indexes. Not here: what follows; readers raise
(`store`), retention leaves what is damaged where it is (`retention`), ``doctor --deep`` tells.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from mist_pipeline.collect.raw.archive import Archive
from mist_pipeline.collect.raw.errors import RawDamagedError
from mist_pipeline.collect.raw.format import file_chunks, read_records, sha256_of
from mist_pipeline.collect.raw.manifest import SUFFIX, Manifest, RawFile, read_manifest

_ANSWERS = ".jsonl.gz"
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


def damaged(root: Path, paths: Iterable[str]) -> dict[str, str]:
    """What is wrong with files in their place, by path; whole ones are not among them.

    Args:
        root: The raw store.
        paths: Below it. Answers of a day are compared with the manifest beside them, snapshots by their own checksums.
    """
    found = {path: _problem(root, path) for path in paths}
    return {path: problem for path, problem in found.items() if problem}


def examine(root: Path) -> Examined:
    """Read every raw file and every archive of a store."""
    in_place = [
        path.relative_to(root).as_posix()
        for pattern in ("*/day=*/[0-9]*", "*/snapshots/[0-9]*")
        for path in sorted(root.glob(pattern))
        if path.is_file() or path.name.endswith(SUFFIX)
    ]
    problems = damaged(root, in_place)
    archive = Archive(root / "archive", "raw")
    try:
        packed = archive.packed
    except RawDamagedError as error:
        return Examined(len(in_place), _size(root, in_place), {**problems, "archive": str(error)})
    promised = dict(_promised(root, in_place, archive, problems))
    for path in sorted(promised.keys() - set(in_place) - packed.keys()):
        problems[path] = "is neither in its folder nor in an archive, though a manifest names it"
    for tar in sorted({each.archive for each in packed.values()}):
        members = {path: each.sha256 for path, each in packed.items() if each.archive == tar}
        problems |= dict(_of_archive(archive, members, promised))
    num_bytes = _size(root, in_place) + sum(path.stat().st_size for path in root.glob("archive/*.tar*"))
    return Examined(len(in_place) + len(packed), num_bytes, problems)


def _size(root: Path, paths: Iterable[str]) -> int:
    return sum((root / path).stat().st_size for path in paths)


def _problem(root: Path, path: str) -> str:
    try:
        if path.endswith(SUFFIX):
            read_manifest((root / path).read_bytes())
        elif path.endswith(_ANSWERS):
            chunks: Iterable[bytes] = file_chunks(root / path)
            promise = _promise_beside(root, path)
            records = sum(1 for _ in read_records(promise.checked(chunks) if promise else chunks))
            return "" if records else _EMPTY
    except (RawDamagedError, OSError) as error:
        return str(error)
    return ""


def _promise_beside(root: Path, path: str) -> RawFile | None:
    """What the manifest of the same generation and day says of a file; None where there is none, or it cannot be read."""
    beside = root / (path.removesuffix(_ANSWERS) + SUFFIX)
    try:
        manifest = read_manifest(beside.read_bytes())
    except (RawDamagedError, OSError):
        return None
    return next((file for file in manifest.files if file.path == path), None)


def _promised(
    root: Path, in_place: Iterable[str], archive: Archive, problems: dict[str, str]
) -> Iterator[tuple[str, RawFile]]:
    """Every file that a manifest names; packed manifests that cannot be read join the problems."""
    for path in in_place:
        if path.endswith(SUFFIX) and path not in problems:
            yield from _files(read_manifest((root / path).read_bytes()))
    for path, content in archive.manifests().items():
        try:
            yield from _files(read_manifest(content))
        except RawDamagedError as error:
            problems[path] = str(error)


def _files(manifest: Manifest) -> Iterator[tuple[str, RawFile]]:
    yield from ((file.path, file) for file in manifest.files)


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
