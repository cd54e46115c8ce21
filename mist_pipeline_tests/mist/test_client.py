"""The client as a whole: many calls at once, the budget, the two summaries, the organisation."""

import logging
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mist_pipeline.mist import endpoints
from mist_pipeline.mist.budget import CallBudget
from mist_pipeline.mist.client import MistClient, connect
from mist_pipeline.mist.endpoints import Call
from mist_pipeline.mist.errors import (
    BadRequest,
    BudgetExhausted,
    Forbidden,
    MistError,
    NotSupported,
    OrganisationUnclear,
    Unauthorized,
    Unavailable,
)
from mist_pipeline.mist.page import Page
from mist_pipeline_tests.mist.scripted_cloud import (
    QUICK,
    START,
    TOKEN,
    ClientMaker,
    Clock,
    Reply,
    ScriptedCloud,
    Seen,
)

SITE = "4ac1dcf4-9d8b-7211-65c4-057819f0862b"
ORG_A, ORG_B = "0000000a-0000-0000-0000-00000000000a", "0000000b-0000-0000-0000-00000000000b"


def summary(interval: int = 3600) -> dict[str, Any]:
    samples = {"total": [60.0], "degraded": [6.0], "value": [0.5]}
    return {"start": 0, "end": 3600, "sle": {"name": "capacity", "interval": interval, "samples": samples}}


def calls(count: int) -> list[Call]:
    return [endpoints.sle_summary(f"site-{number}", "capacity", 0, 3600) for number in range(count)]


