"""Many calls at once, and the budget that they are paid from."""

import logging
import signal
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from mist_pipeline.mist import endpoints
from mist_pipeline.mist.budget import CallBudget
from mist_pipeline.mist.client import MistClient, connect
from mist_pipeline.mist.endpoints import Call
from mist_pipeline.mist.errors import (
    BudgetExhausted,
    Forbidden,
    NotSupported,
    RefusedForNow,
    Unauthorized,
    Unavailable,
)
from mist_pipeline_tests.support.mist.scripted_cloud import (
    LIMITS,
    SITE,
    TOKEN,
    ClientMaker,
    Clock,
    Reply,
    ScriptedCloud,
    Seen,
    summaries,
    summary,
)

pytestmark = pytest.mark.slow


class TestFetchMany:
    def test_every_call_gets_its_pages_or_its_error(
        self, cloud: ScriptedCloud, make_client: ClientMaker
    ) -> None:
        def script(seen: Seen) -> Reply:
            number = int(seen.path.split("/")[4].removeprefix("site-"))
            return [Reply(document=summary()), Reply(403, {}), Reply(404, {}), Reply(500, {})][number % 4]

        cloud.script = script
        outcomes = dict(make_client().fetch_many(summaries(40)))
        assert set(outcomes) == set(summaries(40))
        kinds = {call.site_id: type(outcome) for call, outcome in outcomes.items()}
        expected = [list, Forbidden, NotSupported, Unavailable]
        assert kinds == {f"site-{number}": expected[number % 4] for number in range(40)}

    def test_a_plan_of_any_length_is_taken_as_it_can_be_sent(
        self, cloud: ScriptedCloud, make_client: ClientMaker
    ) -> None:
        cloud.script = lambda _: Reply(document=summary())
        taken: list[Call] = []

        def plan() -> Any:
            for call in summaries(1000):
                taken.append(call)
                yield call

        fetched = make_client().fetch_many(plan())
        for _ in range(5):
            next(fetched)
        assert len(taken) <= 2 * LIMITS.concurrency + 5
        fetched.close()  # type: ignore[attr-defined]
        assert len(cloud.requests) <= len(taken)

    def test_no_more_requests_are_in_flight_than_allowed(
        self, cloud: ScriptedCloud, make_client: ClientMaker
    ) -> None:
        flying, most = 0, 0
        lock = threading.Lock()
        full = threading.Barrier(LIMITS.concurrency)

        def script(_: Seen) -> Reply:
            nonlocal flying, most
            with lock:
                flying += 1
                most = max(most, flying)
            full.wait(10)  # every worker must be here at once, or the barrier breaks
            with lock:
                flying -= 1
            return Reply(document=summary())

        cloud.script = script
        limits = replace(LIMITS, http=replace(LIMITS.http, read_seconds=15, total_seconds=15))
        outcomes = list(make_client(limits=limits).fetch_many(summaries(5 * LIMITS.concurrency)))
        assert all(isinstance(outcome, list) for _, outcome in outcomes)
        assert most == LIMITS.concurrency

    def test_a_refused_token_stops_the_whole(self, cloud: ScriptedCloud, make_client: ClientMaker) -> None:
        cloud.script = lambda _: Reply(401, {"detail": "Authentication credentials were not provided."})
        with pytest.raises(Unauthorized):
            list(make_client().fetch_many(summaries(500)))
        assert len(cloud.requests) <= 3 * LIMITS.concurrency

    def test_a_token_that_was_accepted_and_is_refused_now_is_tried_again_and_may_heal(
        self, cloud: ScriptedCloud, make_client: ClientMaker
    ) -> None:
        replies = [Reply(document=summary()), Reply(401, {}), Reply(401, {}), Reply(document=summary())]
        cloud.answers(*replies)
        client = make_client(limits=replace(LIMITS, concurrency=1))
        assert [isinstance(found, list) for _, found in client.fetch_many(summaries(2))] == [True, True]
        cloud.answers(Reply(401, {}))
        with pytest.raises(RefusedForNow, match="accepted before"):
            list(client.fetch_many(summaries(500)))
        assert len(cloud.requests) <= 4 + 3 * LIMITS.retry.attempts

    def test_whoever_stops_early_does_not_wait_for_answers_that_drip(
        self, cloud: ScriptedCloud, make_client: ClientMaker
    ) -> None:
        first = threading.Event()

        def script(_: Seen) -> Reply:
            is_first = not first.is_set()
            first.set()
            return Reply(document=summary(), behaviour="answer" if is_first else "drip")

        cloud.script = script
        answers = make_client().fetch_many(summaries(20))
        next(answers)
        began = time.monotonic()
        answers.close()
        assert time.monotonic() - began < 5

    @pytest.mark.parametrize(("seconds", "sent"), [(0.0, 0), (0.3, 1)])
    def test_all_asking_has_an_end(
        self, cloud: ScriptedCloud, make_client: ClientMaker, seconds: float, sent: int
    ) -> None:
        cloud.answers(Reply(document=summary(), behaviour="drip"))
        client = make_client(limits=replace(LIMITS, asking_seconds=seconds, concurrency=1))
        began = time.monotonic()
        outcomes = [found for _, found in client.fetch_many(summaries(3))]
        assert time.monotonic() - began < 5
        assert len(cloud.requests) == sent
        assert [isinstance(found, Unavailable) for found in outcomes] == [True] * 3
        assert "not asked any more: asking had" in str(outcomes[-1])

    def test_a_plan_that_waits_for_calls_may_ask_for_longer(
        self, cloud: ScriptedCloud, make_client: ClientMaker
    ) -> None:
        cloud.answers(Reply(document=summary()))
        client = make_client(limits=replace(LIMITS, asking_seconds=0.0))
        client.allow(60.0)
        assert [isinstance(found, list) for _, found in client.fetch_many(summaries(1))] == [True]

    def test_a_token_refused_at_usage_stops_before_anything_is_asked(
        self, cloud: ScriptedCloud, make_client: ClientMaker
    ) -> None:
        cloud.usage = lambda _: Reply(401, {})
        with pytest.raises(Unauthorized):
            list(make_client().fetch_many(summaries(10)))
        assert cloud.requests == []

    def test_the_refused_one_of_several_tokens_is_named_by_its_place(
        self, cloud: ScriptedCloud, make_client: ClientMaker
    ) -> None:
        cloud.script = lambda seen: Reply(401 if seen.token == "second" else 200, {})
        client = make_client("first", "second")
        with pytest.raises(Unauthorized, match="token 2 of 2"):
            list(client.fetch_many([endpoints.sle_metrics(SITE)] * 50))
        cloud.usage = lambda seen: Reply(401 if seen.token == "third" else 200, {})
        with pytest.raises(Unauthorized, match="token 1 of 2"):
            list(make_client("third", "first").pages(endpoints.sle_metrics(SITE)))

    def test_nothing_to_ask_asks_nothing(self, cloud: ScriptedCloud, make_client: ClientMaker) -> None:
        assert list(make_client().fetch_many([])) == []
        assert cloud.requests == []

    def test_a_plan_that_breaks_is_not_swallowed(
        self, cloud: ScriptedCloud, make_client: ClientMaker
    ) -> None:
        cloud.script = lambda _: Reply(document=summary())

        def plan() -> Any:
            yield summaries(1)[0]
            raise LookupError("the planner broke")

        with pytest.raises(LookupError):
            list(make_client().fetch_many(plan()))

    def test_an_unexpected_error_of_our_own_is_not_swallowed(
        self, cloud: ScriptedCloud, make_client: ClientMaker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        client = make_client()
        monkeypatch.setattr(client, "_page", lambda _: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            list(client.fetch_many(summaries(3)))


class TestBudget:
    def test_every_attempt_counts(self, cloud: ScriptedCloud, make_client: ClientMaker) -> None:
        cloud.answers(Reply(500, {}), Reply(500, {}), Reply(document=summary()))
        client = make_client(calls_per_hour=100)
        list(client.pages(summaries(1)[0]))
        assert client.budget.remaining("live") == 97

    def test_the_clouds_own_count_is_the_start(self, cloud: ScriptedCloud, make_client: ClientMaker) -> None:
        cloud.usage = lambda _: Reply(document={"request_limit": 200, "requests": 150})
        cloud.answers(Reply(document=summary()))
        client = make_client()
        list(client.pages(summaries(1)[0]))
        assert client.budget.remaining("live") == 49
        assert client.budget.remaining("batch") == 9

    def test_the_cloud_is_asked_for_its_count_once_an_hour_and_token(
        self, cloud: ScriptedCloud, make_client: ClientMaker, clock: Clock
    ) -> None:
        asked: list[str] = []
        cloud.usage = lambda seen: (
            asked.append(seen.token),
            Reply(document={"request_limit": 9, "requests": 0}),
        )[1]
        cloud.script = lambda _: Reply(document=summary())
        for client in (make_client("one", "two"), make_client("two", "one")):
            for call in summaries(3):
                list(client.pages(call))
        assert sorted(asked) == ["one", "two"]
        clock.sleep(3600)
        list(client.pages(summaries(1)[0]))
        assert sorted(asked) == ["one", "one", "two", "two"]

    @pytest.mark.parametrize(
        "usage",
        [
            Reply(404, {}),
            Reply(503, {}),
            Reply(document={"requests": "many"}),
            Reply(document=[]),
            Reply(body=b"{"),
            Reply(behaviour="reset"),
        ],
    )
    def test_a_cloud_that_does_not_tell_its_count_is_asked_all_the_same(
        self, cloud: ScriptedCloud, make_client: ClientMaker, usage: Reply, caplog: pytest.LogCaptureFixture
    ) -> None:
        cloud.usage = lambda _: usage
        cloud.answers(Reply(document=summary()))
        client = make_client()
        assert len(list(client.pages(summaries(1)[0]))) == 1
        assert client.budget.remaining("live") == 4999
        assert "without the cloud's own count" in caplog.text

    def test_a_run_that_would_exceed_it_is_an_error_without_a_request(
        self, cloud: ScriptedCloud, make_client: ClientMaker, clock: Clock
    ) -> None:
        cloud.script = lambda _: Reply(document=summary())
        outcomes = [outcome for _, outcome in make_client(calls_per_hour=10).fetch_many(summaries(30))]
        exhausted = [outcome for outcome in outcomes if isinstance(outcome, BudgetExhausted)]
        assert len(cloud.requests) == 8
        assert len(exhausted) == 22
        assert {each.retry_at for each in exhausted} == {datetime(2026, 2, 3, 5, tzinfo=UTC).timestamp()}
        assert clock.slept == []

    def test_a_run_that_may_wait_waits_and_says_so_once(
        self, cloud: ScriptedCloud, make_client: ClientMaker, clock: Clock, caplog: pytest.LogCaptureFixture
    ) -> None:
        cloud.script = lambda _: Reply(document=summary())
        limits = replace(LIMITS, concurrency=1, budget_wait_seconds=3600.0)
        client = make_client(calls_per_hour=10, limits=limits)
        with caplog.at_level(logging.WARNING):
            outcomes = list(client.fetch_many(summaries(12)))
        assert all(isinstance(outcome, list) for _, outcome in outcomes)
        assert clock.slept == [pytest.approx(54 * 60 + 54 + 0.5)]
        assert caplog.text.count("Waiting until 2026-02-03 05:00:00 UTC") == 1

    def test_a_wait_that_would_be_too_long_is_not_begun(
        self, cloud: ScriptedCloud, make_client: ClientMaker, clock: Clock
    ) -> None:
        cloud.script = lambda _: Reply(document=summary())
        client = make_client(calls_per_hour=1, limits=replace(LIMITS, budget_wait_seconds=3000.0))
        list(client.pages(summaries(1)[0]))
        with pytest.raises(BudgetExhausted):
            list(client.pages(summaries(1)[0]))
        assert clock.slept == []

    def test_the_live_lane_is_served_when_the_batch_lane_is_empty(
        self, cloud: ScriptedCloud, make_client: ClientMaker
    ) -> None:
        cloud.script = lambda _: Reply(document=summary())
        client = make_client(calls_per_hour=10)
        list(client.fetch_many(summaries(30)))
        live = [outcome for _, outcome in client.fetch_many(summaries(2), lane="live")]
        assert all(isinstance(outcome, list) for outcome in live)
        with pytest.raises(BudgetExhausted):
            list(client.pages(summaries(1)[0], lane="live"))
        assert len(cloud.requests) == 10

    def test_unused_calls_go_back(self, cloud: ScriptedCloud, make_client: ClientMaker) -> None:
        cloud.script = lambda _: Reply(document=summary())
        client, other = make_client(calls_per_hour=1000), make_client(calls_per_hour=1000)
        list(client.fetch_many(summaries(100)))
        list(client.pages(summaries(1)[0]))
        assert other.budget.remaining("live") == 899

    def test_a_budget_of_other_tokens_is_refused(self, cloud: ScriptedCloud, tmp_path: Any) -> None:
        with pytest.raises(ValueError, match="other tokens"):
            MistClient(base_url=cloud.url, tokens=[TOKEN], budget=CallBudget(tmp_path / "b.db", ["someone"]))


class EndedError(Exception):
    """What a run's handler of SIGTERM raises."""


def test_a_signal_ends_what_waits_for_the_cloud_at_once(cloud: ScriptedCloud, tmp_path: Path) -> None:
    def end(*_: object) -> None:
        raise EndedError

    def refuse(_: object) -> Reply:
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)
        return Reply(503, {}, headers={"Retry-After": "3000"})

    cloud.script = refuse
    before = signal.signal(signal.SIGTERM, end)
    try:
        with (
            connect(cloud=cloud.url, tokens=[TOKEN], budget_path=tmp_path / "budget.db") as client,
            pytest.raises(EndedError),
        ):
            list(client.fetch_many(summaries(1)))
    finally:
        signal.signal(signal.SIGTERM, before)
    assert len(cloud.requests) == 1
