"""An organisation whose cloud pushes: its sites and devices as the listener finds them."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from mist_pipeline.analysis.findings.outages import DEVICES
from mist_pipeline.settings import Settings, load_settings
from mist_pipeline.workflows.ledger_access import SITE_COLUMNS, remember_sites
from mist_pipeline_tests.support.pushes import NOW, SECRET

SITES = ("north", "south", "east", "west")


def mac(site: str, number: int) -> str:
    place = SITES.index(site) if site in SITES else int(site.rpartition("-")[2])
    return f"5c5b35{place:04x}{number:02x}"


def made(
    tmp_path: Path, sizes: dict[str, int] | None = None, zone: str = "UTC", **notifications: Any
) -> Settings:
    """Settings of an organisation with these sites and devices, which tells everything to files."""
    given = {
        "sinks": {"files": {"type": "file"}},
        "routes": [{"name": "all", "sinks": ["files"]}],
        **notifications,
    }
    settings = load_settings(
        environment={
            "MIST_PIPELINE_DATA": str(tmp_path),
            "MIST_WEBHOOK_SECRET": SECRET,
            "MIST_PIPELINE__ORGANISATION__TIMEZONE": zone,
            "MIST_PIPELINE__NOTIFICATIONS": yaml.safe_dump(given),
        }
    )
    sizes = sizes or dict.fromkeys(SITES, 3)
    rows = {name: [None] * len(sizes) for name in SITE_COLUMNS} | {
        "site_id": list(sizes),
        "name": list(sizes),
    }
    remember_sites(settings, pl.DataFrame(rows))
    listed = [
        (site, mac(site, number), "ap", True, NOW - timedelta(hours=2))
        for site, size in sizes.items()
        for number in range(size)
    ]
    pl.DataFrame(listed, schema=DEVICES, orient="row").write_parquet(settings.devices_path)
    return settings
