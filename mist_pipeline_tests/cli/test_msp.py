"""``init --msp``: the organisations of a provider's token become files, none of which is ever replaced."""

import resource
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from mist_pipeline.settings.proposing import file_text
from mist_pipeline.simulator.cloud import devices
from mist_pipeline.simulator.cloud.endpoints import FOREIGN_TOKEN, Behaviour
from mist_pipeline.simulator.cloud.server import Running, serve, served_world
from mist_pipeline.simulator.world.clock import Clock
from mist_pipeline.simulator.world.organisation import MSP_ID, ORG_ID
from mist_pipeline.workflows import msp
from mist_pipeline.workflows.msp import Proposed, Reached
from mist_pipeline_tests.support.cli.calls import Call

pytestmark = pytest.mark.slow

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def cloud() -> Iterator[Running]:
    with serve(served_world(2, 1, 7, NOW), clock=Clock(NOW)) as running:
        yield running


@pytest.fixture
def shared(cloud: Running, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The shared file of an installation that knows where this cloud is."""
    path = folder / "config" / "config.yaml"
    path.parent.mkdir()
    path.write_text(f"mist: {{base_url: '{cloud.base_url}'}}", encoding="utf-8")
    monkeypatch.setenv("MIST_API_TOKEN", cloud.token)
    for name in ("MIST_PIPELINE_ORG", "MIST_PIPELINE_CONFIG", "MIST_ORG_ID", "MIST_BASE_URL"):
        monkeypatch.setenv(name, "")
    return path


def files(shared: Path) -> dict[str, dict[str, dict[str, str]]]:
    found = (shared.parent / "organisations").glob("*.yaml")
    return {path.stem: yaml.safe_load(path.read_text(encoding="utf-8")) for path in found}


def test_what_can_be_watched_is_proposed_and_nothing_written_before_somebody_says_so(
    shared: Path, call: Call
) -> None:
    ended = call("init", "--msp")
    assert ended.code == 0
    assert "simulated_b_retail_b.yaml Simulated <b>Retail</b> & Co: 2 sites" in ended.text
    assert ended.text.count("the token may not read its sites") == len(devices.OTHERS)
    assert "\u202e" not in ended.out
    assert "Nothing was written" in ended.text
    assert files(shared) == {}


def test_files_are_written_once_and_those_that_are_there_are_left_alone(shared: Path, call: Call) -> None:
    ended = call("init", "--msp", "--write")
    assert "Wrote 1 file into" in ended.text
    assert "mist-pipeline doctor --org simulated_b_retail_b" in ended.text
    (document,) = files(shared).values()
    assert document["mist"]["org_id"] == ORG_ID
    assert "/" in document["organisation"]["timezone"]
    (path,) = (shared.parent / "organisations").iterdir()
    path.write_text(f"mist: {{org_id: {ORG_ID}, detail: full}}", encoding="utf-8")
    again = call("init", "--msp", "--write")
    assert "is simulated_b_retail_b already" in again.text
    assert "No organisation is without a file." in again.text
    assert "detail: full" in path.read_text(encoding="utf-8")


def test_a_file_for_which_there_is_no_room_is_not_there_by_half(tmp_path: Path) -> None:
    proposed = [Proposed(Reached(ORG_ID, "Acme"), "acme", file_text("Acme", ORG_ID, ""))]
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            msp.write(proposed, tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == []
    (path,) = msp.write(proposed, tmp_path)
    assert (path.name, path.stat().st_mode & 0o777) == ("acme.yaml", 0o644)
    with pytest.raises(FileExistsError, match=r"acme\.yaml"):
        msp.write(proposed, tmp_path)


def test_a_key_that_another_organisation_has_is_not_taken(shared: Path, call: Call) -> None:
    place = shared.parent / "organisations"
    place.mkdir()
    (place / "simulated_b_retail_b.yaml").write_text("mist: {org_id: another}", encoding="utf-8")
    call("init", "--msp", "--write")
    assert set(files(shared)) == {"simulated_b_retail_b", "simulated_b_retail_2"}


@pytest.mark.parametrize(
    ("token", "said"),
    [
        (FOREIGN_TOKEN, "may not list the organisations of its provider"),
        ("wrong", "does not accept the API token"),
    ],
)
def test_a_token_without_the_right_is_told_so(
    shared: Path, call: Call, monkeypatch: pytest.MonkeyPatch, token: str, said: str
) -> None:
    monkeypatch.setenv("MIST_API_TOKEN", token)
    ended = call("init", "--msp", "--write")
    assert ended.code != 0
    assert said in ended.text
    assert token not in ended.text
    assert files(shared) == {}


def test_a_token_of_no_provider_is_told_so(shared: Path, call: Call) -> None:
    with serve(served_world(1, 1, 7, NOW), clock=Clock(NOW), behaviour=Behaviour(is_of_msp=False)) as cloud:
        shared.write_text(f"mist: {{base_url: '{cloud.base_url}'}}", encoding="utf-8")
        ended = call("init", "--msp", "--write")
    assert ended.code == 2
    assert "of no managed service provider (its privileges: org, site)" in ended.text


def test_the_list_of_a_provider_comes_in_pages_and_of_no_other(cloud: Running) -> None:
    import requests

    def asked(msp_id: str, **query: int) -> requests.Response:
        headers = {"Authorization": f"Token {cloud.token}"}
        address = f"{cloud.base_url}/api/v1/msps/{msp_id}/orgs"
        return requests.get(address, params=query, headers=headers, timeout=10)

    first, rest = asked(MSP_ID, limit=4, page=1), asked(MSP_ID, limit=4, page=2)
    assert first.headers["X-Page-Total"] == str(len(devices.OTHERS) + 1)
    assert [len(one.json()) for one in (first, rest)] == [4, 2]
    assert asked("another").status_code == 404
