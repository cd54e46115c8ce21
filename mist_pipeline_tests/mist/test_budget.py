"""The call budget: tokens, hours, lanes, processes."""

import multiprocessing
import os
import sqlite3
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mist_pipeline.mist.budget import HOUR, CallBudget, fingerprint, use_wal
from mist_pipeline.mist.errors import BudgetExhausted, BudgetUnavailable

NOON = datetime(2026, 2, 3, 12, 0, tzinfo=UTC).timestamp()


class Now:
    def __init__(self) -> None:
        self.epoch = NOON + 60

    def __call__(self) -> float:
        return self.epoch


@pytest.fixture
def now() -> Now:
    return Now()


BudgetMaker = Callable[..., CallBudget]


@pytest.fixture
def make(tmp_path: Path, now: Now) -> Iterator[BudgetMaker]:
    made: list[CallBudget] = []

    def budget(*tokens: str, limit: int | None = None) -> CallBudget:
        made.append(
            CallBudget(tmp_path / "b" / "budget.db", tokens or ("one",), limit_override=limit, clock=now)
        )
        return made[-1]

    yield budget
    for each in made:
        each.close()


def spend(budget: CallBudget, lane: str) -> int:
    """How many calls the lane can take until it is refused."""
    taken = 0
    try:
        while taken < 100_000:
            budget.acquire(lane)  # type: ignore[arg-type]
            taken += 1
    except BudgetExhausted:
        pass
    return taken


def test_a_fifth_is_reserved_for_the_live_lane(make: BudgetMaker) -> None:
    budget = make(limit=100)
    assert (budget.remaining("batch"), budget.remaining("live")) == (80, 100)
    assert spend(budget, "batch") == 80
    assert (budget.remaining("batch"), budget.remaining("live")) == (0, 20)
    assert spend(budget, "live") == 20


def test_what_the_live_lane_has_used_of_its_share_is_not_reserved_again(make: BudgetMaker) -> None:
    budget = make(limit=100)
    for _ in range(15):
        budget.acquire("live")
    budget.give_back()
    assert budget.remaining("batch") == 80
    for _ in range(25):
        budget.acquire("live")
    budget.give_back()
    assert budget.remaining("batch") == 60


@settings(max_examples=30, deadline=None)
@given(limit=st.integers(1, 300), order=st.lists(st.sampled_from(["batch", "live"]), max_size=400))
def test_no_order_of_calls_exceeds_the_limit_or_eats_the_reserve(
    tmp_path_factory: pytest.TempPathFactory, limit: int, order: list[str]
) -> None:
    budget = CallBudget(tmp_path_factory.mktemp("b") / "b.db", ["one"], limit_override=limit, clock=Now())
    taken = {"batch": 0, "live": 0}
    for lane in order:
        try:
            budget.acquire(lane)  # type: ignore[arg-type]
        except BudgetExhausted:
            continue
        taken[lane] += 1
    budget.close()
    assert sum(taken.values()) <= limit
    assert taken["batch"] <= limit - round(limit * 0.2)


def test_an_exhausted_budget_says_when_there_is_room_again(make: BudgetMaker) -> None:
    budget = make(limit=1)
    budget.acquire("live")
    with pytest.raises(BudgetExhausted, match=r"2026-02-03 13:00:00 UTC") as caught:
        budget.acquire("live")
    assert caught.value.retry_at == NOON + HOUR


def test_a_new_hour_is_a_new_budget_and_old_leases_are_void(make: BudgetMaker, now: Now) -> None:
    budget = make(limit=40)
    assert spend(budget, "batch") == 32
    now.epoch += HOUR
    assert spend(budget, "batch") == 32
    now.epoch += HOUR
    for _ in range(3):
        budget.acquire("batch")
    now.epoch += HOUR
    budget.give_back()
    assert budget.remaining("batch") == 32


def test_several_tokens_add_up_and_the_roomiest_is_taken_first(make: BudgetMaker) -> None:
    budget = make("one", "two")
    budget.seed("one", requests=90, request_limit=100)
    budget.seed("two", requests=0, request_limit=100)
    assert budget.remaining("live") == 110
    assert budget.acquire("live") == "two"
    assert spend(budget, "live") == 109
    assert budget.calls_per_hour("batch") == 160
    assert budget.calls_per_hour("live") == 200


