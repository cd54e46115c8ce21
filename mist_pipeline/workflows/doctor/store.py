"""The store that several machines share: whether it can be written, read and cleaned, and how long that takes."""

import time
import uuid
from collections.abc import Iterator

from mist_pipeline.settings import Settings
from mist_pipeline.storage.files import FileStore, StoreError
from mist_pipeline.workflows import shared_files
from mist_pipeline.workflows.doctor.check import DOUBTFUL, FINE, WRONG, Check

SLOW_SECONDS = 2.0
"""A few requests that take longer: a day of a hundred sites would be minutes."""


def shared_store(settings: Settings) -> Iterator[Check]:
    """Whether a small file can be put, once, read and removed; nothing is said where all files are in the data folder."""
    if not settings.storage.url:
        return
    try:
        store = shared_files.store_at(settings, settings.storage.url)
        seconds = _tried(store)
    except (StoreError, OSError) as error:
        yield Check(WRONG, "storage", str(error), "no run can keep what it fetches until this is mended")
        return
    said = f"{store.address()}: a file was written, read and removed in {1000 * seconds:,.0f} ms"
    if seconds > SLOW_SECONDS:
        yield Check(DOUBTFUL, "storage", said, "use a store near this machine, or look at the network")
    else:
        yield Check(FINE, "storage", said)


def _tried(store: FileStore) -> float:
    key, content = f".doctor-{uuid.uuid4().hex}", b"written by mist-pipeline doctor"
    began = time.monotonic()
    try:
        if not store.put_if_absent(key, content) or store.read(key) != content:
            raise StoreError(f"{store.address(key)} does not hold what was just written to it")
        if store.put_if_absent(key, content + b" again"):
            raise StoreError(
                f"{store.address()} writes a file that is there though asked to write it only if it is not (If-None-Match): two "
                "machines would replace each other's fetches. Use a version of the store that honours conditional puts"
            )
    finally:
        store.delete([key])
    return time.monotonic() - began
