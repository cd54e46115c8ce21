"""How long pages of the console take, and how large they are: asked over HTTP, one after another.

Run with ``.venv/bin/python -m benchmarks web``; another size: ``python -m benchmarks.bench_web --sites 500``.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import requests

from mist_pipeline.alerts.ledger.ledger import Ledger
from mist_pipeline_tests.support.alerts.histories import finding, live
from mist_pipeline_tests.support.alerts.ledgers import TELL
from mist_pipeline_tests.support.overview.organisations import AT, Organisation
from mist_pipeline_tests.support.web.serving import served

_TIMES = 5
_MOST_HIT = 200
"""Sites of the incident."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sites", type=int, default=3000)
    sites = parser.parse_args(arguments).sites
    print(f"{sites:,} sites{'first':>35} {'later':>8} {'size':>10}")
    for name, (first, later, size) in measured(sites).items():
        print(f"{name:<38} {first * 1000:5.0f} ms {later * 1000:5.0f} ms {size / 1000:7.1f} kB")


def measured(sites: int) -> dict[str, tuple[float, float, int]]:
    """Page → seconds of its first answer, median of later ones, bytes."""
    with tempfile.TemporaryDirectory() as folder:
        organisation = Organisation(
            Path(folder) / "org", [f"Store {number:04}" for number in range(sites)]
        ).make()
        with Ledger(organisation.places.ledger) as ledger:
            hit = [finding(f"site-{one}", severity="critical") for one in range(min(sites, _MOST_HIT))]
            for hour in (13, 14):
                ledger.record_evaluation(live(hour, *hit), TELL)
        _source, going = organisation.overview().incidents(AT)
        pages = {
            "Now": "/",
            "Now, after another poll": "/",
            "Now, sorted by score": "/?sort=score&down=1",
            "Now, filtered by a site group": '/?q=site_group="North"',
            "Now, page 20": "/?page=20",
            "Now, as CSV": "/?as=csv",
            f"Incidents ({len(going)})": "/incidents",
            "An incident": f"/incident/{going[0].incident_id}",
            "A silence with its preview": '/silence?matchers=site_group="North"',
            "Search": "/search?q=store+1",
        }
        with served(organisation) as address:
            requests.get(f"{address}/assets/x/console.css", timeout=60).raise_for_status()
            found = {}
            for name, path in pages.items():
                if name.endswith("another poll"):
                    organisation.show()
                found[name] = _timed(address + path)
            return found


def _timed(address: str) -> tuple[float, float, int]:
    seconds, size = [], 0
    for _ in range(_TIMES):
        begun = time.perf_counter()
        answer = requests.get(address, timeout=60)
        seconds.append(time.perf_counter() - begun)
        answer.raise_for_status()
        size = len(answer.content)
    return seconds[0], statistics.median(seconds[1:]), size


if __name__ == "__main__":
    main()