def test_calls_that_others_made_with_the_token_lower_the_room(make: BudgetMaker) -> None:
    budget = make()
    for _ in range(10):
        budget.acquire("live")
    budget.give_back()
    assert budget.needs_seed("one")
    budget.seed("one", requests=1000, request_limit=2000)
    assert not budget.needs_seed("one")
    assert budget.remaining("live") == 1000
    budget.seed("one", requests=5, request_limit=2000)  # the cloud's count lags behind ours
    assert budget.remaining("live") == 1990


def test_a_cloud_that_does_not_tell_leaves_the_default_or_the_last_known_limit(
    make: BudgetMaker, now: Now
) -> None:
    budget = make()
    budget.seed("one", requests=None, request_limit=None)
    assert budget.remaining("live") == 5000
    budget.seed("one", requests=0, request_limit=700)
    now.epoch += HOUR
    assert budget.needs_seed("one")
    assert budget.remaining("live") == 700


def test_the_configured_limit_wins_over_what_the_cloud_says(make: BudgetMaker) -> None:
    budget = make(limit=50)
    budget.seed("one", requests=0, request_limit=5000)
    assert budget.remaining("live") == 50


def test_a_refused_token_is_left_alone_until_the_cloud_wants_it_back(make: BudgetMaker, now: Now) -> None:
    budget = make("one", "two", limit=100)
    first = budget.acquire("live")
    budget.block(first, now.epoch + 30)
    assert budget.acquire("live") != first
    budget.block(next(token for token in ("one", "two") if token != first), now.epoch + 90)
    with pytest.raises(BudgetExhausted) as caught:
        budget.acquire("live")
    assert caught.value.retry_at == now.epoch + 30
    assert budget.remaining("live") == 0
    now.epoch += 30
    assert budget.acquire("live") == first


def test_a_block_outlives_the_hour_and_is_never_shortened(make: BudgetMaker, now: Now) -> None:
    budget = make()
    assert budget.block_for_the_hour("one") == NOON + HOUR
    budget.block("one", NOON + HOUR + 100)
    budget.block("one", NOON + 70)
    now.epoch = NOON + HOUR + 99
    with pytest.raises(BudgetExhausted):
        make().acquire("live")
    now.epoch += 1
    make().acquire("live")


def test_exhausted_and_blocked_frees_at_the_later_of_both(make: BudgetMaker, now: Now) -> None:
    budget = make(limit=1)
    budget.acquire("live")
    budget.block("one", NOON + HOUR + 40)
    with pytest.raises(BudgetExhausted) as caught:
        budget.acquire("live")
    assert caught.value.retry_at == NOON + HOUR + 40


def test_unused_calls_go_back_to_the_others(make: BudgetMaker) -> None:
    first, second = make(limit=1000), make(limit=1000)
    for _ in range(5):
        first.acquire("batch")
    first.give_back()
    assert second.remaining("batch") == 795
    first.acquire("batch")
    first.close()
    assert second.remaining("batch") == 794


def test_a_process_that_needs_few_calls_hoards_few(make: BudgetMaker) -> None:
    first, second = make(limit=1000), make(limit=1000)
    for _ in range(3):
        first.acquire("live")
    assert second.remaining("live") == 1000 - 3
    for _ in range(97):
        first.acquire("live")
    assert 1000 - 100 - 64 <= second.remaining("live") <= 1000 - 100


def _worker(path: Path, start: object, results: object) -> None:
    budget = CallBudget(path, ["one", "two"], limit_override=500, clock=Now())
    start.wait()  # type: ignore[attr-defined]
    results.put(spend(budget, "batch"))  # type: ignore[attr-defined]


