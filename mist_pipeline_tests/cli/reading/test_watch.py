"""``watch``: printed once, as data, and driven in a real terminal."""

import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mist_pipeline.alerts.ledger.ledger import Ledger
from mist_pipeline_tests.support.alerts.histories import finding, live
from mist_pipeline_tests.support.cli.calls import Call
from mist_pipeline_tests.support.overview.organisations import AT, HOSTILE, Organisation

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def organisation(tmp_path_factory: pytest.TempPathFactory) -> Organisation:
    made = Organisation(tmp_path_factory.mktemp("watched"), ("Berlin", "Bonn", "Ulm", *HOSTILE)).make()
    with Ledger(made.places.ledger) as ledger:
        ledger.record_evaluation(live(14, finding("site-0", severity="critical")))
        ledger.record_evaluation(live(14.5, finding("site-0", severity="critical")))
    return made


def test_once_prints_the_screen_in_ascii_too(call: Call, organisation: Organisation) -> None:
    data = {"MIST_PIPELINE_DATA": str(organisation.folder)}
    ended = call("watch", "--once", "--ascii", "--as-of", AT.isoformat(), **data)
    assert ended.code == 0
    assert ended.out.isascii()
    assert "Data of 14:45 UTC, 2 min old" in ended.out
    assert "X CRITICAL" in ended.out
    assert "<script>alert(1)</script>" in ended.out
    assert max(map(len, ended.out.splitlines())) <= 120


def test_json_has_everything_and_the_age_of_each_source(call: Call, organisation: Organisation) -> None:
    data = {"MIST_PIPELINE_DATA": str(organisation.folder)}
    told = json.loads(call("watch", "--json", "--as-of", AT.isoformat(), **data).out)
    assert (told["live"]["age_seconds"], told["live"]["is_stale"]) == (120, False)
    assert told["sites"][0].keys() >= {"site_id", "label", "status", "worst_pct", "hours", "incident_ids"}
    assert [one["where"] for one in told["incidents"]] == ["Berlin"]
    assert "labels" not in told


def test_without_a_terminal_it_says_what_to_do_instead(call: Call, organisation: Organisation) -> None:
    ended = call("watch", MIST_PIPELINE_DATA=str(organisation.folder))
    assert ended.code == 2
    assert "--once" in ended.text


def test_a_folder_that_nobody_made_is_refused(call: Call, folder: Path) -> None:
    (folder / "data").rmdir()
    ended = call("watch", "--once")
    assert ended.code == 2
    assert "There is no data folder" in ended.text


@pytest.mark.skipif(shutil.which("tmux") is None, reason="no tmux here; install it to run this")
def test_a_session_in_a_terminal_acknowledges_an_incident(organisation: Organisation, tmp_path: Path) -> None:
    own = tmp_path / "own"
    shutil.copytree(organisation.folder, own)
    socket = str(tmp_path / "tmux")
    command = [sys.executable, "-m", "mist_pipeline.cli", "watch", "--as-of", AT.isoformat(), "--by", "ada"]
    environment = {**os.environ, "MIST_PIPELINE_DATA": str(own), "TERM": "xterm-256color", "LANG": "C.UTF-8"}

    def tmux(*arguments: str) -> str:
        done = subprocess.run(
            ["tmux", "-u", "-S", socket, *arguments],
            capture_output=True,
            text=True,
            env=environment,
            check=False,
        )
        return done.stdout

    def until(words: str) -> str:
        for _ in range(600):
            if words in (text := tmux("capture-pane", "-p")):
                return text
            time.sleep(0.1)
        raise AssertionError(f"{words!r} never came:\n{tmux('capture-pane', '-p')}")

    tmux("new-session", "-d", "-x", "80", "-y", "24", shlex.join(command))
    try:
        assert "Berlin" in until("Data of 14:45 UTC")
        tmux("send-keys", "a")
        until("as ada?")
        tmux("send-keys", "Enter")
        until("is acknowledged by ada")
        tmux("send-keys", "q")
    finally:
        tmux("kill-server")
    with Ledger(own / "ledger.db") as ledger:
        ((incident, _),) = ledger.incidents(("acknowledged",))
    assert incident.acknowledged_by == "ada"
