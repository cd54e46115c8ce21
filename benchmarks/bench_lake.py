"""A warehouse in a file beside one that machines share: the same morning, published, then the upkeep; seconds and bytes of each.

History of 90 days and hours of nine, as in `bench_daily`; then every analysis but forecasts of the last day, the published copy, and what
retention does to a shared one. Catalogue: a PostgreSQL of this machine. Files: a folder.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg

from benchmarks.bench_daily import HOURLY, LAST, analysed, prepared
from mist_pipeline.warehouse.lake import Lake
from mist_pipeline.warehouse.publish import publish
from mist_pipeline.warehouse.upkeep import keep_up
from mist_pipeline.workflows.analysis.evidence_walk import store_evidence
from mist_pipeline_tests.support.postgresql import postgresql_server


def bytes_below(folder: Path) -> int:
    """Bytes of all files of a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def measured(folder: Path, sites: int, server: str = "") -> dict[str, str]:
    """What a row says → seconds by the clock and of this process, or bytes; ``server``: of the catalogue, if it is to be shared."""
    said: dict[str, str] = {}

    def timed(name: str, work: Callable[[], object]) -> None:
        begun, worked = time.perf_counter(), time.process_time()
        work()
        said[name] = f"{time.perf_counter() - begun:.1f} / {time.process_time() - worked:.1f}"

    variables = {
        "MIST_PIPELINE__WAREHOUSE__URL": f"ducklake:postgres:{server}",
        "MIST_PIPELINE__WAREHOUSE__DATA_PATH": str(folder / "shared"),
        "MIST_PIPELINE__WAREHOUSE__NAME": f"of_{sites}",
    }
    made = []
    timed("fill", lambda: made.append(prepared(folder, sites, HOURLY, variables if server else {})))
    ((warehouse, settings),) = made
    timed("evidence before", lambda: store_evidence(warehouse, settings, HOURLY[:-1]))
    timed("morning", lambda: analysed(warehouse, settings, [LAST], foresee=False))
    timed("publish", lambda: publish(warehouse, settings.published_path))
    place = warehouse.place
    if not isinstance(place, Lake):
        return said | {"MiB": f"{settings.warehouse_path.stat().st_size / 2**20:.1f}"}
    size = bytes_below(Path(place.files)) / 2**20
    said["MiB"] = f"{size:.1f} in {place.state(10).num_files} files"
    now = datetime.now(UTC)
    timed("upkeep", lambda: keep_up(place, now, timedelta(days=1), 60))
    # As four days later: nothing that was replaced is kept any more.
    keep_up(place, now + timedelta(days=4), timedelta(days=1), 60)
    size = bytes_below(Path(place.files)) / 2**20
    said["MiB after upkeep"] = f"{size:.1f} in {place.state(10).num_files} files"
    with psycopg.connect(server) as connection:
        (catalogue,) = connection.execute(
            "SELECT sum(pg_total_relation_size(c.oid)) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE n.nspname = %s AND c.relkind = 'r'",
            [place.schema],
        ).fetchone() or (0,)
    said["MiB of the catalogue"] = f"{float(catalogue) / 2**20:.1f}"
    timed("publish after upkeep", lambda: publish(warehouse, settings.published_path))
    return said


def main(arguments: list[str] | None = None) -> None:
    """Print a table: a step a row, a file and a shared warehouse for each number of sites a column."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sites", type=int, nargs="+", default=[24, 300])
    options = parser.parse_args(arguments)
    columns: dict[str, dict[str, str]] = {}
    with postgresql_server() as server:
        for sites in options.sites:
            for form, where in (("file", ""), ("shared", server)):
                with tempfile.TemporaryDirectory() as folder:
                    columns[f"{sites:,} sites, {form}"] = measured(Path(folder), sites, where)
    print(f"{'seconds by the clock / of this process':<40}" + "".join(f"{name:>22}" for name in columns))
    for step in list(dict.fromkeys(step for said in columns.values() for step in said)):
        print(f"{step:<40}" + "".join(f"{said.get(step, ''):>22}" for said in columns.values()))


if __name__ == "__main__":
    main()
