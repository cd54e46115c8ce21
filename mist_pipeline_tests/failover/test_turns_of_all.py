"""Two machines serve two organisations: the one that dies is followed for both, and each organisation's people are told once.

Real processes and a real PostgreSQL, without Dagster and with shorter times.
"""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from mist_pipeline.alerts.ledger.database import open_engine
from mist_pipeline.alerts.machines import lease
from mist_pipeline.alerts.machines.lease import Machines, read_machines
from mist_pipeline.settings import Settings, load_settings
from mist_pipeline.workflows.ledger_access import kept_evaluations, open_ledger, unevaluated_since
from mist_pipeline.workflows.self_monitoring.machines import PATIENCE, machine_troubles
from mist_pipeline_tests.failover.at_work import are_in_turn, moments, wait
from mist_pipeline_tests.failover.machines import CHECKOUT
from mist_pipeline_tests.failover.turner_of_all import ME
from mist_pipeline_tests.support.alerts.histories import finding, live
from mist_pipeline_tests.support.postgresql import postgresql_server
from mist_pipeline_tests.support.workflows.messages_waiting import waits

KEYS = ("acme", "globex")


def variables(folder: Path, address: str) -> dict[str, str]:
    """Two organisations whose ledgers are two schemas of one database, and whose people read files."""
    own = folder / "organisations"
    own.mkdir()
    (folder / "config.yaml").write_text(yaml.safe_dump({"monitoring": {"machines": 2}}), encoding="utf-8")
    given = {"MIST_PIPELINE_CONFIG": str(folder / "config.yaml"), "MIST_PIPELINE_DATA": str(folder / "data")}
    engine = open_engine(address)
    for key in KEYS:
        sink = {"type": "file", "folder": str(folder / f"people of {key}")}
        content = {"notifications": {"sinks": {"chat": sink}, "routes": [{"name": "all", "sinks": ["chat"]}]}}
        (own / f"{key}.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
        with engine.begin() as connection:
            connection.exec_driver_sql(f"DROP SCHEMA IF EXISTS {key} CASCADE")
            connection.exec_driver_sql(f"CREATE SCHEMA {key}")
        separator = "&" if "?" in address else "?"
        ledger = f"{address}{separator}options=-csearch_path%3D{key}"
        given[f"MIST_PIPELINE_{key.upper()}__ALERTS__LEDGER"] = ledger
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP SCHEMA IF EXISTS mist_pipeline CASCADE")
    engine.dispose()
    return given


@contextmanager
def machine(
    name: str, folder: Path, address: str, given: dict[str, str]
) -> Iterator["subprocess.Popen[bytes]"]:
    command = [*ME, name, str(folder), address]
    env = {**os.environ, **given}
    with subprocess.Popen(command, start_new_session=True, cwd=CHECKOUT, env=env) as process:
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):  # the one that was killed
                os.killpg(process.pid, signal.SIGKILL)


def seen(settings: Settings) -> Machines:
    with open_ledger(settings) as ledger:
        return read_machines(ledger.engine)


def told(folder: Path, key: str) -> list[str]:
    return sorted(path.name for path in (folder / f"people of {key}").rglob("*.txt"))


def is_at_work(name: str, beside: str, settings: Settings) -> bool:
    found = seen(settings)
    return found.active == name and [one.name for one in found.standbys] == [beside]


def is_nothing_due(settings: Settings) -> bool:
    with open_ledger(settings) as ledger:
        return not ledger.waiting_messages()


@pytest.mark.slow
def test_a_machine_that_dies_is_followed_for_every_organisation_and_each_is_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ExitStack() as stack:
        address = stack.enter_context(postgresql_server())
        given = variables(tmp_path, address)
        both = {key: load_settings(environment={**given, "MIST_PIPELINE_ORG": key}) for key in KEYS}
        first = stack.enter_context(machine("a", tmp_path, address, given))
        wait(lambda: len(moments(tmp_path, "a")) > 5)
        stack.enter_context(machine("b", tmp_path, address, given))
        for settings in both.values():
            wait(lambda settings=settings: is_at_work("a", "b", settings))

        for settings in both.values():  # with the senders of both machines at work
            waits(settings, chat=None)
        for settings in both.values():
            wait(lambda settings=settings: is_nothing_due(settings))

        os.killpg(first.pid, signal.SIGKILL)
        first.wait()
        term = moments(tmp_path, "a")[-1].term
        for settings in both.values():  # what the dead one had kept and not evaluated
            kept_evaluations(settings).keep(live(0, finding(site_id="s2", metric="capacity")))
        wait(lambda: any(one.term > term for one in moments(tmp_path, "b")))
        assert are_in_turn(moments(tmp_path, "a") + moments(tmp_path, "b"))
        for settings in both.values():
            wait(lambda settings=settings: seen(settings).active == "b")
            with open_ledger(settings) as ledger:
                wait(lambda s=settings, opened=ledger: unevaluated_since(s, opened) is None)
        wait(lambda: all(len(told(tmp_path, key)) == 2 for key in KEYS))
        for settings in both.values():
            wait(lambda settings=settings: is_nothing_due(settings))
        assert {key: len(told(tmp_path, key)) for key in KEYS} == dict.fromkeys(KEYS, 2), "each once"

        # Its people learn that nobody would take over now.
        monkeypatch.setattr(lease, "HERE", timedelta(seconds=2))
        for settings in both.values():
            wait(
                lambda settings=settings: (
                    not any(one.name == "a" and one.is_here for one in seen(settings).every)
                )
            )
            found = seen(settings)
            (trouble,) = machine_troubles(replace(found, at=found.at + PATIENCE), 2)
            assert trouble.subject == "standby"
            assert "b is active" in trouble.summary