def test_processes_share_one_budget_and_never_exceed_it(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    start, results = context.Event(), context.Queue()
    path = tmp_path / "budget.db"
    workers = [context.Process(target=_worker, args=(path, start, results)) for _ in range(4)]
    for worker in workers:
        worker.start()
    start.set()
    taken = [results.get(timeout=60) for _ in workers]
    for worker in workers:
        worker.join(60)
    assert sum(taken) == 800
    assert [worker.exitcode for worker in workers] == [0, 0, 0, 0]


def test_a_forked_child_does_not_spend_its_parents_lease(tmp_path: Path) -> None:
    budget = CallBudget(tmp_path / "b.db", ["one"], limit_override=100, clock=Now())
    for _ in range(20):
        budget.acquire("live")
    context = multiprocessing.get_context("fork")
    results = context.Queue()
    child = context.Process(target=lambda: results.put((os.getpid(), spend(budget, "live"))))
    child.start()
    _, by_child = results.get(timeout=60)
    child.join(60)
    assert 20 + by_child + spend(budget, "live") == 100
    budget.close()


def test_threads_share_one_budget(make: BudgetMaker) -> None:
    from concurrent.futures import ThreadPoolExecutor

    budget = make(limit=1000)
    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(lambda _: spend(budget, "batch"), range(8))) == 800


def test_a_damaged_file_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "budget.db"
    path.write_bytes(b"this is no database" * 100)
    with pytest.raises(BudgetUnavailable, match="delete it"):
        CallBudget(path, ["one"]).acquire("batch")


def test_a_folder_that_cannot_be_made_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BudgetUnavailable, match=r"file/budget\.db"):
        CallBudget(tmp_path / "file" / "budget.db", ["one"]).acquire("batch")


def test_a_failure_inside_a_transaction_leaves_the_count_as_it_was(make: BudgetMaker, tmp_path: Path) -> None:
    budget = make(limit=100)
    budget.acquire("live")
    budget.give_back()
    with sqlite3.connect(tmp_path / "b" / "budget.db") as db:
        db.execute("CREATE TRIGGER refuse BEFORE UPDATE ON hours BEGIN SELECT RAISE(ABORT, 'no'); END")
    db.close()
    with pytest.raises(BudgetUnavailable):
        budget.acquire("live")
    with sqlite3.connect(tmp_path / "b" / "budget.db") as db:
        db.execute("DROP TRIGGER refuse")
    db.close()
    assert budget.remaining("live") == 99


class BusyFile:
    """A connection whose file somebody else is just opening too."""

    def __init__(self, refusals: int) -> None:
        self.refusals = refusals

    def execute(self, statement: str) -> None:
        assert statement == "PRAGMA journal_mode = WAL"
        self.refusals -= 1
        if self.refusals >= 0:
            raise sqlite3.OperationalError("database is locked")


def test_starters_at_the_same_moment_take_turns() -> None:
    waits: list[float] = []
    use_wal(BusyFile(3), waits.append)  # type: ignore[arg-type]
    assert len(waits) == 3
    assert all(0 < wait <= 0.1 for wait in waits)
    with pytest.raises(sqlite3.OperationalError):
        use_wal(BusyFile(99), waits.append)  # type: ignore[arg-type]


def test_old_hours_are_forgotten(make: BudgetMaker, now: Now, tmp_path: Path) -> None:
    budget = make()
    for _ in range(60):
        budget.remaining("live")
        now.epoch += HOUR
    budget.close()
    db = sqlite3.connect(tmp_path / "b" / "budget.db")
    [(count,)] = db.execute("SELECT count(*) FROM hours").fetchall()
    db.close()
    assert count == 25


@pytest.mark.parametrize(("tokens", "limit"), [([], None), (["one"], 0), (["one"], -5)])
def test_a_budget_without_sense_is_refused(tmp_path: Path, tokens: list[str], limit: int | None) -> None:
    with pytest.raises(ValueError, match=r"token|calls per hour"):
        CallBudget(tmp_path / "b.db", tokens, limit_override=limit)


def test_fingerprints_differ_by_token_and_by_cloud_and_show_neither() -> None:
    prints = {fingerprint(url, token) for url in ("https://a", "https://b") for token in ("secret", "other")}
    assert len(prints) == 4
    assert all(len(each) == 12 and "secret" not in each for each in prints)
