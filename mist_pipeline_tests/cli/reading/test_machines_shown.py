"""Every surface says which of several machines is active and which stand by."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mist_pipeline.alerts.ledger.ledger import Ledger
from mist_pipeline.alerts.machines.lease import Lease
from mist_pipeline.overview.reader import Overview
from mist_pipeline.web.access import Access
from mist_pipeline.web.app import Application
from mist_pipeline_tests.support.cli.calls import Call
from mist_pipeline_tests.support.overview.organisations import Organisation
from mist_pipeline_tests.support.web.consoles import Client, console_of

TWO = {"MIST_PIPELINE__MONITORING__MACHINES": "2"}
SAID = f"noc-a is active since {datetime.now(UTC):%Y-%m-%d}"


def with_two_machines(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with Ledger(path) as ledger:
        for name in ("noc-a", "noc-<b>b"):
            lease = Lease(ledger.engine, name, f"{name}:1:boot-1")
            lease.appear(lambda _process: True)
            lease.claim()


@pytest.mark.slow
def test_status_and_heartbeat_say_it(call: Call, folder: Path) -> None:
    with_two_machines(folder / "data" / "ledger.db")
    machines = json.loads(call("status", "--json", **TWO).out)["pipeline"]["machines"]
    assert machines.startswith(SAID)
    assert machines.endswith("noc-<b>b stands by")
    assert f"Machines: {SAID}" in call("status", **TWO).text
    assert f"Machines: {SAID}" in call("heartbeat", **TWO).text
    assert "Machines" not in call("status").text


def test_the_page_of_the_pipeline_says_it(tmp_path: Path) -> None:
    with_two_machines(tmp_path / "ledger.db")
    organisation = Organisation(tmp_path, ())
    overview = Overview(replace(organisation.places, has_several_machines=True))
    console = replace(console_of(organisation, []), overview=overview)
    page = Client(Application(console, Access(who="anna")), noted=[]).get("/pipeline").body
    assert SAID in page
    assert "noc-&lt;b&gt;b stands by" in page
