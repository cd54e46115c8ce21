"""How long pages of the console take, how much CPU, and how large they are: asked over HTTP, one after another.

Run with ``.venv/bin/python -m benchmarks web``; another size: ``python -m benchmarks.bench_web --sites 500``. At 3,000 sites the
organisation with its 91 days, 35 of them with hours, takes two minutes of CPU to make. An incident of more sites: ``--hit 3000``.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import requests

from mist_pipeline.alerts.ledger.ledger import Ledger
from mist_pipeline_tests.support.alerts.histories import finding, live
from mist_pipeline_tests.support.alerts.ledgers import TELL
from mist_pipeline_tests.support.overview.organisations import AT, Organisation
from mist_pipeline_tests.support.overview.weeks import with_weeks
from mist_pipeline_tests.support.web.serving import served

_TIMES = 5


@dataclass(frozen=True)
class Timed:
    """One page.

    Attributes:
        first: Seconds of its first answer.
        later: Median of later ones.
        cpu: Median CPU seconds of later ones, those of who asks included.
        size: Bytes.
    """

    first: float
    later: float
    cpu: float
    size: int


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sites", type=int, default=3000)
    parser.add_argument("--days", type=int, default=91)
    parser.add_argument("--hit", type=int, default=200, help="sites of the incident")
    given = parser.parse_args(arguments)
    print(f"{given.sites:,} sites{'first':>35} {'later':>9} {'CPU':>9} {'size':>10}")
    for name, one in measured(given.sites, given.days, given.hit).items():
        print(
            f"{name:<38} {one.first * 1000:5.0f} ms {one.later * 1000:6.0f} ms {one.cpu * 1000:6.0f} ms {one.size / 1000:7.1f} kB"
        )


def measured(sites: int, days: int, hit: int) -> dict[str, Timed]:
    """Page → how long and how large."""
    with tempfile.TemporaryDirectory() as folder:
        organisation = Organisation(
            Path(folder) / "org", [f"Store {number:04}" for number in range(sites)]
        ).make(days=False)
        with_weeks(organisation, days)
        with Ledger(organisation.places.ledger) as ledger:
            found = [
                finding(f"site-{one}", severity="critical", metric="capacity")
                for one in range(min(sites, hit))
            ]
            for hour in (13, 14):
                ledger.record_evaluation(live(hour, *found), TELL)
        _source, going = organisation.overview().incidents(AT)
        with served(organisation) as address:
            requests.get(f"{address}/assets/x/console.css", timeout=60).raise_for_status()
            timed = {}
            for name, path in _pages(going[0].incident_id, len(going), f"site-{sites // 2}").items():
                if name.endswith("another poll"):
                    organisation.show()
                timed[name] = _timed(address + path)
            return timed


def _pages(incident_id: str, number: int, site_id: str) -> dict[str, str]:
    return {
        "Now": "/",
        "Now, after another poll": "/",
        "Now, sorted by score": "/?sort=score&down=1",
        "Now, filtered by a site group": '/?q=site_group="North"',
        "Now, page 20": "/?page=20",
        "Now, as CSV": "/?as=csv",
        f"Incidents ({number})": "/incidents",
        "An incident": f"/incident/{incident_id}",
        "A site, 24 hours": f"/site/{site_id}",
        "A site, 7 days": f"/site/{site_id}?range=7d",
        "A site, 30 days": f"/site/{site_id}?range=30d",
        "A site, 90 days": f"/site/{site_id}?range=90d",
        "Fleet, status": "/fleet",
        "Fleet, coverage by country": "/fleet?show=coverage&by=country",
        "Service levels": "/metrics",
        "A service level, 7 days": "/metric/capacity?range=7d",
        "A service level, 90 days": "/metric/coverage?range=90d",
        "Reports": "/reports",
        "Scorecard": "/scorecard?range=90d",
        "Pipeline": "/pipeline",
        "A silence with its preview": '/silence?matchers=site_group="North"',
        "Search": "/search?q=store+1",
    }


def _timed(address: str) -> Timed:
    seconds, cpu, size = [], [], 0
    for _ in range(_TIMES):
        begun, used = time.perf_counter(), time.process_time()
        answer = requests.get(address, timeout=60)
        seconds.append(time.perf_counter() - begun)
        cpu.append(time.process_time() - used)
        answer.raise_for_status()
        size = len(answer.content)
    return Timed(seconds[0], statistics.median(seconds[1:]), statistics.median(cpu[1:]), size)


if __name__ == "__main__":
    main()
