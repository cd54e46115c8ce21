"""The interface of a store of files: what a folder and an object store can both promise.

A file has a key (``sle_org/day=2026-01-05/000001.manifest.json``), is whole or not there, and is written once: what has to
be decided between two writers is decided by who put a key first. Keys hold no ``..`` and begin with no ``/``; names that
begin with a dot belong to whoever is writing and are never listed. Not here: the two implementations (`folder`, `objects`).
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self


class StoreError(Exception):
    """A store did not do what it was asked to; never that a file is not there, which is a ``FileNotFoundError``.

    Attributes:
        is_transient: It may heal by itself, so that asking again later makes sense.
    """

    def __init__(self, message: str, *, is_transient: bool = False) -> None:
        super().__init__(message)
        self.is_transient = is_transient

    def __reduce__(self) -> tuple[type["StoreError"], tuple[str], dict[str, bool]]:
        """Errors cross process borders, so they must survive pickling."""
        return type(self), (str(self),), {"is_transient": self.is_transient}


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of a store.

    Attributes:
        key: Its key.
        num_bytes: Its size.
        modified: When it was written, epoch seconds, by the clock of the store.
        version: Another one as soon as the content is.
    """

    key: str
    num_bytes: int
    modified: float
    version: str

    @property
    def name(self) -> str:
        """The last part of the key."""
        return self.key.rpartition("/")[2]


class FileStore(ABC):
    """Files by their keys.

    Every method raises ``StoreError`` where the store gives no answer, or ``OSError`` where a disk does not: neither is
    ever taken for a file, or a folder, that is not there.
    """

    @abstractmethod
    def address(self, key: str = "") -> str:
        """Where a file is, for people; without credentials."""

    @abstractmethod
    def within(self, folder: str) -> Self:
        """The same store, with keys that begin in a folder of this one."""

    @abstractmethod
    def files(self, folder: str = "", *, deep: bool = False) -> list[Entry]:
        """The files of a folder in order of their keys; none where there is no such folder.

        Args:
            folder: '' for all of the store.
            deep: Also those of the folders in it.
        """

    @abstractmethod
    def folders(self, folder: str = "") -> list[str]:
        """Names of the folders directly in a folder, in order."""

    @abstractmethod
    def stat(self, key: str) -> Entry | None:
        """A file as it is now; None where there is none."""

    @abstractmethod
    def open(self, key: str) -> Iterator[bytes]:
        """The bytes of a file, a piece at a time, all of one version.

        Raises:
            FileNotFoundError: There is none; raised by this call, before anything is read.
        """

    def read(self, key: str) -> bytes:
        """The content of a file.

        Raises:
            FileNotFoundError: There is none.
        """
        return b"".join(self.open(key))

    @abstractmethod
    def put_if_absent(self, key: str, content: bytes | Path) -> bool:
        """Write a file that is not there yet; of several writers of one key one alone succeeds.

        Args:
            key: Its key.
            content: Its content; a local file is taken, and is no longer in its place afterwards where this succeeds.

        Returns:
            Whether the store holds this content under the key now: also where it did so before, since the answer to an
            earlier attempt may have been lost.
        """

    @abstractmethod
    def replace(self, key: str, content: bytes | Path) -> str:
        """Write a file, whatever is there; a local file is left in its place. Readers see the old or the new one.

        Returns:
            Its version (``Entry.version``).
        """

    @abstractmethod
    def delete(self, keys: Iterable[str]) -> None:
        """Remove files; one that is not there is no error."""

    @abstractmethod
    def clear(self, folder: str) -> None:
        """Remove a folder with all that is in it, also what nobody lists; one that is not there is no error."""
