"""Which organisation is watched, and what the cloud says of its caller."""

from datetime import timedelta
from typing import Any

import pytest

from mist_pipeline.mist import endpoints
from mist_pipeline.mist.client import connect
from mist_pipeline.mist.errors import (
    Forbidden,
    MistError,
    OrganisationUnclear,
)
from mist_pipeline.mist.page import Page
from mist_pipeline_tests.support.mist.scripted_cloud import START, TOKEN, ClientMaker, Reply, ScriptedCloud

ORG_A, ORG_B = "0000000a-0000-0000-0000-00000000000a", "0000000b-0000-0000-0000-00000000000b"


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
    usage = make_client().usage()
    assert (usage.requests, usage.request_limit) == (12, 5000)


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
