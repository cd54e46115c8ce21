"""A data folder belongs to one organisation: who pins it, who is refused, and what is asked before that."""

import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

import pytest

from mist_pipeline.collect.raw.format import Header, Record
from mist_pipeline.collect.raw.store import RawStore
from mist_pipeline.mist.client import MistClient
from mist_pipeline.mist.organisation import Organisation
from mist_pipeline.settings import Settings, load_settings
from mist_pipeline.tables import history
from mist_pipeline.warehouse.owner import OtherOwnerError, Owner, claim, owner_of
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.workflows import cloud as cloud_of_settings
from mist_pipeline.workflows.cloud import Cloud
from mist_pipeline.workflows.organisation_pin import (
    OtherOrganisationError,
    pin,
    pinned,
    refuse_other,
    remembered,
)
from mist_pipeline_tests.support.warehouse.rows import FIRST, readings

EU = "https://api.eu.mist.com"
OURS = Owner("org-1", "Acme", EU)
NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(
        environment={
            "MIST_PIPELINE_DATA": str(tmp_path / "data"),
            "MIST_API_TOKEN": "t" * 40,
            "MIST_BASE_URL": EU,
        }
    )


def test_a_new_folder_belongs_to_nobody_and_then_to_who_came_first(settings: Settings) -> None:
    assert pinned(settings) is None
    pin(settings, OURS)
    assert pinned(settings) == remembered(settings) == refuse_other(settings, OURS) == OURS


@pytest.mark.parametrize(
    "other",
    [
        Owner("org-2", "Globex", EU),
        Owner("org-1", "Acme", "https://api.mist.com"),
        Owner("org-2", "Acme", "http://127.0.0.1:8600"),
    ],
    ids=["another organisation", "another cloud", "a simulated one of the same name"],
)
def test_another_one_is_refused_with_both_names_and_what_to_do(settings: Settings, other: Owner) -> None:
    pin(settings, OURS)
    for refuses in (refuse_other, pin):
        with pytest.raises(OtherOrganisationError) as refused:
            refuses(settings, other)
        for said in ("Acme (org-1", other.name, other.org_id, other.cloud, EU, "export MIST_PIPELINE_DATA="):
            assert said in str(refused.value)
    assert pinned(settings) == OURS


def test_a_renamed_organisation_stays_the_owner_and_a_simulated_cloud_may_take_another_port(
    settings: Settings,
) -> None:
    pin(settings, Owner("org-1", "Demo", "http://127.0.0.1:8600"))
    pin(settings, Owner("org-1", "Demo <2>", "http://127.0.0.1:50123"))
    assert pinned(settings) == Owner("org-1", "Demo <2>", "http://127.0.0.1:8600")


def test_a_folder_of_an_earlier_version_belongs_to_the_organisation_that_it_names(settings: Settings) -> None:
    settings.data.mkdir()
    (settings.data / "organisation.json").write_text('{"id": "org-1", "name": "Acme"}')
    with pytest.raises(OtherOrganisationError, match="Globex"):
        refuse_other(settings, Owner("org-2", "Globex", EU))
    pin(settings, OURS)
    assert pinned(settings) == OURS, "the cloud is known from now on"


def test_without_the_file_the_warehouse_says_whose_it_is(settings: Settings) -> None:
    pin(settings, OURS)
    warehouse = Warehouse(settings.warehouse_path, owner=lambda: remembered(settings))
    warehouse.replace_days(history.SLE_DAILY, readings(FIRST, 90.0), [FIRST])
    (settings.data / "organisation.json").unlink()
    assert pinned(settings) == OURS
    with pytest.raises(OtherOrganisationError):
        pin(settings, Owner("org-2", "Globex", EU))
    pin(settings, OURS)
    assert remembered(settings) == OURS


def test_raw_files_alone_say_whose_they_are(settings: Settings) -> None:
    header = Header("sites", {"purpose": "sites", "path": "/api/v1/orgs/org-1/sites"}, 1, NOW, NOW, NOW, "0")
    RawStore(settings.data / "raw").write_snapshot("sites", [Record(header, b"[]")], NOW)
    known = pinned(settings)
    assert known == Owner("org-1")
    with pytest.raises(OtherOrganisationError):
        refuse_other(settings, Owner("org-2", "Globex", EU))


@pytest.mark.parametrize("content", ["", "[]", "no JSON", '{"name": "Acme"}', "null"])
def test_a_pin_that_cannot_be_read_is_told_and_not_replaced(settings: Settings, content: str) -> None:
    settings.data.mkdir()
    (settings.data / "organisation.json").write_text(content)
    with pytest.raises(OtherOrganisationError, match=r"organisation\.json"):
        pin(settings, OURS)
    assert (settings.data / "organisation.json").read_text() == content


