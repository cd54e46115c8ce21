"""What ``doctor`` says of what is kept, of what runs, and of whether anything can be written."""

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
import sqlalchemy as sa

from mist_pipeline.alerts.ledger import tables
from mist_pipeline.alerts.ledger.database import LedgerUnavailableError, reading
from mist_pipeline.alerts.notify.outcome import Accepted, Refused
from mist_pipeline.mist.errors import Forbidden
from mist_pipeline.mist.organisation import Organisation as Reached
from mist_pipeline.settings import Settings, load_settings
from mist_pipeline.tables import alerts
from mist_pipeline.warehouse.connection import connect
from mist_pipeline.warehouse.hours.files import hours_folder
from mist_pipeline.warehouse.publish import publish_ledger
from mist_pipeline.workflows.doctor import installation
from mist_pipeline.workflows.doctor.asking import audit_log, rights
from mist_pipeline.workflows.doctor.check import DOUBTFUL, FINE, WRONG, Check
from mist_pipeline.workflows.doctor.checks import checks
from mist_pipeline.workflows.doctor.running import Running, heartbeat, running
from mist_pipeline.workflows.doctor.stored import ledger, published, raw_snapshot
from mist_pipeline.workflows.doctor.telling import last_results
from mist_pipeline.workflows.ledger_access import open_ledger
from mist_pipeline.workflows.self_monitoring.service import Clock
from mist_pipeline.workflows.self_monitoring.trouble import Trouble
from mist_pipeline_tests.support.overview.organisations import Organisation
from mist_pipeline_tests.support.workflows.messages_waiting import configured, waits

NOW = datetime(2026, 3, 28, 10, tzinfo=UTC)
CLOCK = Clock(name="delivery_sensor", every=timedelta(seconds=30), is_on=True, last_tick=NOW, on_since=NOW)


def found(check: Check) -> tuple[str, str]:
    return check.verdict, check.found


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(environment={"MIST_PIPELINE_DATA": str(tmp_path)})


def test_before_the_first_run_nothing_is_missed_and_nothing_is_made(settings: Settings) -> None:
    for check in (ledger(settings, str), *published(settings, str), raw_snapshot(settings, str)):
        assert check.verdict == FINE
        assert "will be made" in check.found
    assert list(settings.data.iterdir()) == []


def test_a_ledger_that_opens_says_what_it_holds(settings: Settings) -> None:
    with open_ledger(settings):
        pass
    verdict, said = found(ledger(settings, str))
    assert verdict == FINE
    assert said.endswith("ledger.db: 0 open incidents, no evaluation of sites yet")


def test_a_damaged_ledger_is_wrong(settings: Settings) -> None:
    (settings.data / "ledger.db").write_bytes(b"no database" * 500)
    check = ledger(settings, str)
    assert (check.verdict, check.fix) == (WRONG, "without it nobody is notified")


