"""A configuration with sites that were seen, and ``mist-pipeline alerts`` as of an hour."""

from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from mist_pipeline.settings import Settings, load_settings
from mist_pipeline.workflows.ledger_access import remember_sites
from mist_pipeline_tests.support.alerts.histories import START
from mist_pipeline_tests.support.cli.alert_calls import (
    CONFIGURATION,
    GROUPS,
    NAMES,
    Alerts,
)
from mist_pipeline_tests.support.cli.calls import Call, Ended


@pytest.fixture
def settings(folder: Path) -> Settings:
    """A configuration, and sites that were seen."""
    (folder / "config").mkdir()
    (folder / "config/config.yaml").write_text(CONFIGURATION, encoding="utf-8")
    made = load_settings(environment={})
    rows = [
        {
            "site_id": site_id,
            "name": name,
            "timezone": "UTC",
            "country_code": "DE",
            "sitegroup_ids": GROUPS.get(site_id, ["north"]),
            "attributes": "{}",
        }
        for site_id, name in NAMES.items()
    ]
    remember_sites(made, pl.DataFrame(rows))
    return made


@pytest.fixture
def alerts(call: Call) -> Alerts:
    """Calls ``mist-pipeline alerts`` as of noon of the first day, or of another hour."""

    def made(*arguments: str, hour: float = 12, **environment: str) -> Ended:
        moment = START + timedelta(hours=hour)
        return call("alerts", "--as-of", moment.isoformat(), *arguments, **environment)

    return made
