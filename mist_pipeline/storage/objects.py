"""A store on S3, Google Cloud Storage or Azure, by way of obstore: conditional puts, conditional reads, no rename.

Here: how the interface is said there, and what its failures mean. What can heal (no answer, 5xx, 429) is asked again by obstore with
growing pauses; all else is told at once. A put whose answer was lost may have happened, so what is there is looked at before it
is called another's. Not here: addresses and credentials (`address`).
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from mist_pipeline.storage.files import Entry, FileStore, StoreError

if TYPE_CHECKING:
    from obstore.store import ObjectStore as Client

PIECE = 8 << 20
"""Bytes of one read: what is larger is read in pieces of one version, however slowly they are used."""

AT_ONCE = 16 << 20
"""Bytes up to which a file is put by one conditional request; above it, in parts."""

_STATUS = re.compile(r"non-2xx status code: (\d{3})")
_CODE = re.compile(r"<Code>([A-Za-z0-9]{1,60})</Code>")
_TRIES = re.compile(r"after (\d+) retries")
_KIND = re.compile(r"HttpError \{\s+kind: (\w+)")
_METADATA = "169.254.169.254"
"""Where a machine of a cloud asks for the credentials of its role, when the environment has none."""
_NO_CONTAINER = ("NoSuchBucket", "ContainerNotFound", "The specified bucket does not exist")
_HINTS = {
    "401": "Check the credentials in the environment",
    "403": "Check the credentials in the environment, and that they may list, read, write and delete there",
    "404": "Check the name of the bucket or container in storage.url",
}


class ObjectStore(FileStore):
    """Objects below an address.

    Args:
        connect: Gives the client of obstore for the address; asked with the first request, since what it holds does not
            survive a fork.
        url: The address, for people; without credentials.
        prefix: Begin of all keys, without the last ``/``.
    """

    def __init__(self, connect: "Callable[[], Client]", url: str, prefix: str = "") -> None:
        self._connect = connect
        self._url = url.rstrip("/")
        self._prefix = prefix

    @property
    def _client(self) -> "Client":
        return self._connect()

    def address(self, key: str = "") -> str:
        """The address of an object."""
        return "/".join(part for part in (self._url, self._prefix, key) if part)

    def within(self, folder: str) -> Self:
        """The same store, with keys that begin in a folder of this one."""
        return type(self)(self._connect, self._url, self._path(folder))

    def files(self, folder: str = "", *, deep: bool = False) -> list[Entry]:
        """The objects of a folder."""
        entries = self._listed(folder, deep=deep)
        return sorted((one for one in entries if one.name[0] != "."), key=lambda entry: entry.key)

    def folders(self, folder: str = "") -> list[str]:
        """Names of folders."""
        with self._step("list", folder):
            found = self._client.list_with_delimiter(self._path(folder) or None)["common_prefixes"]
        return sorted(path.rstrip("/").rpartition("/")[2] for path in found)

    def stat(self, key: str) -> Entry | None:
        """An object as it is now."""
        try:
            with self._step("look for", key):
                return self._entry(self._client.head(self._path(key)))
        except FileNotFoundError:
            # The answer to HEAD has no body that could say that the bucket is what is missing.
            try:
                next(self.open(key), b"")
            except FileNotFoundError:
                return None
            return self.stat(key)

    def open(self, key: str) -> Iterator[bytes]:
        """The bytes of an object, in pieces of one version."""
        path = self._path(key)
        with self._step("read", key):
            try:
                first = self._client.get(path, options={"range": (0, PIECE)})
            except _errors().GenericError as error:
                # An empty object has no first piece.
                is_no_piece = _said(error, _STATUS) == "416" or not _said(error, _STATUS) + _said(
                    error, _KIND
                )
                if is_no_piece and self._client.head(path)["size"] == 0:
                    return iter(())
                raise
            known = first.meta
            content = bytes(first.bytes())

        def pieces() -> Iterator[bytes]:
            yield content
            for start in range(PIECE, known["size"], PIECE):
                end = min(start + PIECE, known["size"])
                with self._step("read", key):
                    piece = self._client.get(
                        path, options={"range": (start, end), "if_match": known["e_tag"]}
                    )
                    rest = bytes(piece.bytes())
                yield rest

        return pieces()

    def put_if_absent(self, key: str, content: bytes | Path) -> bool:
        """Write an object that is not there yet."""
        try:
            is_ours = self._created(key, content) or self._holds(key, content)
        except StoreError as error:
            is_ours = error.is_transient and self._was_written(key, content)
            if not is_ours:
                raise
        if is_ours and isinstance(content, Path):
            content.unlink()
        return is_ours

    def replace(self, key: str, content: bytes | Path) -> str:
        """Write an object, whatever is there."""
        with self._step("write", key):
            put = self._client.put(self._path(key), content)
        return put["version"] or _plain(put["e_tag"])

    def delete(self, keys: Iterable[str]) -> None:
        """Remove objects."""
        found = list(keys)
        if found:
            with self._step("remove", found[0]):
                try:
                    self._client.delete([self._path(key) for key in found])
                except FileNotFoundError as error:
                    if any(word in str(error) for word in _NO_CONTAINER):
                        raise

    def clear(self, folder: str) -> None:
        """Remove the objects of a folder."""
        self.delete(entry.key for entry in self._listed(folder, deep=True))

    def _listed(self, folder: str, *, deep: bool) -> list[Entry]:
        with self._step("list", folder):
            found: Sequence[Any]
            below: Sequence[str] = ()
            if deep:
                found = self._client.list(self._path(folder) or None).collect()
            else:
                listed = self._client.list_with_delimiter(self._path(folder) or None)
                found, below = listed["objects"], listed["common_prefixes"]
        paths = {str(one["path"]) for one in found}
        folders = {path.rstrip("/") for path in below}
        folders |= {parent for path in paths for parent in _parents(path)}
        # Consoles of stores, and mounts of them, mark a folder by an empty object of its name.
        return [
            self._entry(one)
            for one in found
            if one["size"] or str(one["path"]) not in {*folders, self._path(folder)}
        ]

    def _created(self, key: str, content: bytes | Path) -> bool:
        with self._step("write", key):
            is_large = isinstance(content, Path) and content.stat().st_size > AT_ONCE
            if is_large and self.stat(key) is not None:
                return False
            try:
                # In parts an object cannot be put under a condition.
                self._client.put(self._path(key), content, mode="overwrite" if is_large else "create")
            except _errors().AlreadyExistsError:
                return False
        return True

    def _holds(self, key: str, content: bytes | Path) -> bool:
        """Whether an object that is there is what was to be written."""
        found = self.stat(key)
        size = len(content) if isinstance(content, bytes) else content.stat().st_size
        if found is None or found.num_bytes != size:
            return False
        pieces = self.open(key)
        if isinstance(content, bytes):
            return b"".join(pieces) == content
        with content.open("rb") as file:
            return all(file.read(len(piece)) == piece for piece in pieces)

    def _was_written(self, key: str, content: bytes | Path) -> bool:
        """Whether a put did happen though its answer was lost."""
        try:
            return self._holds(key, content)
        except StoreError:
            return False  # what went wrong first is told

    def _path(self, key: str) -> str:
        return "/".join(part for part in (self._prefix, key) if part)

    def _entry(self, known: Any) -> Entry:
        key = str(known["path"])
        modified: datetime = known["last_modified"]
        version = known["version"] or _plain(known["e_tag"])
        below = key[len(self._prefix) + 1 :] if self._prefix else key
        return Entry(below, int(known["size"]), modified.timestamp(), version)

    @contextmanager
    def _step(self, step: str, key: str) -> Iterator[None]:
        """Says of a failure which store, which step, and what it means; an object that is missing stays that."""
        try:
            yield
        except FileNotFoundError as error:
            if any(word in str(error) for word in _NO_CONTAINER):
                raise self._failed(step, key, error) from None
            raise FileNotFoundError(2, "No such object", self.address(key)) from None
        except (_errors().BaseError, ValueError) as error:
            raise self._failed(step, key, error) from None

    def _failed(self, step: str, key: str, error: Exception) -> StoreError:
        # What obstore says holds addresses with their queries, which on Azure may hold a signature: of it only words that cannot
        # be one are told.
        said = str(error)
        status, code, tries, kind = (_said(error, pattern) for pattern in (_STATUS, _CODE, _TRIES, _KIND))
        heals = status in {"408", "429"} or status.startswith("5") or bool(kind)
        hint = _HINTS.get(status, "Check the network, the endpoint and the store itself; then start again")
        if isinstance(error, _errors().PreconditionError):
            cause, hint, heals = "it was replaced meanwhile", "Start again", True
        elif _METADATA in said:
            cause, hint, heals = (
                "no credentials in the environment, and this machine has no role",
                _HINTS["401"],
                False,
            )
        elif status:
            cause = f"the store answered {status} {code}".rstrip()
        elif kind == "Timeout":
            cause = "no answer in time"
        elif kind:
            cause = "the store cannot be reached"
        else:
            cause, hint = (
                f"{type(error).__name__}",
                "Check storage.url and the variables of the store in the environment",
            )
        again = f" (asked {int(tries) + 1} times)" if tries else ""
        return StoreError(f"cannot {step} {self.address(key)}: {cause}{again}. {hint}.", is_transient=heals)


def _parents(path: str) -> Iterator[str]:
    """The folders in which an object is."""
    while path := path.rpartition("/")[0]:
        yield path


def _said(error: Exception, pattern: re.Pattern[str]) -> str:
    found = pattern.search(str(error))
    return found[1] if found else ""


def _errors() -> Any:
    # The library is loaded with the first store.
    from obstore import exceptions

    return exceptions


def _plain(e_tag: str | None) -> str:
    """An ETag without its quotes, which Azure leaves out where it lists."""
    return (e_tag or "").strip('"')
