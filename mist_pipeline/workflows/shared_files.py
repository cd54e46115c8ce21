"""The files that several machines may share, where the settings say that they are.

Here: which store, and the place of each kind of file in it. Not here: stores (``storage``), what is in the files.
"""

from pathlib import Path

from mist_pipeline.collect.raw.store import RawStore
from mist_pipeline.settings import Settings
from mist_pipeline.storage.address import open_store
from mist_pipeline.storage.files import FileStore
from mist_pipeline.storage.folder import FolderStore

RAW, EVALUATIONS = "raw", "evaluations"


def shared_store(settings: Settings) -> FileStore | None:
    """The store of this organisation; None where all files are in the data folder."""
    return store_at(settings, settings.storage.url) if settings.storage.url else None


def store_at(settings: Settings, address: str) -> FileStore:
    """The place of this organisation in a store: below its key, if it has one.

    Raises:
        ValueError: There is no such kind of address.
    """
    store = open_store(address)
    return store.within(settings.organisation.key) if settings.organisation.key else store


def raw_folder(settings: Settings) -> Path:
    """The local folder of raw files; of those that are unfinished alone where several machines share the others."""
    return settings.data / RAW


def raw_store(settings: Settings) -> RawStore:
    """The raw files of this organisation."""
    shared = shared_store(settings)
    return RawStore(raw_folder(settings), shared.within(RAW) if shared else None)


def evaluation_files(settings: Settings) -> FileStore:
    """What evaluations are made of: kept ones, and sites, devices and losses as they were last seen."""
    shared = shared_store(settings)
    return shared.within(EVALUATIONS) if shared else FolderStore(settings.evaluations_path)