def test_of_many_that_come_at_once_one_gets_the_folder(settings: Settings) -> None:
    start = threading.Barrier(8)
    results: list[str] = []

    def come(number: int) -> None:
        start.wait()
        try:
            pin(settings, Owner(f"org-{number % 4}", f"Number {number % 4}", EU))
        except OtherOrganisationError:
            results.append("refused")
        else:
            results.append(f"org-{number % 4}")

    threads = [threading.Thread(target=come, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    owner = pinned(settings)
    assert owner is not None
    assert sorted(results) == sorted(["refused"] * 6 + [owner.org_id] * 2)
    assert [path.name for path in settings.data.iterdir()] == ["organisation.json"]


def test_where_files_cannot_be_linked_the_first_one_gets_the_folder_all_the_same(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(*_: object) -> None:
        raise PermissionError("no links here")

    monkeypatch.setattr("os.link", no_links)
    pin(settings, OURS)
    with pytest.raises(OtherOrganisationError):
        pin(settings, Owner("org-2", "Globex", EU))
    assert pinned(settings) == OURS
    assert [path.name for path in settings.data.iterdir()] == ["organisation.json"]


class TestTheWarehouse:
    """Its own pin, which moves with the file."""

    def test_one_without_a_pin_is_pinned_with_its_next_write(self, tmp_path: Path) -> None:
        path = tmp_path / "w.duckdb"
        Warehouse(path).replace_days(history.SLE_DAILY, readings(FIRST, 90.0), [FIRST])
        known: list[Owner] = []
        owned = Warehouse(path, owner=lambda: known[0] if known else None)
        owned.prepare()
        assert owner_in(path) is None
        known.append(OURS)
        owned.prepare()
        assert owner_in(path) == OURS

    def test_another_organisation_cannot_write_it(self, tmp_path: Path) -> None:
        path = tmp_path / "w.duckdb"
        Warehouse(path, owner=lambda: OURS).prepare()
        other = Warehouse(path, owner=lambda: Owner("org-2", "Globex", EU))
        with pytest.raises(OtherOwnerError, match=r"Acme.*Globex"):
            other.replace_days(history.SLE_DAILY, readings(FIRST, 1.0), [FIRST])
        assert Warehouse(path).query("SELECT count(*) FROM history.sle_daily").item() == 0
        with Warehouse(path).writing() as connection:
            claim(connection, Owner("org-1", "Acme renamed", EU))


def owner_in(path: Path) -> Owner | None:
    with Warehouse(path).reading() as connection:
        return owner_of(connection)


class Answering:
    """A client that knows whose its token is and fails at anything else."""

    clock_skew = None

    def __init__(self, organisation: Organisation) -> None:
        self.organisation = organisation

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def resolve_org(self) -> Organisation:
        return self.organisation


@pytest.fixture
def token_of(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Makes the token that of an organisation."""

    def made(org_id: str, name: str) -> None:
        monkeypatch.setattr(cloud_of_settings, "connect", lambda **_: Answering(Organisation(org_id, name)))

    return made


def test_a_token_of_another_organisation_gets_no_client(
    settings: Settings, token_of: Callable[[str, str], None]
) -> None:
    token_of("org-1", "Acme")
    with Cloud(settings).client() as client:
        assert not settings.data.exists(), "looking pins nothing"
        first: MistClient = client
        Cloud(settings).resolve(first)
    token_of("org-2", "Globex\x1b[31m")
    with pytest.raises(OtherOrganisationError, match=r"Acme.*Globex") as refused, Cloud(settings).client():
        pytest.fail("nothing may be asked")
    assert "\x1b" not in str(refused.value)
    assert json.loads((settings.data / "organisation.json").read_text())["id"] == "org-1"


def test_a_token_is_not_shown_to_a_cloud_that_cannot_be_the_right_one(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    pin(settings, Owner("org-1", "Demo", "http://127.0.0.1:8600"))
    monkeypatch.setattr(cloud_of_settings, "connect", lambda **_: pytest.fail("nothing may be asked"))
    with pytest.raises(OtherOrganisationError, match="the organisation of this token"):
        Cloud(settings).client().__enter__()


def test_the_page_of_a_simulated_organisation_leads_to_no_cloud(settings: Settings) -> None:
    assert Cloud(settings).people_url == "https://manage.eu.mist.com"
    pin(settings, Owner("org-1", "Demo", "http://127.0.0.1:8600"))
    assert Cloud(settings).people_url is None
