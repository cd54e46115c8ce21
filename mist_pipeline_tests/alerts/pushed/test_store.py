"""What the cloud pushed is kept once, counted, and forgotten, in both databases."""

import threading
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from mist_pipeline.alerts.ledger.database import open_engine, writing
from mist_pipeline.alerts.ledger.tables import PUSHES
from mist_pipeline.alerts.pushed.event import PushedEvent
from mist_pipeline.alerts.pushed.store import KEPT, REPEATED, PushStore, forget_pushes, push_counts
from mist_pipeline_tests.support.pushes import NOW

PUSH = PushedEvent(
    org_id="",
    key="k1",
    topic="device-updowns",
    kind="AP_DISCONNECTED",
    site_id="s1",
    device="5c5b350001aa",
    happened_at=NOW,
    document={"text": "\0 \ud800 ü", "number": 1.5},
)


def pushed(number: int) -> PushedEvent:
    return replace(PUSH, key=f"k{number}")


def kept(address: str) -> list[str]:
    with open_engine(address).connect() as connection:
        return sorted(connection.scalars(sa.select(PUSHES.c.push_key)))


def counts(address: str) -> dict[tuple[str, str], int]:
    return {(one.topic, one.outcome): one.number for one in push_counts(open_engine(address))}


def test_an_event_is_kept_once_also_within_one_message(address: str) -> None:
    store = PushStore(address)
    assert store.keep([pushed(1), pushed(2), pushed(1)], {}, NOW) == 2
    assert (
        store.keep([pushed(2), pushed(3)], {("device-updowns", "too old"): 4}, NOW + timedelta(seconds=1))
        == 1
    )
    assert kept(address) == ["k1", "k2", "k3"]
    topic = "device-updowns"
    assert counts(address) == {(topic, KEPT): 3, (topic, REPEATED): 2, (topic, "too old"): 4}


def test_a_document_comes_back_as_it_came(address: str) -> None:
    PushStore(address).keep([PUSH], {}, NOW)
    with open_engine(address).connect() as connection:
        row = connection.execute(sa.select(PUSHES)).mappings().one()
    assert (row["document"], row["happened_at"], row["received_at"]) == (PUSH.document, NOW, NOW)


def test_what_is_only_counted_keeps_nothing(address: str) -> None:
    PushStore(address).keep([], {("", "malformed"): 1}, NOW)
    assert (kept(address), counts(address)) == ([], {("", "malformed"): 1})


def test_a_large_message_is_one_transaction(address: str) -> None:
    assert PushStore(address).keep([pushed(number) for number in range(1_200)], {}, NOW) == 1_200


def test_many_at_once_lose_and_double_nothing(address: str) -> None:
    store = PushStore(address)
    both = [pushed(number) for number in range(20)]
    threads = [
        threading.Thread(target=store.keep, args=(list(some), {}, NOW)) for some in (both, both[::-1]) * 4
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(kept(address)) == 20
    assert counts(address) == {("device-updowns", KEPT): 20, ("device-updowns", REPEATED): 140}


@pytest.mark.slow
def test_in_postgresql_a_message_waits_for_no_evaluation(postgresql: str) -> None:
    store = PushStore(postgresql)
    with writing(open_engine(postgresql)):
        assert store.keep([replace(PUSH, key="beside")], {}, NOW) == 1


def test_old_events_are_forgotten_and_their_numbers_are_not(address: str) -> None:
    store = PushStore(address)
    store.keep([pushed(1)], {}, NOW - timedelta(days=4))
    store.keep([pushed(2)], {}, NOW)
    assert forget_pushes(open_engine(address), NOW - timedelta(days=3)) == 1
    assert (kept(address), counts(address)) == (["k2"], {("device-updowns", KEPT): 2})