class TestFetchMany:
    def test_every_call_gets_its_pages_or_its_error(
        self, cloud: ScriptedCloud, make_client: ClientMaker
    ) -> None:
        def script(seen: Seen) -> Reply:
            number = int(seen.path.split("/")[4].removeprefix("site-"))
            return [Reply(document=summary()), Reply(403, {}), Reply(404, {}), Reply(500, {})][number % 4]

        cloud.script = script
        outcomes = dict(make_client().fetch_many(calls(40)))
        assert set(outcomes) == set(calls(40))
        kinds = {call.site_id: type(outcome) for call, outcome in outcomes.items()}
        expected = [list, Forbidden, NotSupported, Unavailable]
        assert kinds == {f"site-{number}": expected[number % 4] for number in range(40)}

    def test_a_plan_of_any_length_is_taken_as_it_can_be_sent(
        self, cloud: ScriptedCloud, make_client: ClientMaker
    ) -> None:
        cloud.script = lambda _: Reply(document=summary())
        taken: list[Call] = []

        def plan() -> Any:
            for call in calls(1000):
                taken.append(call)
                yield call

        fetched = make_client().fetch_many(plan())
        for _ in range(5):
            next(fetched)
        assert len(taken) <= 2 * QUICK.concurrency + 5
        fetched.close()  # type: ignore[attr-defined]
        assert len(cloud.requests) <= len(taken)

    def test_no_more_requests_are_in_flight_than_allowed(
        self, cloud: ScriptedCloud, make_client: ClientMaker
    ) -> None:
        flying, most = 0, 0
        lock = threading.Lock()
        full = threading.Barrier(QUICK.concurrency)

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
        limits = replace(QUICK, timeouts=replace(QUICK.timeouts, read=15, total=15))
        outcomes = list(make_client(limits=limits).fetch_many(calls(5 * QUICK.concurrency)))
        assert all(isinstance(outcome, list) for _, outcome in outcomes)
        assert most == QUICK.concurrency

    def test_a_refused_token_stops_the_whole(self, cloud: ScriptedCloud, make_client: ClientMaker) -> None:
        cloud.script = lambda _: Reply(401, {"detail": "Authentication credentials were not provided."})
        with pytest.raises(Unauthorized):
            list(make_client().fetch_many(calls(500)))
        assert len(cloud.requests) <= 3 * QUICK.concurrency

    def test_a_token_refused_at_usage_stops_before_anything_is_asked(
        self, cloud: ScriptedCloud, make_client: ClientMaker
    ) -> None:
        cloud.usage = lambda _: Reply(401, {})
        with pytest.raises(Unauthorized):
            list(make_client().fetch_many(calls(10)))
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
            yield calls(1)[0]
            raise LookupError("the planner broke")

        with pytest.raises(LookupError):
            list(make_client().fetch_many(plan()))

    def test_an_unexpected_error_of_our_own_is_not_swallowed(
        self, cloud: ScriptedCloud, make_client: ClientMaker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        client = make_client()
        monkeypatch.setattr(client, "_page", lambda _: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            list(client.fetch_many(calls(3)))


class TestBudget:
    def test_every_attempt_counts(self, cloud: ScriptedCloud, make_client: ClientMaker) -> None:
        cloud.answers(Reply(500, {}), Reply(500, {}), Reply(document=summary()))
        client = make_client(calls_per_hour=100)
        list(client.pages(calls(1)[0]))
        assert client.budget.remaining("live") == 97

    def test_the_clouds_own_count_is_the_start(self, cloud: ScriptedCloud, make_client: ClientMaker) -> None:
        cloud.usage = lambda _: Reply(document={"request_limit": 200, "requests": 150})
        cloud.answers(Reply(document=summary()))
        client = make_client()
        list(client.pages(calls(1)[0]))
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
            for call in calls(3):
                list(client.pages(call))
        assert sorted(asked) == ["one", "two"]
        clock.sleep(3600)
        list(client.pages(calls(1)[0]))
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
        assert len(list(client.pages(calls(1)[0]))) == 1
        assert client.budget.remaining("live") == 4999
        assert "without the cloud's own count" in caplog.text

    def test_a_run_that_would_exceed_it_is_told_so_without_a_request(
        self, cloud: ScriptedCloud, make_client: ClientMaker, clock: Clock
    ) -> None:
        cloud.script = lambda _: Reply(document=summary())
        outcomes = [outcome for _, outcome in make_client(calls_per_hour=10).fetch_many(calls(30))]
        exhausted = [outcome for outcome in outcomes if isinstance(outcome, BudgetExhausted)]
        assert len(cloud.requests) == 8
        assert len(exhausted) == 22
        assert {each.retry_at for each in exhausted} == {datetime(2026, 2, 3, 5, tzinfo=UTC).timestamp()}
        assert clock.slept == []

    def test_a_run_that_may_wait_waits_and_says_so_once(
        self, cloud: ScriptedCloud, make_client: ClientMaker, clock: Clock, caplog: pytest.LogCaptureFixture
    ) -> None:
        cloud.script = lambda _: Reply(document=summary())
        limits = replace(QUICK, concurrency=1, budget_wait_seconds=3600.0)
        client = make_client(calls_per_hour=10, limits=limits)
        with caplog.at_level(logging.WARNING):
            outcomes = list(client.fetch_many(calls(12)))
        assert all(isinstance(outcome, list) for _, outcome in outcomes)
        assert clock.slept == [pytest.approx(54 * 60 + 54 + 0.5)]
        assert caplog.text.count("Waiting until 2026-02-03 05:00:00 UTC") == 1

    def test_a_wait_that_would_be_too_long_is_not_begun(
        self, cloud: ScriptedCloud, make_client: ClientMaker, clock: Clock
    ) -> None:
        cloud.script = lambda _: Reply(document=summary())
        client = make_client(calls_per_hour=1, limits=replace(QUICK, budget_wait_seconds=3000.0))
        list(client.pages(calls(1)[0]))
        with pytest.raises(BudgetExhausted):
            list(client.pages(calls(1)[0]))
        assert clock.slept == []

    def test_the_live_lane_is_served_when_the_batch_lane_is_empty(
        self, cloud: ScriptedCloud, make_client: ClientMaker
    ) -> None:
        cloud.script = lambda _: Reply(document=summary())
        client = make_client(calls_per_hour=10)
        list(client.fetch_many(calls(30)))
        live = [outcome for _, outcome in client.fetch_many(calls(2), lane="live")]
        assert all(isinstance(outcome, list) for outcome in live)
        with pytest.raises(BudgetExhausted):
            list(client.pages(calls(1)[0], lane="live"))
        assert len(cloud.requests) == 10

    def test_unused_calls_go_back(self, cloud: ScriptedCloud, make_client: ClientMaker) -> None:
        cloud.script = lambda _: Reply(document=summary())
        client, other = make_client(calls_per_hour=1000), make_client(calls_per_hour=1000)
        list(client.fetch_many(calls(100)))
        list(client.pages(calls(1)[0]))
        assert other.budget.remaining("live") == 899

    def test_a_budget_of_other_tokens_is_refused(self, cloud: ScriptedCloud, tmp_path: Any) -> None:
        with pytest.raises(ValueError, match="other tokens"):
            MistClient(base_url=cloud.url, tokens=[TOKEN], budget=CallBudget(tmp_path / "b.db", ["someone"]))


class TestSummary:
    """`summary-trend` first, `summary` where the cloud has only that."""

    TREND, OLD = "summary-trend", "summary"

    def endpoints_asked(self, cloud: ScriptedCloud) -> list[str]:
        return [path.rsplit("/", 1)[1] for path in cloud.paths]

    def test_a_new_cloud_is_asked_for_the_trend_only(
        self, cloud: ScriptedCloud, make_client: ClientMaker
    ) -> None:
        cloud.script = lambda _: Reply(document=summary())
        client = make_client()
        for call in calls(3):
            [page] = client.pages(call)
            assert "/summary-trend?" in page.url_path
        assert self.endpoints_asked(cloud) == [self.TREND] * 3

    def test_an_older_cloud_is_asked_for_the_trend_once(
        self, cloud: ScriptedCloud, make_client: ClientMaker
    ) -> None:
        cloud.script = lambda seen: (
            Reply(404, {}) if seen.path.endswith("-trend") else Reply(document=summary())
        )
        client = make_client()
        for call in calls(3):
            [page] = client.pages(call)
            assert "/summary?" in page.url_path
        assert self.endpoints_asked(cloud) == [self.TREND, self.OLD, self.OLD, self.OLD]
        assert cloud.requests[1].query == {"start": "0", "end": "3600"}

    def test_a_metric_that_a_site_does_not_have_says_nothing_about_the_cloud(
        self, cloud: ScriptedCloud, make_client: ClientMaker
    ) -> None:
        cloud.script = lambda seen: (
            Reply(document=summary()) if "site-1" in seen.path else Reply(404, {"id": "x"})
        )
        client = make_client()
        for number in (0, 1, 0, 1):
            try:
                list(client.pages(calls(2)[number]))
            except NotSupported as outcome:
                assert (number, outcome.status) == (0, 404)  # noqa: PT017
        assert self.endpoints_asked(cloud) == [self.TREND, self.OLD, self.TREND, self.TREND, self.TREND]

    @pytest.mark.parametrize("status", [400, 404])
    @pytest.mark.parametrize("make", [endpoints.sle_summary, endpoints.impact_summary])
    def test_an_unsupported_metric_is_an_outcome_of_its_own(
        self, cloud: ScriptedCloud, make_client: ClientMaker, status: int, make: Any
    ) -> None:
        cloud.answers(Reply(status, {"detail": "unknown metric"}))
        with pytest.raises(NotSupported, match="'roaming'") as caught:
            list(make_client().pages(make(SITE, "roaming", 0, 3600)))
        assert (caught.value.status, caught.value.detail) == (status, "unknown metric")

    def test_a_404_elsewhere_is_an_error_of_the_run(
        self, cloud: ScriptedCloud, make_client: ClientMaker
    ) -> None:
        cloud.answers(Reply(400, {}))
        with pytest.raises(BadRequest):
            list(make_client().pages(endpoints.sle_metrics(SITE)))

    def test_a_fall_back_that_fails_for_now_settles_nothing(
        self, cloud: ScriptedCloud, make_client: ClientMaker
    ) -> None:
        cloud.script = lambda seen: Reply(404 if seen.path.endswith("-trend") else 500, {})
        client = make_client()
        with pytest.raises(Unavailable):
            list(client.pages(calls(1)[0]))
        cloud.script = lambda _: Reply(document=summary())
        list(client.pages(calls(1)[0]))
        assert self.endpoints_asked(cloud)[-1] == self.TREND

    def test_what_one_client_learns_the_next_one_knows(self, cloud: ScriptedCloud, tmp_path: Any) -> None:
        cloud.script = lambda seen: (
            Reply(404, {}) if seen.path.endswith("-trend") else Reply(document=summary(interval=86_400))
        )
        for _ in range(2):
            with connect(cloud=cloud.url, tokens=[TOKEN], budget_path=tmp_path / "calls.db") as client:
                list(client.pages(endpoints.sle_summary(SITE, "capacity", 0, 14 * 86_400)))
                assert client.max_window_days == 7
        assert self.endpoints_asked(cloud) == [self.TREND, self.OLD, self.OLD]

    def test_wide_buckets_teach_the_longest_window(
        self, cloud: ScriptedCloud, make_client: ClientMaker
    ) -> None:
        def script(seen: Seen) -> Reply:
            days = (int(seen.query["end"]) - int(seen.query["start"])) / 86_400
            return Reply(document=summary(interval=3600 if days <= 7 else 86_400))

        cloud.script = script
        client = make_client()
        assert client.max_window_days is None
        asked = 28
        for _ in range(4):
            list(client.pages(endpoints.sle_summary(SITE, "capacity", 0, asked * 86_400)))
            asked = client.max_window_days or asked
        assert asked == 7

    @pytest.mark.parametrize(
        "document", [[], {}, {"sle": 3}, {"sle": {"interval": "1h"}}, {"sle": {"interval": None}}]
    )
    def test_a_document_without_an_interval_teaches_nothing(
        self, cloud: ScriptedCloud, make_client: ClientMaker, document: object
    ) -> None:
        cloud.answers(Reply(document=document))
        client = make_client()
        list(client.pages(calls(1)[0]))
        assert client.max_window_days is None


def privileges(*entries: tuple[str, str | None, str]) -> Reply:
    return Reply(
        document={
            "email": "x@example.com",
            "privileges": [
                {"scope": scope, "role": "admin", "name": name, **({"org_id": org_id} if org_id else {})}
                for scope, org_id, name in entries
            ],
        }
    )


class TestOrganisation:
    def test_predecessor_mistake_8_the_first_privilege_may_be_an_msps(
        self, cloud: ScriptedCloud, make_client: ClientMaker
    ) -> None:
        cloud.answers(privileges(("msp", ORG_B, "MSP"), ("org", ORG_A, "Retail"), ("site", ORG_B, "Shop")))
        client = make_client()
        found = client.resolve_org()
        assert (found.id, found.name) == (ORG_A, "Retail")
        client.resolve_org()
        assert len(cloud.requests) == 1

    def test_several_organisations_are_listed_and_none_is_guessed(
        self, cloud: ScriptedCloud, make_client: ClientMaker
    ) -> None:
        cloud.answers(privileges(("org", ORG_B, "Second\n<b>"), ("org", ORG_A, "First")))
        with pytest.raises(OrganisationUnclear) as caught:
            make_client().resolve_org()
        assert f"First ({ORG_A}); Second <b> ({ORG_B})" in str(caught.value)
        assert "mist.org_id" in str(caught.value)

    @pytest.mark.parametrize("entries", [[], [("msp", None, "MSP")], [("site", ORG_A, "Shop")]])
    def test_no_organisation_is_an_error_that_says_what_to_do(
        self, cloud: ScriptedCloud, make_client: ClientMaker, entries: list[tuple[str, str | None, str]]
    ) -> None:
        cloud.answers(privileges(*entries))
        with pytest.raises(OrganisationUnclear, match=r"mist\.org_id"):
            make_client().resolve_org()

    @pytest.mark.parametrize(
        ("entries", "name"),
        [
            ([("org", ORG_A, "First"), ("org", ORG_B, "Second")], "Second"),
            ([("msp", None, "MSP")], ""),
            ([("orggroup", None, "Group")], ""),
            ([("site", ORG_B, "Shop")], ""),
        ],
    )
    def test_the_configured_organisation_is_taken(
        self,
        cloud: ScriptedCloud,
        make_client: ClientMaker,
        entries: list[tuple[str, str | None, str]],
        name: str,
    ) -> None:
        cloud.answers(privileges(*entries))
        found = make_client(org_id=ORG_B).resolve_org()
        assert (found.id, found.name) == (ORG_B, name)

    def test_a_configured_organisation_out_of_reach_is_forbidden(
        self, cloud: ScriptedCloud, make_client: ClientMaker
    ) -> None:
        cloud.answers(privileges(("org", ORG_A, "First"), ("site", ORG_A, "Shop")))
        with pytest.raises(Forbidden, match=rf"First \({ORG_A}\)"):
            make_client(org_id=ORG_B).resolve_org()

    def test_the_same_organisation_twice_is_one(self, cloud: ScriptedCloud, make_client: ClientMaker) -> None:
        cloud.answers(privileges(("org", ORG_A, "First"), ("org", ORG_A, "First")))
        assert make_client().resolve_org().id == ORG_A


def test_usage_is_what_the_cloud_counts(cloud: ScriptedCloud, make_client: ClientMaker) -> None:
    cloud.usage = lambda _: Reply(document={"request_limit": 5000, "requests": 12})
    told = make_client().usage()
    assert (told.requests, told.request_limit) == (12, 5000)


def test_connect_makes_a_client_with_its_budget(cloud: ScriptedCloud, tmp_path: Any) -> None:
    cloud.answers(privileges(("org", ORG_A, "First")))
    tokens = [TOKEN, f" {TOKEN} ", "second"]
    now = START + timedelta(days=1)
    with connect(
        cloud=cloud.url,
        tokens=tokens,
        budget_path=tmp_path / "x" / "b.db",
        calls_per_hour=7,
        clock=lambda: now,
    ) as client:
        assert client.resolve_org().id == ORG_A
        assert client.budget.remaining("live") == 13
        assert client.budget.calls_per_hour("live") == 14
        [page] = client.pages(endpoints.whoami())
        assert isinstance(page, Page)
        assert page.received_at == now


def test_errors_say_what_was_asked_and_where() -> None:
    error = MistError(
        "it broke", method="GET", path="/api/v1/x", status=None, attempt=3, detail="a\x00b\n" + "c" * 300
    )
    assert str(error).startswith("it broke [GET /api/v1/x: no answer, attempt 3] The cloud said: a b ccc")
    assert len(error.detail) == 200
    assert str(MistError("it broke", method="GET", path="/x")) == "it broke [GET /x]"
    assert str(MistError("it broke")) == "it broke"