def test_a_ledger_whose_end_is_damaged_opens_and_is_named_by_whoever_meets_the_damage(
    settings: Settings,
) -> None:
    with open_ledger(settings):
        pass
    file = settings.data / "ledger.db"
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2] + b"\xff" * (len(content) // 2))
    check = ledger(settings, str)
    assert (check.verdict, check.fix) == (WRONG, "without it nobody is notified")
    assert check.found.startswith(f"the ledger {file} is damaged, or none: ")
    assert (
        f"restore the file from a backup, or begin a new one: mkdir damaged && mv {file}* damaged/."
        in check.found
    )
    with pytest.raises(LedgerUnavailableError, match="is damaged, or none: database disk image is malformed"):
        read_all(settings)


def read_all(settings: Settings) -> None:
    with open_ledger(settings) as opened, reading(opened.engine) as connection:
        for table in tables.METADATA.sorted_tables:
            connection.execute(sa.select(table)).all()


def test_a_published_copy_says_its_newest_day_and_a_damaged_one_how_to_make_it(settings: Settings) -> None:
    settings.published_path.parent.mkdir()
    with connect(settings.published_path, read_only=False) as connection:
        connection.execute("CREATE SCHEMA history")
        connection.execute("CREATE TABLE history.sle_daily AS SELECT DATE '2026-03-27' AS day")
    assert found(next(published(settings, str))) == (
        FINE,
        f"{settings.published_path}: newest day 2026-03-27",
    )
    settings.published_path.write_bytes(b"no database")
    check = next(published(settings, str))
    assert (check.verdict, "`mist-pipeline run`" in check.fix) == (DOUBTFUL, True)


def test_all_three_published_files_are_looked_at(tmp_path: Path) -> None:
    organisation = Organisation(tmp_path, ("Berlin",)).make()
    settings = load_settings(environment={"MIST_PIPELINE_DATA": str(tmp_path)})
    publish_ledger(
        {table.name: table.empty() for table in alerts.TABLES},
        {},
        settings.published_ledger_path,
        read_at=NOW,
        evaluated_at=NOW,
    )
    assert [check.found.partition(": ")[2] for check in published(settings, str)] == [
        "newest day 2026-03-01",
        "newest poll 2026-03-02 14:45 UTC",
        "newest evaluation 2026-03-28 10:00 UTC",
    ]
    organisation.places.live.write_bytes(b"no database")
    settings.published_ledger_path.write_bytes(b"no database")
    assert [check.verdict for check in published(settings, str)] == [FINE, DOUBTFUL, DOUBTFUL]


def test_files_that_this_account_may_not_write_are_named(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked = settings.data / "raw" / "sites"
    locked.mkdir(parents=True)
    assert list(installation.file_rights(settings, str)) == []
    # Not by rights, which are none of the superuser's.
    monkeypatch.setattr(installation.os, "access", lambda path, _: path != locked)
    (check,) = installation.file_rights(settings, str)
    assert (check.verdict, check.found) == (WRONG, f"this account may not read and write {locked}")
    assert "chown" in check.fix


def test_files_of_old_hours_are_only_read(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    file = hours_folder(settings.warehouse_path) / "sle_hourly-2026-01.1.5f1c.parquet"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"")
    # As `age` leaves it; the superuser could write it all the same.
    monkeypatch.setattr(installation.os, "access", lambda path, mode: path != file or mode == os.R_OK)
    assert list(installation.file_rights(settings, str)) == []
    monkeypatch.setattr(installation.os, "access", lambda path, _: path != file)
    (check,) = installation.file_rights(settings, str)
    assert str(file) in check.found


def test_what_killed_processes_left_is_told_with_its_size(settings: Settings) -> None:
    assert list(installation.leftovers(settings, str)) == []
    settings.published_path.parent.mkdir()
    copy = settings.published_path.with_name(".mist.duckdb.999999999")
    copy.write_bytes(b"x" * 3 * 1024**2)
    (check,) = installation.leftovers(settings, str)
    assert check.verdict == DOUBTFUL
    assert check.found == f"1 file or folder of killed processes, 3 MiB, such as {copy}"


@pytest.mark.parametrize(
    ("scope", "role", "verdict", "said"),
    [
        ("org", "read", FINE, "it reads, and can change nothing"),
        ("msp", "read", FINE, "it reads"),
        ("org", "admin", FINE, "it could also change the network"),
        ("org", "installer", DOUBTFUL, "it may not see all"),
        ("org", "", DOUBTFUL, "role not told"),
        ("site", "write", DOUBTFUL, "sites beyond it are not seen"),
    ],
)
def test_a_token_that_reads_the_whole_organisation_is_enough(
    scope: str, role: str, verdict: str, said: str
) -> None:
    check = rights(Reached("o-1", "Acme", scope, role))
    assert (check.verdict, said in check.found) == (verdict, True)


def test_dagster_is_asked_last_so_that_all_else_is_said_at_once(settings: Settings) -> None:
    told: list[str] = []

    def ask() -> tuple[Running | None, tuple[str, str] | None]:
        assert {"configuration", "ledger", "disk", "heartbeat"} <= set(told)
        return Running(), None

    for check in checks(settings, settings.data / "dagster", ask=ask):
        told += [check.subject]
    assert told[-3:] == ["Dagster home", "schedules, sensors", "pipeline"]


def test_a_folder_in_which_nothing_can_be_written_is_wrong(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(**_: object) -> None:
        raise OSError(28, "No space left on device")

    assert installation.data_folder(settings, str).verdict == FINE
    monkeypatch.setattr(installation, "TemporaryFile", full)
    assert found(installation.data_folder(settings, str)) == (
        WRONG,
        f"{settings.data} cannot be written: No space left on device",
    )
    assert installation.data_folder(settings, str).fix.startswith("free some space")


@pytest.mark.parametrize(
    ("free", "said"),
    [
        (9 * 1024**3, (FINE, "9 GiB free")),
        (2 * 1024**3, (DOUBTFUL, "2.0 GiB free")),
        (90 * 1024**2, (WRONG, "90 MiB free")),
        (0, (WRONG, "0 MiB free")),
    ],
)
def test_the_less_is_free_the_worse_it_is(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, free: int, said: tuple[str, str]
) -> None:
    monkeypatch.setattr(installation.shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
    check = installation.disk(settings, str)
    assert (check.verdict, check.found.partition(" at ")[0]) == said


def test_every_sink_says_what_became_of_its_newest_message(tmp_path: Path) -> None:
    settings = configured(tmp_path, "chat", "mail", "pager")
    assert [found(one)[1] for one in last_results(settings)] == ["file: nothing was sent yet"] * 3
    waits(settings, chat=Accepted(), mail=Refused("404"))
    said = {check.subject: check.found for check in last_results(settings)}
    assert said["sink chat"].startswith("file: accepted a message ")
    assert said["sink pager"] == "file: nothing was sent yet"
    assert "sink mail" not in said


def test_what_is_off_dead_or_wrong_is_listed() -> None:
    off = replace(CLOCK, name="every_morning", is_on=False)
    trouble = Trouble("disk", "major", "Only 1.0 GiB are free at /data.", {})
    checks = list(running(Running([trouble], [CLOCK, off], ["daily 3f2a9c41"])))
    assert [(check.verdict, check.subject) for check in checks] == [
        (DOUBTFUL, "schedules, sensors"),
        (DOUBTFUL, "runs"),
        (DOUBTFUL, "pipeline:disk"),
    ]
    assert checks[0].found.startswith("1 of 2 are on, last tick ")
    assert checks[0].found.endswith("off: every_morning")
    assert "daily 3f2a9c41" in checks[1].found


def test_where_all_is_well_that_is_fine_and_where_nothing_runs_by_itself_that_is_doubtful() -> None:
    assert [check.verdict for check in running(Running([], [CLOCK]))] == [FINE, FINE]
    for off in ([replace(CLOCK, is_on=False)], []):
        (clocks, _) = running(Running([], off))
        assert (clocks.verdict, clocks.fix) == (DOUBTFUL, "`mist-pipeline daemon` turns them on")


def test_the_heartbeat_is_named_without_its_address() -> None:
    assert heartbeat(Settings()).verdict == DOUBTFUL
    assert "nobody notices" in heartbeat(Settings()).found
    given = {"MIST_PIPELINE__MONITORING__HEARTBEAT_URL": "https://hc-ping.com/3f2a9c41"}
    assert heartbeat(load_settings(environment=given)).verdict == FINE
    assert heartbeat(load_settings(environment=given)).found == (
        "every 5 minutes; when something fails, it stops"
    )


def test_a_log_that_the_token_may_not_read_is_said_with_what_to_do() -> None:
    def refused() -> list[object]:
        raise Forbidden("403", status=403)

    check = audit_log(refused)
    assert (check.verdict, "enable_changes: false" in check.fix) == (DOUBTFUL, True)
    assert audit_log(list).verdict == FINE
