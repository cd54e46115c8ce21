"""The lock of writers holds for as long as its holder does, whatever the server thinks of connections on which nothing is asked."""

import time

import psycopg
import pytest

from mist_pipeline.warehouse.lake import _LOCK, Lake
from mist_pipeline.warehouse.store import Warehouse

pytestmark = pytest.mark.slow


def is_free(lake: Lake) -> bool:
    with psycopg.connect(lake.catalogue) as connection:
        question = "SELECT pg_try_advisory_xact_lock(%s, hashtext(%s))"
        (got,) = connection.execute(question, [_LOCK, lake.schema]).fetchone() or (None,)
    return bool(got)


def test_a_server_that_ends_idle_transactions_does_not_take_the_lock_away(shared: Warehouse) -> None:
    lake = shared.place
    assert isinstance(lake, Lake)
    with psycopg.connect(lake.catalogue, autocommit=True) as connection:
        (name,) = connection.execute("SELECT current_database()").fetchone() or ("",)
        connection.execute(f"ALTER DATABASE {name} SET idle_in_transaction_session_timeout = '300ms'")
    assert is_free(lake)
    with lake.maintaining(5):
        time.sleep(1)
        assert not is_free(lake)
    assert is_free(lake)
