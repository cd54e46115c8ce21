"""The devices of the sites as they were last listed, in a file of their own: what is pushed must not wait for the warehouse.

Not here: what follows where they are lost (``analysis.findings.outages``).
"""

import io
import logging
from datetime import UTC, datetime

import polars as pl

from mist_pipeline.analysis.findings.outages import DEVICES
from mist_pipeline.collect.raw.store import RawStore
from mist_pipeline.mist.parsers import parse_stats_devices
from mist_pipeline.settings import Settings
from mist_pipeline.storage.files import StoreError
from mist_pipeline.workflows.shared_files import evaluation_files

log = logging.getLogger(__name__)


def remember_devices(settings: Settings, store: RawStore, instant: datetime) -> bool:
    """Keep the newest list of devices; whether it was news.

    Args:
        settings: Where.
        store: Raw files, with the snapshots of devices.
        instant: Lists of later are not looked at.
    """
    snapshot = store.snapshot_for("devices", instant)
    if snapshot is None or snapshot.is_substituted:
        return False
    known = known_devices(settings)["known_at"].max()
    if isinstance(known, datetime) and known >= snapshot.as_of:
        return False
    listed = parse_stats_devices(*(record.document() for record in store.read_snapshot(snapshot)))
    rows = [
        (
            one.site_id,
            one.mac.lower().replace(":", ""),
            one.type,
            None if one.status is None else one.status == "connected",
            snapshot.as_of.astimezone(UTC),
        )
        for one in listed
        if one.mac and one.site_id
    ]
    written = io.BytesIO()
    pl.DataFrame(rows, schema=DEVICES, orient="row").write_parquet(written)
    evaluation_files(settings).replace(settings.devices_path.name, written.getvalue())
    return True


def known_devices(settings: Settings) -> pl.DataFrame:
    """The devices as they were last listed: ``outages.DEVICES``; none before the first list, or where the file is damaged."""
    files, name = evaluation_files(settings), settings.devices_path.name
    try:
        return pl.read_parquet(io.BytesIO(files.read(name))).select(list(DEVICES)).cast(DEVICES)
    except FileNotFoundError:
        pass
    except (OSError, StoreError, pl.exceptions.PolarsError) as error:
        # The next poll writes it again; until then devices count by what is pushed of them alone.
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        log.warning("%s cannot be read: %s", files.address(name), reason)
    return pl.DataFrame(schema=DEVICES)
