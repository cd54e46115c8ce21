"""Files that are either whole or absent, also after a power cut.

Every writer of local files goes through here: temporary name in the same folder, fsync, rename, fsync of the folder.
"""

import errno
import os
import shutil
import uuid
from collections.abc import Iterable
from pathlib import Path


def write_atomically(path: Path, chunks: Iterable[bytes]) -> None:
    """Write a file so that its name never shows half of it; an existing one is replaced."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.parent / f".{uuid.uuid4().hex}.tmp"
    try:
        with temporary.open("wb") as file:
            for chunk in chunks:
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(path.parent)


def write_if_absent(path: Path, content: bytes) -> bool:
    """Write a file so that its name never shows half of it; False, and nothing is changed, where one is there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.parent / f".{uuid.uuid4().hex}.tmp"
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        return move(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def move(source: Path, target: Path) -> bool:
    """Give a file another name and make it durable; False, and nothing is changed, where a file has it.

    From another file system it is copied.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        # A link, unlike a rename, never replaces what is there.
        os.link(source, target)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno == errno.EXDEV:
            return _copied(source, target)
        # Some file systems have no links. There two writers of the same name are told apart by looking first.
        if target.exists():
            return False
        source.replace(target)
    else:
        source.unlink()
    sync_folder(target.parent)
    return True


def _copied(source: Path, target: Path) -> bool:
    temporary = target.parent / f".{uuid.uuid4().hex}.tmp"
    try:
        shutil.copyfile(source, temporary)
        sync_file(temporary)
        if not move(temporary, target):
            return False
    finally:
        temporary.unlink(missing_ok=True)
    source.unlink()
    return True


def sync_file(path: Path) -> None:
    """Flush a file's content to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(path: Path) -> None:
    """Make the names in a folder durable."""
    sync_file(path)
