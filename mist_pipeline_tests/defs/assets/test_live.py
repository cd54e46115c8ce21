"""A look: in detail once an hour where the calls allow it, at suspects every time, and never nothing for lack of detail."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from mist_pipeline.cli.execution import execute
from mist_pipeline.collect.fetch.plan import Ask
from mist_pipeline.mist.budget import CallBudget
from mist_pipeline.settings import Settings, load_settings
from mist_pipeline.simulator.cloud.http_faults import Faults, Scripted
from mist_pipeline.simulator.cloud.server import Running, serve
from mist_pipeline.simulator.world.clock import Clock
from mist_pipeline.simulator.world.world import World
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.workflows.collection.poll import planned_requests
from mist_pipeline.workflows.progress import silent
from mist_pipeline_tests.support.cli.runs_in_memory import runs_in_memory

TODAY = date(2026, 3, 3)
SITES = 4
UTC_ZONE = ZoneInfo("UTC")
METRICS = ("coverage", "capacity")


@pytest.fixture(scope="module", autouse=True)
def _in_memory() -> Iterator[None]:
    with runs_in_memory():
        yield


def at(hour: int, minute: int = 5) -> datetime:
    return datetime(TODAY.year, TODAY.month, TODAY.day, hour, minute, tzinfo=UTC)


@contextmanager
def organisation(
    data: Path, faults: Faults | None = None, **options: str
) -> Iterator[tuple[Settings, Running]]:
    world = World(SITES, 3, seed=4, start=TODAY - timedelta(days=1), quiet=True, timezones=["UTC"])
    with serve(world, clock=Clock(at(9)), faults=faults) as cloud:
        environment = {
            "MIST_BASE_URL": cloud.base_url,
            "MIST_ORG_ID": cloud.org_id,
            "MIST_API_TOKEN": cloud.token,
            "MIST_PIPELINE_DATA": str(data),
            "MIST_PIPELINE__HISTORY__START": TODAY.isoformat(),
            **options,
        }
        yield load_settings(environment=environment), cloud


def look(settings: Settings, cloud: Running, moment: datetime) -> int:
    """Calls of detail that a look took."""
    cloud.clock.set(moment)
    before = asked(cloud)
    assert execute(settings, "live", progress=silent, as_of=moment).failures == ()
    return asked(cloud) - before


def asked(cloud: Running) -> int:
    return sum(count for name, count in cloud.requests.endpoints.items() if "summary" in name)


def blamed(settings: Settings) -> pl.DataFrame:
    return Warehouse(settings.warehouse_path).query("SELECT * FROM live.classifiers_hourly")


def status(settings: Settings) -> pl.DataFrame:
    return Warehouse(settings.warehouse_path).query("SELECT * FROM live.status")


def site_that_is_gone(settings: Settings) -> None:
    """A site of the poll before, which the organisation does not have any more."""
    with Warehouse(settings.warehouse_path).writing() as connection:
        connection.execute(
            "INSERT INTO live.status BY NAME SELECT * REPLACE ('gone' AS site_id) FROM live.status LIMIT 1"
        )


@pytest.mark.slow
def test_an_hour_that_closed_is_asked_in_detail_once_and_sites_that_are_gone_are_forgotten(
    tmp_path: Path,
) -> None:
    with organisation(tmp_path) as (settings, cloud):
        first = look(settings, cloud, at(9))
        assert first > SITES
        assert blamed(settings)["site_id"].n_unique() > 1
        site_that_is_gone(settings)
        assert look(settings, cloud, at(9, 20)) == 0
        assert "gone" not in set(status(settings)["site_id"])
        assert status(settings)["site_id"].n_unique() == SITES
        assert look(settings, cloud, at(10)) == first


@pytest.mark.slow
def test_whoever_wants_no_detail_gets_none(tmp_path: Path) -> None:
    with organisation(tmp_path, MIST_PIPELINE__MIST__DETAIL="off") as (settings, cloud):
        assert look(settings, cloud, at(9)) == 0
        assert blamed(settings).is_empty()


@pytest.mark.slow
def test_a_poll_goes_on_without_alarms_counts_and_detail_and_says_so(tmp_path: Path) -> None:
    places = ("/summary-trend", "/alarms/search", "/logs", "/stats/sites")
    refused = Faults(script=[Scripted(place, "forbidden", times=10_000) for place in places])
    with organisation(tmp_path, refused) as (settings, _):
        polls = [execute(settings, "live", progress=silent, as_of=at(9, minute)) for minute in (5, 20, 35)]
        assert [poll.failures for poll in polls] == [()] * 3
        # What one poll lacks the next one brings; what lasts is told.
        assert [any("answers_are_whole" in check for check in poll.warnings) for poll in polls] == [
            False,
            False,
            True,
        ]
        done = polls[-1]
        [told] = [check for check in done.warnings if "answers_are_whole" in check]
        assert "stats_sites: no answer" in told
        assert "changes" not in told
        known = Warehouse(settings.warehouse_path).query("SELECT DISTINCT state FROM live.changes")
        assert known["state"].to_list() == ["missing"]
        assert "live_alarms: " in told
        assert blamed(settings).is_empty()
        assert status(settings).height >= SITES


def ask(now: datetime) -> Ask:
    return Ask(("s1", "s2"), METRICS, (TODAY,), UTC_ZONE, now, detail="off")


@pytest.mark.parametrize(
    ("before", "suspects", "detail", "wanted"),
    [
        (None, (), "auto", [("triage", 2)]),
        (at(8, 50), ("s2",), "auto", [("triage", 2)]),
        (at(9, 1), (), "auto", [("off", 2)]),
        (at(9, 1), ("s2",), "triage", [("off", 2), ("full", 1)]),
        (at(8, 50), ("s2",), "off", [("off", 2)]),
    ],
)
def test_what_a_poll_asks(
    before: datetime | None,
    suspects: tuple[str, ...],
    detail: str,
    wanted: list[tuple[str, int]],
    tmp_path: Path,
) -> None:
    budget = CallBudget(tmp_path / "budget.db", ["token"])
    found = list(planned_requests(ask(at(9)), before, suspects, detail, budget))  # type: ignore[arg-type]
    assert [(one.detail, len(one.site_ids)) for one, _ in found] == wanted
    assert [calls for one, calls in found if one.detail == "triage"] in ([], [1000])
