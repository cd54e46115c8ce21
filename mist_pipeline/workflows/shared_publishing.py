"""The published files of several machines: who publishes sends them to the shared store, who reads fetches what is newer.

Readers open local files, as they do without a shared store (``overview``, ``warehouse.reading``); here these files are replaced by rename when
the store has others. Not here: making them (``workflows.present.overview``, ``warehouse.publish``).
"""

import fcntl
import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mist_pipeline.settings import Settings
from mist_pipeline.storage import durable
from mist_pipeline.storage.files import FileStore, StoreError
from mist_pipeline.workflows.shared_files import evaluation_files, shared_store

PUBLISHED = "published"
EVERY_SECONDS = 15.0
"""How often whoever shows the present looks for newer files."""

_KEPT_FRESH: dict[Path, threading.Event] = {}
"""Data folder → ends fetching for it."""

log = logging.getLogger(__name__)


def send(settings: Settings, path: Path) -> None:
    """Put a published file into the shared store, where there is one.

    Raises:
        StoreError: The store does not take it; on this machine it is published all the same.
    """
    files = _files(settings)
    if files is None:
        return
    # What this machine has is what the store has: nothing is to be fetched until another one publishes.
    durable.write_atomically(_note(path), [files.replace(path.name, path).encode()])


def fetch_newer(settings: Settings) -> list[Path]:
    """Replace the published files, and the known sites, that are not those of the shared store; returns them.

    Raises:
        StoreError: The store does not answer; what is here stays.
        OSError: A file cannot be written.
    """
    files = _files(settings)
    if files is None:
        return []
    places = [
        *((files, path) for path in (settings.published_path, settings.published_live_path)),
        (files, settings.published_ledger_path),
        # What polls last saw of the sites, which the read model names them by.
        (evaluation_files(settings), settings.sites_path),
    ]
    return [path for found, path in places if _fetched(found, path)]


def try_to_fetch(settings: Settings) -> None:
    """Replace what is not that of the shared store; what is here is shown, with its age, where that fails."""
    try:
        fetch_newer(settings)
    except (StoreError, OSError) as error:
        log.warning("What other machines published is not fetched: %s", error)


def keep_fresh(settings: Settings, every_seconds: float = EVERY_SECONDS) -> threading.Event | None:
    """Fetch what is newer, now and then, until the event is set or the process ends; None where there is no shared store.

    Of several that ask for the files of one organisation, the first is enough.
    """
    if _files(settings) is None:
        return None
    known = _KEPT_FRESH.get(settings.data)
    if known is not None and not known.is_set():
        return known
    ended = _KEPT_FRESH[settings.data] = threading.Event()

    def fetch() -> None:
        while not ended.wait(every_seconds):
            try_to_fetch(settings)

    threading.Thread(target=fetch, name="published files", daemon=True).start()
    return ended


def _files(settings: Settings) -> FileStore | None:
    shared = shared_store(settings)
    return shared.within(PUBLISHED) if shared else None


def _fetched(files: FileStore, path: Path) -> bool:
    """Whether a file was another one in the store, and is here now.

    One that is replaced while it is fetched is fetched again with the next look.
    """
    found = files.stat(path.name)
    if found is None or found.version == _known(path):
        return False
    with _alone(path) as is_free:
        # Who fetches it already will have it in a moment.
        if not is_free:
            return False
        fresh = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            with fresh.open("wb") as file:
                file.writelines(files.open(path.name))
            # The folder says who may read what is in it.
            fresh.chmod(0o600 | (path.parent.stat().st_mode & 0o044))
            # Durable before the note says that it is here: with the note alone it would not be fetched again after a power cut.
            durable.sync_file(fresh)
            fresh.replace(path)
        finally:
            fresh.unlink(missing_ok=True)
        durable.write_atomically(_note(path), [found.version.encode()])
    return True


@contextmanager
def _alone(path: Path) -> Iterator[bool]:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path.with_name(f".{path.name}.fetching"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)


def _known(path: Path) -> str:
    """The version of the store that a local file is; '' for one of this machine alone, or none."""
    try:
        return _note(path).read_text(encoding="utf-8") if path.exists() else ""
    except FileNotFoundError:
        return ""


def _note(path: Path) -> Path:
    return path.with_name(f".{path.name}.version")
