"""`summary-trend` first, `summary` where the cloud has only that; what is not supported. The same for the audit log."""

from typing import Any

import pytest

from mist_pipeline.mist import endpoints
from mist_pipeline.mist.client import connect
from mist_pipeline.mist.errors import (
    BadRequest,
    Forbidden,
    NotSupported,
    Unavailable,
)
from mist_pipeline_tests.support.mist.scripted_cloud import (
    SITE,
    TOKEN,
    ClientMaker,
    Reply,
    ScriptedCloud,
    Seen,
    summaries,
    summary,
)


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
        for call in summaries(3):
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
        for call in summaries(3):
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
                list(client.pages(summaries(2)[number]))
            except NotSupported as outcome:
                assert (number, outcome.status) == (0, 404)  # noqa: PT017
        assert self.endpoints_asked(cloud) == [self.TREND, self.OLD, self.TREND, self.TREND, self.TREND]

    @pytest.mark.parametrize("status", [400, 404])
    @pytest.mark.parametrize(
        "make",
        [
            endpoints.sle_summary,
            endpoints.impact_summary,
            lambda site, metric, start, end: endpoints.impacted_devices(site, metric, "ap", start, end),
            lambda site, metric, start, end: endpoints.impacted_people(site, metric, "wireless", start, end),
        ],
        ids=["summary", "impact summary", "devices", "people"],
    )
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
            list(client.pages(summaries(1)[0]))
        cloud.script = lambda _: Reply(document=summary())
        list(client.pages(summaries(1)[0]))
        assert self.endpoints_asked(cloud)[-1] == self.TREND

    def test_what_one_client_learns_the_next_one_knows(self, cloud: ScriptedCloud, tmp_path: Any) -> None:
        cloud.script = lambda seen: (
            Reply(404, {}) if seen.path.endswith("-trend") else Reply(document=summary())
        )
        for _ in range(2):
            with connect(cloud=cloud.url, tokens=[TOKEN], budget_path=tmp_path / "calls.db") as client:
                list(client.pages(endpoints.sle_summary(SITE, "capacity", 0, 14 * 86_400)))
        assert self.endpoints_asked(cloud) == [self.TREND, self.OLD, self.OLD]


class TestAuditLog:
    """`logs`, as the official file called it for years; `logs/search` where the cloud has only that."""

    CALL = endpoints.audit_logs("org-1", 0, 3600)

    @pytest.mark.parametrize("missing", [[], ["/logs"]])
    def test_the_audit_log_is_read_page_by_page_under_either_name(
        self, cloud: ScriptedCloud, make_client: ClientMaker, missing: list[str]
    ) -> None:
        def answer(seen: Seen) -> Reply:
            if any(seen.path.endswith(path) for path in missing):
                return Reply(404, {"id": "x"})
            return Reply(document={"total": 2, "limit": 1, "results": [{"id": seen.query["page"]}]})

        cloud.script = answer
        pages = list(make_client().pages(self.CALL))
        assert [page.document["results"][0]["id"] for page in pages] == ["1", "2"]
        assert cloud.requests[-1].query["sort"] == "timestamp"
        assert cloud.paths[-1].endswith("/logs/search" if missing else "/logs")

    def test_a_token_that_may_not_read_it_is_not_asked_under_the_other_name(
        self, cloud: ScriptedCloud, make_client: ClientMaker
    ) -> None:
        cloud.script = lambda _: Reply(403, {})
        with pytest.raises(Forbidden):
            list(make_client().pages(self.CALL))
        assert len(cloud.paths) == 1
