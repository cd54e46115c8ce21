"""One data folder, one organisation: which one a folder belongs to, and that no other is asked for it.

The pin is a file of the folder, made once and by one process only; the warehouse takes it over with its first write
(``warehouse.owner``). A folder of an earlier version is pinned to the organisation whose data it has.
Not here: asking a cloud for its organisation (`cloud`).
"""

import json
import os
import re
import uuid
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from mist_pipeline.collect.raw.errors import RawDamagedError
from mist_pipeline.mist.clouds import is_same_cloud
from mist_pipeline.settings import Settings, SettingsError
from mist_pipeline.storage.durable import sync_folder, write_atomically
from mist_pipeline.warehouse.connection import WarehouseBusyError, WarehouseUnavailableError
from mist_pipeline.warehouse.owner import Owner, owner_of
from mist_pipeline.workflows.running.pin_file import PIN_FILE
from mist_pipeline.workflows.shared_files import raw_store
from mist_pipeline.workflows.warehouse_access import warehouse_place

_ORGANISATION_IN_PATH = re.compile(r"/orgs/([0-9A-Za-z-]+)(?:/|$)")
_EVER = datetime(9999, 1, 1, tzinfo=UTC)
_WAIT_SECONDS = 10.0


class OtherOrganisationError(SettingsError):
    """The data folder belongs to another organisation than the one that would be asked."""


def pinned(settings: Settings) -> Owner | None:
    """Whom the folder belongs to; None where nothing of anybody is in it.

    Raises:
        OtherOrganisationError: The pin cannot be read.
    """
    return _of_file(settings) or _of_warehouse(settings) or _of_raw(settings)


def remembered(settings: Settings) -> Owner | None:
    """The same without asking the warehouse, for whoever is about to write it or never waits for it."""
    return _of_file(settings) or _of_raw(settings)


def organisation_name(settings: Settings) -> str:
    """What people call the organisation: as configured, else as the cloud does; '' where neither is known."""
    owner = None if settings.organisation.name else remembered(settings)
    return owner.name if owner else settings.organisation.name


def refuse_other(settings: Settings, asked: Owner) -> Owner | None:
    """Whom the folder belongs to, if that is the one that would be asked.

    Args:
        settings: Of the folder.
        asked: Whose token it is; without an id where only the configuration was looked at.

    Raises:
        OtherOrganisationError: It belongs to another one.
    """
    known = pinned(settings)
    if known is None:
        return None
    is_same_place = not known.cloud or is_same_cloud(known.cloud, asked.cloud)
    if asked.org_id in ("", known.org_id) and is_same_place:
        return known
    raise OtherOrganisationError(
        f"The data folder {settings.data} belongs to {known}, and this would ask {asked}. Nothing was asked of its sites. "
        "One folder holds one organisation: give this one its own with `export MIST_PIPELINE_DATA=…`"
        + (", or `unset MIST_PIPELINE_DATA` for the folder data" if settings.is_data_named else "")
        + "; or set token, mist.cloud and mist.org_id to those of the folder."
    )


def pin(settings: Settings, asked: Owner) -> None:
    """Pin the folder to an organisation, or renew its name.

    Raises:
        OtherOrganisationError: It belongs to another one, also if another process pinned it a moment ago.
    """
    refuse_other(settings, asked)
    kept = _of_file(settings)
    if kept is None and _made(settings, asked):
        return
    refuse_other(settings, asked)
    if kept is not None:
        # A token of an msp does not tell the name; and the address of a simulated cloud changes with every start.
        renewed = Owner(asked.org_id, asked.name or kept.name, kept.cloud or asked.cloud)
        if renewed != kept:
            write_atomically(settings.data / PIN_FILE, [_content(renewed)])


def _made(settings: Settings, owner: Owner) -> bool:
    """Whether this process made the file; of several only one does."""
    path = settings.data / PIN_FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = path.parent / f".{uuid.uuid4().hex}.tmp"
    write_atomically(whole, [_content(owner)])
    try:
        # A link, unlike a rename, never replaces what is there.
        os.link(whole, path)
    except FileExistsError:
        return False
    except OSError:
        # Some file systems have no links; there the file is made by whoever comes first, and then written.
        return _made_without_link(path, owner)
    finally:
        whole.unlink(missing_ok=True)
    sync_folder(path.parent)
    return True


def _made_without_link(path: Path, owner: Owner) -> bool:
    try:
        with path.open("xb") as file:
            file.write(_content(owner))
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError:
        return False
    sync_folder(path.parent)
    return True


def _content(owner: Owner) -> bytes:
    return json.dumps({"id": owner.org_id, "name": owner.name, "cloud": owner.cloud}).encode()


def _of_file(settings: Settings) -> Owner | None:
    path = settings.data / PIN_FILE
    try:
        seen = json.loads(path.read_bytes())
        return Owner(str(seen["id"]), str(seen["name"]), str(seen.get("cloud", "")))
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise OtherOrganisationError(
            f"{path} does not say whose data folder this is. Restore it, or delete it: it is made again from the "
            "warehouse and the raw files."
        ) from None


def _of_warehouse(settings: Settings) -> Owner | None:
    try:
        with warehouse_place(settings).reading(_WAIT_SECONDS) as connection:
            return owner_of(connection)
    except FileNotFoundError:
        return None
    except (WarehouseBusyError, WarehouseUnavailableError) as error:
        raise OtherOrganisationError(f"Whose data folder this is cannot be read now: {error}") from None
    except duckdb.Error:
        # What is wrong with it is told by whoever wants its rows.
        return None


def _of_raw(settings: Settings) -> Owner | None:
    """Whom the newest list of sites was asked of."""
    store = raw_store(settings)
    try:
        snapshot = store.snapshot_for("sites", _EVER)
        records = store.read_snapshot(snapshot) if snapshot else []
    except RawDamagedError:
        return None
    found = (_ORGANISATION_IN_PATH.search(str(record.header.request.get("path", ""))) for record in records)
    return next((Owner(one[1]) for one in found if one), None)
