"""A ledger of version 0002 opens with the program of now, and nothing of it is lost."""

import json
import sqlite3
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import sqlalchemy as sa

from mist_pipeline.alerts.ledger.database import check_version, open_engine, reading
from mist_pipeline.alerts.ledger.ledger import Ledger
from mist_pipeline.alerts.ledger.outbox import Outbox
from mist_pipeline.alerts.lifecycle.model import Series, Withheld
from mist_pipeline.alerts.lifecycle.observations import EvaluationInput
from mist_pipeline.alerts.lifecycle.projection import fold_alerts, fold_incidents
from mist_pipeline.alerts.notify.outcome import Accepted
from mist_pipeline_tests.support.alerts.histories import HOUR, findings
from mist_pipeline_tests.support.alerts.old_ledger import EXPORTED, make_in, unpack

LATER = datetime.fromisoformat("2026-03-05T00:00:00+00:00")


@pytest.fixture(params=["sqlite", "postgresql"])
def old(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Address of the old ledger, not opened yet."""
    path = unpack(tmp_path / "ledger.db")
    if request.param == "sqlite":
        return str(path)
    return make_in(request.getfixturevalue("postgresql"), path)


def rows(address: str) -> dict[str, list[dict[str, Any]]]:
    """Everything that is in a ledger, as its database describes itself."""
    engine = open_engine(address)
    found = sa.MetaData()
    with reading(engine) as connection:
        found.reflect(connection)
        every = {
            name: [
                dict(row)
                for row in connection.execute(sa.select(table).order_by(*table.primary_key)).mappings()
            ]
            for name, table in found.tables.items()
        }
    engine.dispose()
    return every


ADDED = {"impacts"}
"""Tables that came later."""

CALLED_THEN = {"right": "useful", "wrong": "false_alarm"}
"""Verdicts of feedback that have other names now."""


def exported(ledger: Ledger) -> dict[str, Any]:
    frames = ledger.frames()
    assert all(frames[name].is_empty() for name in ADDED)
    return {
        name: {"columns": frame.columns, "rows": [list(map(_plain, row)) for row in frame.rows()]}
        for name, frame in frames.items()
        if name not in ADDED
    }


def known_then(now: dict[str, Any]) -> dict[str, Any]:
    """What is exported now with the columns of then; those that came later are at any place."""
    then = json.loads(EXPORTED.read_text(encoding="utf-8"))
    kept = {}
    for name, table in now.items():
        columns = then[name]["columns"]
        places = [table["columns"].index(column) for column in columns]
        rows = [[row[at] for at in places] for row in table["rows"]]
        if name == "feedback":
            rows = [[CALLED_THEN.get(value, value) for value in row] for row in rows]
        kept[name] = {"columns": columns, "rows": rows}
    return kept


def _plain(value: object) -> object:
    if isinstance(value, str) and value[:1] in {"{", "["}:
        # The order of keys says nothing in JSON.
        return json.dumps(json.loads(value), sort_keys=True, ensure_ascii=False)
    return value.isoformat() if isinstance(value, datetime) else value


@pytest.mark.slow
def test_every_row_and_every_value_is_still_there(old: str) -> None:
    before = rows(old)
    with Ledger(old):
        after = rows(old)
    assert before.keys() <= after.keys()
    converted = {("events", "detail"), ("alembic_version", "version_num"), ("feedback", "verdict")}
    for name, was in before.items():
        now = after[name]
        assert len(was) == len(now), name
        kept = [key for key in (was[0] if was else ()) if key in now[0] and (name, key) not in converted]
        assert [[row[key] for key in kept] for row in was] == [[row[key] for key in kept] for row in now], (
            name
        )
    gone = {
        (name, key) for name, was in before.items() if was for key in was[0].keys() - after[name][0].keys()
    }
    assert gone == {("incidents", "withheld"), ("escalations", "because")}


@pytest.mark.slow
def test_what_analysts_get_is_what_they_got(old: str) -> None:
    with Ledger(old) as ledger:
        assert known_then(exported(ledger)) == json.loads(EXPORTED.read_text(encoding="utf-8"))


@pytest.mark.slow
def test_every_alert_says_when_it_began_and_what_is_over_when_it_ended(old: str) -> None:
    with Ledger(old) as ledger:
        alerts, incidents = (ledger.frames()[name] for name in ("alerts", "incidents"))
    assert alerts["began_at"].equals(alerts["pending_since"], check_names=False)
    over = alerts.filter(pl.col("resolved_at").is_not_null())
    assert over.height > 0
    assert over["last_bad_at"].null_count() == 0
    assert incidents["began_at"].equals(incidents["opened_at"], check_names=False)
    assert not alerts["is_past"].any()


@pytest.mark.slow
def test_an_open_alert_of_evidence_is_followed_from_now_on_by_the_series_that_its_finding_named(
    tmp_path: Path,
) -> None:
    path = unpack(tmp_path / "ledger.db")
    finding = {"window_hours": 96, "classifier": "dhcp-unresponsive"}
    with sqlite3.connect(path) as connection:
        open_one = connection.execute("SELECT alert_id FROM alerts WHERE state = 'open' LIMIT 1").fetchone()[
            0
        ]
        connection.execute(
            "UPDATE alerts SET metric = 'time-to-connect', evidence = ? WHERE alert_id = ?",
            [json.dumps(finding), open_one],
        )
    with Ledger(path) as ledger:
        alert = ledger.lifecycle_state(LATER).alerts[open_one]
    assert alert.series == (Series("time-to-connect", "dhcp-unresponsive", is_slow=True),)


@pytest.mark.slow
def test_an_alert_that_was_pending_again_keeps_when_it_was_over(tmp_path: Path) -> None:
    path = unpack(tmp_path / "ledger.db")
    with sqlite3.connect(path) as connection:
        (resolved,) = connection.execute(
            "SELECT alert_id FROM alerts WHERE state = 'resolved' LIMIT 1"
        ).fetchone()
        connection.execute("UPDATE alerts SET state = 'pending' WHERE alert_id = ?", [resolved])
    with Ledger(path) as ledger:
        alert = ledger.lifecycle_state(LATER).alerts[resolved]
    assert (alert.began_before, alert.ended_before) == (alert.began_at, alert.resolved_at)
    assert alert.series_before == ()


@pytest.mark.slow
def test_an_alert_of_an_old_ledger_learns_its_levels_and_is_much_worse_than_them_later(
    tmp_path: Path,
) -> None:
    path = unpack(tmp_path / "ledger.db")
    with Ledger(path) as ledger:
        known = ledger.lifecycle_state(LATER).alerts.values()
        assert all((one.levels, one.worse) == ({}, None) for one in known)
        alert = next(one for one in known if (one.state, one.site_id) == ("open", "failed"))
        at = ledger.lifecycle_state(LATER).as_of
    assert at is not None
    with sqlite3.connect(path) as connection:
        series = [{"metric": alert.metric, "classifier": "", "is_slow": False}]
        connection.execute(
            "UPDATE alerts SET series = ?, condition = 'firing' WHERE alert_id = ?",
            [json.dumps(series), alert.alert_id],
        )
    since = max(alert.opened_at or at, alert.pending_since)

    def hour(number: int, level_pct: float) -> EvaluationInput:
        of = {"site_id": alert.site_id, "family": alert.family, "metric": alert.metric}
        known = {**of, "classifier": "", "level_pct": level_pct, "is_notable": True}
        began = {
            **of,
            "classifier": "",
            "is_slow": False,
            "began_at": since,
            "last_bad_at": at + number * HOUR,
        }
        episode = pl.DataFrame([{**began, "recovery": 0.0, "is_accepted": False}])
        return EvaluationInput(
            as_of=max(at, since + 60 * HOUR) + number * HOUR,
            source="live",
            findings=findings(),
            episodes=episode,
            levels=pl.DataFrame([known]),
        )

    with Ledger(path) as ledger:
        quiet = [ledger.record_evaluation(hour(number, 18.0)) for number in (1, 2)]
        worse = ledger.record_evaluation(hour(3, 61.9))
        now = ledger.lifecycle_state(LATER).alerts[alert.alert_id]
        exported = ledger.frames()["alerts"].row(
            by_predicate=pl.col("alert_id") == alert.alert_id, named=True
        )
    assert not any(event.kind == "much_worse" for one in quiet for event in one.events)
    assert [event.kind for event in worse.events if event.subject_id == alert.alert_id] == ["much_worse"]
    assert now.worse is not None
    assert (now.worse.from_pct, now.worse.to_pct) == (18.0, 61.9)
    assert (exported["worse_from_pct"], exported["worse_to_pct"]) == (18.0, 61.9)
    assert json.loads(exported["levels"]) == {f"{alert.metric}/": 61.9}


@pytest.mark.slow
def test_state_still_follows_from_the_events_alone(old: str) -> None:
    with Ledger(old) as ledger:
        events = ledger.events()
        known = ledger.lifecycle_state(LATER)
    alerts, incidents = fold_alerts(events), fold_incidents(events)
    assert dict(known.alerts) == {name: alerts[name] for name in known.alerts}
    assert dict(known.incidents) == {name: incidents[name] for name in known.incidents}
    assert len(known.incidents) > 20


@pytest.mark.slow
def test_reasons_why_nobody_is_notified_have_their_parts(old: str) -> None:
    with Ledger(old) as ledger:
        incidents = ledger.lifecycle_state(LATER).incidents.values()
        (called,) = [one.incident_id for one in incidents if one.family == "calls"]
        ledger.acknowledge(called, "ada", LATER)
        assert not ledger.is_due(datetime.fromisoformat("2026-03-05T05:59:59+00:00"))
        assert ledger.is_due(datetime.fromisoformat("2026-03-05T06:00:00+00:00"))
    (down,) = [one.incident_id for one in incidents if one.family == "device"]
    assert sorted({one.withheld for one in incidents if one.withheld is not None}, key=str) == [
        Withheld("inhibited_by", down),
        Withheld("no_route"),
        Withheld("not_yet", until=datetime.fromisoformat("2026-03-13T04:30:00+00:00")),
        Withheld("quiet_hours", until=datetime.fromisoformat("2026-03-05T06:00:00+00:00")),
        Withheld("silenced_by", "works"),
    ]


@pytest.mark.slow
def test_ends_of_escalations_have_their_reason_and_their_person(old: str) -> None:
    with Ledger(old):
        ended = {(row["stop_reason"], row["stopped_by"]) for row in rows(old)["escalations"]}
    assert ended == {
        (None, None),
        ("acknowledged", "ada"),
        ("acknowledged", "digest-lover: bob"),
        ("closed", "test-driver ü"),
        ("expired", None),
        ("merged", None),
        ("overtaken", None),
        ("resolved", None),
    }


@pytest.mark.slow
def test_digests_and_tests_keep_their_kind(old: str) -> None:
    with Ledger(old) as ledger:
        kinds = Counter(row["kind"] for row in rows(old)["deliveries"])
        assert kinds == {"incident": 40, "digest": 2, "test": 3}
        outbox = Outbox(ledger.engine)
        (test,) = outbox.lease("w", LATER, sinks=["sms"])
        single, digest = outbox.lease("w", LATER, sinks=["digest"])
    assert (test.kind, test.reason, test.incident_id) == ("test", "test", "test-000000000003")
    assert (digest.kind, digest.reason, len(digest.payload["covers"])) == ("digest", "digest", 3)
    assert (single.kind, single.reason) == ("incident", "severity_rise")


@pytest.mark.slow
def test_what_waited_is_sent_and_what_was_withdrawn_is_not(old: str) -> None:
    before = rows(old)["deliveries"]
    sinks = {row["sink"] for row in before}
    sent: list[int] = []
    looked_up: list[int] = []

    def send(delivery: Any) -> Accepted:
        (looked_up if delivery.state == "unknown" else sent).append(delivery.delivery_id)
        return Accepted()

    with Ledger(old) as ledger:
        outbox = Outbox(ledger.engine)
        withdrawn = {row["delivery_id"] for row in rows(old)["deliveries"] if row["withdrawn_reason"]}
        assert withdrawn == {
            row["delivery_id"] for row in before if row["last_error"].startswith("not needed")
        }
        for delivery in outbox.lease("w1", LATER, sinks=["pager"], limit=100):
            assert outbox.holds(delivery) == (delivery.delivery_id not in withdrawn)
            outbox.settle(delivery, Accepted(), LATER)
            looked_up.append(delivery.delivery_id)
        while outbox.work(dict.fromkeys(sinks, send), "w2", lambda: LATER, limit=100):
            pass
        given_up = {delivery.delivery_id for delivery in ledger.given_up()}
        refused = [one.sink for one in ledger.failing_sinks(LATER, timedelta(0))]
        after = rows(old)["deliveries"]
    waited = {row["delivery_id"] for row in before if row["state"] in {"pending", "failed"}}
    doubtful = {row["delivery_id"] for row in before if row["state"] in {"sending", "unknown"}}
    # Beginnings that were not sent before the end waited behind them are not sent any more: the end says both.
    ends = {
        (row["sink"], row["incident_id"]) for row in before if row["reason"] in {"merged", "all_resolved"}
    }
    overtaken = {
        row["delivery_id"]
        for row in before
        if row["state"] == "pending"
        and row["reason"] == "first"
        and (row["sink"], row["incident_id"]) in ends
    }
    assert set(sent) | set(looked_up) == (waited | doubtful) - overtaken
    assert doubtful <= set(looked_up)
    dead = {row["delivery_id"] for row in before if row["state"] == "dead"}
    assert {row["delivery_id"] for row in after if row["state"] != "sent"} == dead | overtaken
    assert given_up == dead - withdrawn
    assert refused == ["refused"]


@pytest.mark.slow
def test_two_processes_may_open_it_at_once(tmp_path: Path) -> None:
    path = unpack(tmp_path / "ledger.db")
    program = "import sys; from mist_pipeline.alerts.ledger.ledger import Ledger; Ledger(sys.argv[1]).close()"
    opening = [subprocess.Popen([sys.executable, "-c", program, str(path)]) for _ in range(2)]
    assert [one.wait(60) for one in opening] == [0, 0]
    with Ledger(path) as ledger:
        assert known_then(exported(ledger)) == json.loads(EXPORTED.read_text(encoding="utf-8"))


@pytest.mark.slow
def test_feedback_has_the_words_of_now_and_nothing_is_known_of_old_resolutions(old: str) -> None:
    with Ledger(old) as ledger:
        frames = ledger.frames()
    assert sorted(frames["feedback"]["verdict"]) == ["right", "wrong"]
    assert set(frames["tickets"]["resolution"]) <= {""}


def test_threads_make_several_ledgers_at_once_as_the_console_of_several_organisations_does(
    tmp_path: Path,
) -> None:
    places = [tmp_path / f"{number}.db" for number in range(3)]

    def make(place: Path) -> None:
        with Ledger(place):
            pass

    with ThreadPoolExecutor(len(places)) as pool:
        list(pool.map(make, places))
    for place in places:
        check_version(open_engine(place))


def _without_levels(ledger: sqlite3.Connection) -> None:
    """Without what version 0014 adds."""
    for name in ("levels", "worse_at", "worse_metric", "worse_from_pct", "worse_to_pct"):
        ledger.execute(f"ALTER TABLE alerts DROP COLUMN {name}")
    ledger.execute("ALTER TABLE told DROP COLUMN worse_at")


def test_what_the_cloud_pushed_leaves_a_ledger_that_is_a_file(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    Ledger(path).close()
    with sqlite3.connect(path) as before:
        before.execute("UPDATE alembic_version SET version_num = '0012'")
        _without_levels(before)
        before.execute(
            "INSERT INTO pushes VALUES ('k', 'alarms', '', '', '', '2026-03-01', '2026-03-01', '{}')"
        )
        before.execute("INSERT INTO push_counts VALUES ('alarms', 'kept', 1, '2026-03-01')")
    Ledger(path).close()
    with sqlite3.connect(path) as after:
        assert [
            after.execute(f"SELECT count(*) FROM {name}").fetchone() for name in ("pushes", "push_counts")
        ] == [(0,), (0,)]
