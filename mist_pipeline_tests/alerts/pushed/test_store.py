"""What the cloud pushed is kept once, counted, and forgotten, in both databases."""

import sqlite3
import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from mist_pipeline.alerts.ledger.database import LedgerUnavailableError, open_engine, writing
from mist_pipeline.alerts.ledger.tables import PUSHES
from mist_pipeline.alerts.pushed.event import PushedEvent
from mist_pipeline.alerts.pushed.store import FILE, KEPT, REPEATED, PushStore, place_of
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
    with open_engine(place_of(address)).connect() as connection:
        return sorted(connection.scalars(sa.select(PUSHES.c.push_key)))


def counts(address: str) -> dict[tuple[str, str], int]:
    with PushStore(address) as store:
        return {(one.topic, one.outcome): one.number for one in store.counts()}


def kept_together(store: PushStore, messages: list[list[PushedEvent]]) -> list[int | str]:
    """What becomes of messages that all arrive while another one is written: new events, or the error."""
    found: list[int | str] = []

    def keep(pushes: list[PushedEvent]) -> None:
        try:
            found.append(store.keep(pushes, {}, NOW))
        except (LedgerUnavailableError, sa.exc.DatabaseError) as error:
            found.append(str(error))

    threads = [threading.Thread(target=keep, args=[pushes]) for pushes in messages]
    with store._writing:
        for thread in threads:
            thread.start()
        while len(store._waiting) < len(messages):
            threading.Event().wait(0.001)
    for thread in threads:
        thread.join()
    return found


def commits(store: PushStore) -> list[object]:
    """Grows with every transaction of a store."""
    seen: list[object] = []
    sa.event.listen(store._engine, "commit", seen.append)
    return seen


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
    with open_engine(place_of(address)).connect() as connection:
        row = connection.execute(sa.select(PUSHES)).mappings().one()
    assert (row["document"], row["happened_at"], row["received_at"]) == (PUSH.document, NOW, NOW)


def test_what_is_only_counted_keeps_nothing(address: str) -> None:
    PushStore(address).keep([], {("", "malformed"): 1}, NOW)
    assert (kept(address), counts(address)) == ([], {("", "malformed"): 1})


def test_a_large_message_is_one_transaction(address: str) -> None:
    assert PushStore(address).keep([pushed(number) for number in range(1_200)], {}, NOW) == 1_200


def test_events_are_written_in_one_order_so_that_processes_never_wait_for_each_other_in_a_circle(
    address: str,
) -> None:
    with PushStore(address) as store:
        store.keep([pushed(number) for number in (7, 2, 9, 4)], {}, NOW)
    with open_engine(place_of(address)).connect() as connection:
        place = sa.literal_column("rowid" if connection.dialect.name == "sqlite" else "ctid")
        written = connection.scalars(sa.select(PUSHES.c.push_key).order_by(place)).all()
    assert written == ["k2", "k4", "k7", "k9"]


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


def test_messages_that_arrive_meanwhile_share_a_transaction(address: str) -> None:
    store = PushStore(address)
    seen = commits(store)
    assert sum(kept_together(store, [[pushed(number), pushed(100)] for number in range(8)])) == 9  # type: ignore[arg-type]
    assert (len(seen), len(kept(address))) == (1, 9)
    assert counts(address) == {("device-updowns", KEPT): 9, ("device-updowns", REPEATED): 7}


def test_no_transaction_grows_without_end(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mist_pipeline.alerts.pushed.store.MOST_TOGETHER", 4)
    store = PushStore(address)
    seen = commits(store)
    kept_together(store, [[pushed(2 * number), pushed(2 * number + 1)] for number in range(4)])
    kept_together(store, [[pushed(number) for number in range(20, 30)]])
    assert (len(seen), len(kept(address))) == (3, 18)


def test_a_message_that_cannot_be_kept_takes_no_other_along(address: str) -> None:
    store = PushStore(address)
    broken = replace(pushed(1), topic=None)  # type: ignore[arg-type]
    found = kept_together(store, [[broken], [pushed(2)], [pushed(3)]])
    assert sorted(one for one in found if isinstance(one, int)) == [1, 1]
    assert kept(address) == ["k2", "k3"]


def test_where_nothing_can_be_written_nobody_is_told_that_it_was(tmp_path: Path) -> None:
    store = PushStore(tmp_path / "ledger.db")
    with sqlite3.connect(tmp_path / FILE) as connection:
        connection.execute("DROP TABLE pushes")
    found = kept_together(store, [[pushed(1)], [pushed(2)], [pushed(3)]])
    assert all("no such table" in str(one) for one in found)


def test_a_defect_in_the_middle_of_a_group_leaves_nobody_believing_that_it_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = PushStore(tmp_path / "ledger.db")

    def defect(*_arguments: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(PushStore, "_write", defect)
    raised = []
    monkeypatch.setattr(threading, "excepthook", lambda told: raised.append(told.exc_type))
    found = kept_together(store, [[pushed(1)], [pushed(2)]])
    assert (len(found), raised) == (1, [ZeroDivisionError])
    assert "did not come to its end" in str(found[0])


def test_a_message_waits_for_no_evaluation(address: str) -> None:
    store = PushStore(address)
    with writing(open_engine(address)):
        assert store.keep([replace(PUSH, key="beside")], {}, NOW) == 1


def test_old_events_are_forgotten_and_their_numbers_are_not(address: str) -> None:
    store = PushStore(address)
    store.keep([pushed(1)], {}, NOW - timedelta(days=4))
    store.keep([pushed(2)], {}, NOW)
    assert store.forget(NOW - timedelta(days=3)) == 1
    assert (kept(address), counts(address)) == (["k2"], {("device-updowns", KEPT): 2})
