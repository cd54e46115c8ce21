"""``doctor`` where there are several organisations and none is chosen: each of them, and what is wrong at which."""

import json
from pathlib import Path

import pytest

from mist_pipeline.cli import setup
from mist_pipeline_tests.support.cli.calls import Call

NOWHERE = {"MIST_BASE_URL": "http://127.0.0.1:9", "MIST_API_TOKEN": "x" * 40}


@pytest.fixture
def three(folder: Path) -> Path:
    """Two that can be used, and one that is wrongly configured."""
    texts = {"acme": "", "globex": "", "initech": "histroy: {}"}
    for key, text in texts.items():
        file = folder / "config" / "organisations" / f"{key}.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return folder


def test_each_is_checked_and_those_that_must_be_mended_are_named(three: Path, call: Call) -> None:
    ended = call("doctor", **NOWHERE)
    lines = [line.strip() for line in ended.out.splitlines()]
    assert [line for line in lines if line in {"acme", "globex", "initech"}] == ["acme", "globex", "initech"]
    own = {key: ended.out.partition(f"\n{key}\n")[2] for key in ("globex", "initech")}
    assert "data/globex" in own["globex"]
    assert "histroy" in own["initech"]
    last = " ".join(ended.out.split("Something must be fixed at ")[1].split())
    assert last == (
        "3 of 3 organisations: acme, globex, initech. After a change: mist-pipeline doctor --org acme"
    )
    assert ended.code == 1


def test_programs_are_told_each_organisation_with_its_checks(three: Path, call: Call) -> None:
    ended = call("doctor", "--json", **NOWHERE)
    told = json.loads(ended.out)
    assert (told["code"], ended.code) == (1, 1)
    assert [one["key"] for one in told["organisations"]] == ["acme", "globex", "initech"]
    (wrong,) = told["organisations"][2]["checks"]
    assert (wrong["verdict"], wrong["subject"]) == ("wrong", "configuration")
    assert {"configuration", "ledger"} <= {one["subject"] for one in told["organisations"][0]["checks"]}


def test_with_nothing_to_mend_it_says_so(three: Path, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    (three / "config" / "organisations" / "initech.yaml").unlink()
    monkeypatch.setattr(setup, "_examine", lambda *_given, **_options: [])
    ended = call("doctor")
    assert (ended.code, "Nothing must be fixed at 2 organisations." in ended.out) == (0, True)


def test_two_with_one_ledger_are_named_behind_the_checks(
    three: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key in ("acme", "globex"):
        file = three / "config" / "organisations" / f"{key}.yaml"
        file.write_text("alerts: {ledger: /srv/one.db}", encoding="utf-8")
    monkeypatch.setattr(setup, "_examine", lambda *_given, **_options: [])
    ended = call("doctor")
    assert "acme and globex have the same ledger" in ended.err
    assert ended.code != 0


def test_one_that_is_chosen_is_checked_alone(three: Path, call: Call) -> None:
    ended = call("doctor", "--org", "globex", "--json", **NOWHERE)
    assert "configuration" in {one["subject"] for one in json.loads(ended.out)}
