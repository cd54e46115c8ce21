"""How long the read model takes: publishing a poll and the alerts, the first answer after it, and every later one.

Run with ``.venv/bin/python -m benchmarks overview``; another size: ``python -m benchmarks.bench_overview --sites 500``.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from mist_pipeline.alerts.ledger.ledger import Ledger
from mist_pipeline.warehouse.publish import publish_ledger
from mist_pipeline.warehouse.reading import Published, reading
from mist_pipeline_tests.support.alerts.histories import finding, live
from mist_pipeline_tests.support.alerts.ledgers import TELL
from mist_pipeline_tests.support.overview.organisations import AT, Organisation


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sites", type=int, default=3000)
    sites = parser.parse_args(arguments).sites
    for name, (seconds, cpu_seconds) in measured(sites).items():
        print(f"{name:<45} {seconds * 1000:8.0f} ms {cpu_seconds * 1000:8.0f} ms CPU")


def measured(sites: int) -> dict[str, tuple[float, float]]:
    """What is done → seconds, and seconds of all cores together."""
    with tempfile.TemporaryDirectory() as folder:
        organisation = Organisation(
            Path(folder) / "org", [f"Site {number}" for number in range(sites)]
        ).make()
        with Ledger(organisation.places.ledger):
            pass
        overview = organisation.overview()
        overview.now(AT)  # imports and caches of the process
        timed = {f"publish a poll of {sites:,} sites": _seconds(organisation.show)}
        timed["organisation now, after a poll"] = _seconds(lambda: overview.now(AT))
        timed["organisation now, nothing new"] = _seconds(lambda: overview.now(AT))
        timed["incidents"] = _seconds(lambda: overview.incidents(AT))
        timed["one site"] = _seconds(lambda: overview.site("site-0", AT))
        published = Published(
            days=organisation.places.published,
            today=organisation.places.live,
            ledger=organisation.places.published.with_name("ledger.duckdb"),
        )
        alerting = live(0, *(finding(f"site-{number}") for number in range(sites)))
        with Ledger(organisation.places.ledger) as ledger:
            ledger.record_evaluation(alerting, TELL)
        _publish_alerts(organisation, published)  # imports
        timed[f"publish {sites:,} alerts"] = _seconds(lambda: _publish_alerts(organisation, published))
        timed["open the published files as one"] = _seconds(lambda: _count(published))
        return timed


def _publish_alerts(organisation: Organisation, published: Published) -> None:
    with Ledger(organisation.places.ledger) as ledger:
        frames = ledger.frames()
    names = organisation.overview().site_names()
    publish_ledger(frames, names, published.ledger, read_at=AT, evaluated_at=AT)


def _count(published: Published) -> None:
    with reading(published) as opened:
        opened.connection.execute("SELECT count(*) FROM open_incidents").fetchall()


def _seconds(work: Callable[[], object]) -> tuple[float, float]:
    begun, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - begun, time.process_time() - cpu


if __name__ == "__main__":
    main()
