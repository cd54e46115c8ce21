"""The lease of several organisations has a schema of its own beside what Dagster keeps."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from mist_pipeline.alerts.ledger.database import LedgerUnavailableError, open_engine
from mist_pipeline.alerts.machines.lease import Lease, read_machines
from mist_pipeline.alerts.machines.shared import SCHEMA, open_shared


@pytest.fixture
def address(postgresql: str) -> Iterator[str]:
    yield postgresql
    engine = open_engine(postgresql)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")
    engine.dispose()


def test_machines_that_begin_at_once_make_it_once_and_have_one_lease(address: str) -> None:
    with ThreadPoolExecutor(4) as threads:
        engines = list(threads.map(open_shared, [address] * 4))
        leases = [Lease(engine, f"noc-{n}", f"noc-{n}:1:boot-1") for n, engine in enumerate(engines)]
        terms = list(threads.map(Lease.claim, leases))
    assert sorted(terms, key=str) == [1, None, None, None]
    assert {read_machines(engine).term for engine in engines} == {1}
    there = sa.inspect(engines[0]).get_table_names(SCHEMA)
    assert sorted(there) == ["leases", "machines"]
    for engine in engines:
        engine.dispose()


def test_the_address_may_name_the_driver_that_dagster_wants(address: str) -> None:
    engine = open_shared(address.replace("postgresql://", "postgresql+psycopg2://"))
    assert engine.driver == "psycopg"
    engine.dispose()


def test_errors_name_the_database_that_does_not_answer() -> None:
    with pytest.raises(LedgerUnavailableError, match=r"^Dagster's database does not answer"):
        open_shared("postgresql://nobody@127.0.0.1:1/dagster")
