"""Makes the ledger of version 0002 that the tests of the migration open. Run it with the program of that version.

The imports below are those of commit 007dddf, the last one whose ledger has version 0002:

    git worktree add OLD 007dddf
    PYTHONPATH=OLD python mist_pipeline_tests/support/alerts/make_old_ledger.py mist_pipeline_tests/alerts/ledger/old

It writes ``ledger_0002.sql`` (the whole database as SQL) and ``export_0002.json`` (what that version copies into the
warehouse, table by table). Everything is made by what the old program does, so that the rows are such as it leaves them:
an outbox row in every state, digests, tests, withdrawn calls, escalations that ended for every reason, incidents that
are withheld for every reason.
"""

import json
import sqlite3
import sys
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from itertools import count
from pathlib import Path

import polars as pl
from mist_pipeline.alerts.escalation import EscalationPolicy, EscalationStep
from mist_pipeline.alerts.matchers import parse_matchers
from mist_pipeline.alerts.outbox import Outbox
from mist_pipeline.alerts.routes import Route
from mist_pipeline.alerts.signals import Step
from mist_pipeline.alerts.silences import Silence
from mist_pipeline.alerts.sink import Accepted, Refused, Retry, Unknown
from mist_pipeline.alerts.windows import Window

from mist_pipeline.alerts.ledger import Ledger, Telling, Ticket

START = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
NAMES = ("site_id", "metric", "kind", "severity", "summary", "evidence", "fingerprint", "family")

DUTY = EscalationPolicy(
    name="duty",
    steps=(EscalationStep(15 * MINUTE, "pager", "ada"), EscalationStep(30 * MINUTE, "pager", "bob")),
)
REPEATED = EscalationPolicy(
    name="repeated",
    steps=(EscalationStep(10 * MINUTE, "phone", "ada"),),
    stops_when="resolved",
    repeats=5,
    repeat_every=30 * MINUTE,
    expires_after=3 * HOUR,
)
SLOW = EscalationPolicy(name="slow", steps=(EscalationStep(20 * HOUR, "pager", "ada"),))
NIGHT = Window(begins=time(20), zone="UTC", until=time(6))


def for_site(name: str) -> tuple:
    return parse_matchers(f'site_id="{name}"')


TELLING = Telling(
    routes=[
        Route(name="late", sinks=("late",), matchers=for_site("waiting"), group_wait=200 * HOUR),
        Route(name="quiet", sinks=("chat",), matchers=for_site("night"), quiet_hours=(NIGHT,)),
        *(
            Route(name=name, sinks=(name,), matchers=for_site(name))
            for name in ("sent", "sending", "failed", "unknown", "refused", "pending")
        ),
        *(
            Route(name=f"call {name}", sinks=("mail",), matchers=for_site(name), escalation="duty")
            for name in ("taken", "under-way", "looked-up", "closed", "called", "soon")
        ),
        Route(name="slow", sinks=("mail",), matchers=for_site("recovered"), escalation="slow"),
        Route(
            name="call north",
            sinks=("mail",),
            matchers=parse_matchers('site_id=~"north-.*",scope="site"'),
            escalation="duty",
        ),
        Route(name="again", sinks=("mail",), matchers=for_site("again"), escalation="repeated"),
        Route(
            name="digests",
            sinks=("digest",),
            matchers=parse_matchers('site_id=~"dark-.*"'),
            quiet_hours=(NIGHT,),
        ),
        Route(name="others", sinks=("mail",), min_severity="major"),
    ],
    escalations={"duty": DUTY, "repeated": REPEATED, "slow": SLOW},
)


def finding(site_id: str, **more: str) -> dict[str, str]:
    kind = more.get("kind", "evidence")
    metric = more.get("metric", "coverage")
    return {
        "site_id": site_id,
        "metric": metric,
        "kind": kind,
        "severity": more.get("severity", "major"),
        "summary": more.get("summary", f"Coverage of {site_id} is bad: reason 'ü'."),
        "evidence": more.get("evidence", '{"classifier": "weak-signal"}'),
        "fingerprint": f"{kind}-{site_id}-{metric}",
        "family": more.get("family", "radio"),
    }


class Making:
    """The ledger in the making: what goes on, and an evaluation of it."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.outbox = Outbox(ledger.engine)
        self.going: dict[str, dict[str, str]] = {}
        self.newest = 0.0

    def look(self, hour: float, *rows: Mapping[str, str], source: str = "live") -> None:
        # Between two looks that are too far apart nobody looked, which would freeze every alert.
        while hour - self.newest > 2:
            self.newest += 2
            self._look(self.newest)
        self.newest = hour
        self._look(hour, *rows, source=source)

    def _look(self, hour: float, *rows: Mapping[str, str], source: str = "live") -> None:
        for row in rows:
            self.going[f"{row['site_id']} {row['family']}"] = dict(row)
        at = START + hour * HOUR
        found = list(self.going.values())
        if source == "pipeline":
            found = list(rows)
            for row in rows:
                self.going.pop(f"{row['site_id']} {row['family']}")
        frame = pl.DataFrame(found, schema=dict.fromkeys(NAMES, pl.String))
        origin = f"{at:%Y%m%dT%H%M%S.%fZ}-{source}"
        self.ledger.record_evaluation(Step(as_of=at, source=source, findings=frame), TELLING, origin=origin)

    def over(self, site_id: str, family: str = "radio") -> None:
        self.going.pop(f"{site_id} {family}")

    def incident(self, site_id: str, family: str = "radio") -> str:
        found = [
            alert.alert_id
            for alert in self.ledger.book(START).alerts.values()
            if (alert.site_id, alert.family) == (site_id, family)
        ]
        (name,) = {self.ledger.find(alert_id)[alert_id] for alert_id in found}
        return name

    def send(self, sink: str, answer: object, hour: float) -> None:
        at = START + hour * HOUR
        self.outbox.work({sink: lambda _: answer}, "worker-1", lambda: at)


def make(ledger: Ledger) -> None:
    """Everything, in order of time."""
    making = Making(ledger)

    # An outbox row in every state.
    making.look(
        0, *(finding(name) for name in ("sent", "sending", "failed", "unknown", "refused", "pending"))
    )
    making.send("sent", Accepted({"thread": "T-1"}, note="2 of 3 recipients"), 0)
    making.outbox.lease("worker-1", START, sinks=["sending"])
    making.send("failed", Retry("503 Service Unavailable"), 0)
    making.send("unknown", Unknown("timeout after the request"), 0)
    making.send("refused", Refused("400: no such channel: not needed there"), 0)
    ledger.send_test(["mail", "chat", "sms"], "warning", START)
    making.send("chat", Accepted({}), 0)

    # Escalations that ended for every reason.
    callers = ("taken", "under-way", "looked-up", "closed", "recovered", "called")
    making.look(3, *(finding(name, family="connect") for name in callers))
    making.send("mail", Accepted({"message_id": "<1@example>"}), 3)
    now = START + 3 * HOUR + 15 * MINUTE
    ledger.escalate(TELLING, now)
    making.outbox.lease("worker-1", now, sinks=["pager"], limit=2)
    making.outbox.lease("worker-2", now + 3 * MINUTE, sinks=["pager"], limit=20)
    ledger.acknowledge(making.incident("taken", "connect"), "ada", now + 4 * MINUTE)
    ledger.acknowledge(making.incident("under-way", "connect"), "digest-lover: bob", now + 4 * MINUTE)
    ledger.resolve(making.incident("closed", "connect"), "test-driver ü", now + 4 * MINUTE)
    making.going.pop("closed connect")
    ledger.escalate(TELLING, now + 15 * MINUTE)
    ledger.acknowledge(making.incident("looked-up", "connect"), "cid", now + 16 * MINUTE)
    ledger.add_feedback(
        "useful", "ada", now, incident_id=making.incident("taken", "connect"), comment="Thanks"
    )
    making.over("recovered", "connect")
    making.look(4)
    making.look(5, finding("again", family="capacity"))
    for minutes in (10, 100):
        ledger.escalate(TELLING, START + 5 * HOUR + minutes * MINUTE)
    making.send("phone", Refused("404: number unknown"), 7.9)

    # Two sites of one cause: their incidents become one.
    making.look(8, finding("north-1", family="dhcp"), finding("north-2", family="dhcp"))
    shared = {"attribute": "site_group", "value": "north", "family": "dhcp"}
    cause = {"cause_fingerprint": "cause-north", "site_ids": ["north-1", "north-2"], "statistics": shared}
    evidence = json.dumps(cause)
    correlation = finding("", kind="correlation", family="dhcp", summary="DHCP: north.", evidence=evidence)
    making.look(8.1, correlation)
    making.over("", "dhcp")

    ledger.escalate(TELLING, START + 8.2 * HOUR)

    # Digests: held back at night, told in the morning; one that was sent, one that waits.
    making.look(9, finding("dark-1", family="roaming"))
    making.look(12, finding("dark-2", family="roaming"))
    ledger.tell(TELLING, START + 18.5 * HOUR)
    making.send("digest", Accepted({"thread": "D-1"}), 18.5)
    making.look(
        34, finding("dark-3", family="roaming"), finding("dark-1", family="roaming", severity="critical")
    )
    making.look(37, finding("dark-4", family="roaming"))
    making.look(37.1, finding("dark-5", family="wan"))
    ledger.tell(TELLING, START + 42.5 * HOUR)

    # Incidents that are withheld for every reason.
    ledger.add_silence(
        Silence(
            silence_id="works",
            matchers=parse_matchers('site_id="silenced",family!="x"'),
            starts_at=START,
            ends_at=START + 1000 * HOUR,
            created_by="ada",
            comment="Works: new roof",
        )
    )
    ledger.add_silence(
        Silence(
            silence_id="",
            matchers=parse_matchers("site_group=~'lab|test'".replace("'", '"')),
            starts_at=START,
            ends_at=None,
            window=Window(begins=time(1, 30), zone="Europe/Vienna", lasts=2 * HOUR, weekdays=frozenset({6})),
        )
    )
    ended = ledger.add_silence(
        Silence(
            silence_id="ended",
            matchers=for_site("s9"),
            starts_at=START,
            ends_at=START + 10 * HOUR,
        )
    )
    ledger.end_silence(ended.silence_id, START + HOUR)
    making.look(50, finding("down", kind="site_down", severity="critical", metric="", family="device"))
    making.look(
        56.5,
        finding("silenced"),
        finding("waiting", family="waits"),
        finding("night", family="sleeps"),
        finding("mild", severity="warning", family="mild"),
        finding("down", family="radio"),
        finding("soon", family="calls"),
        finding("held", kind="mist_alarm", severity="critical", family="held"),
    )

    # The pipeline's own trouble, tickets, and what people thought.
    making.look(
        56.6,
        finding("", kind="pipeline", metric="", family="pipeline:daily", summary="The daily run failed."),
        source="pipeline",
    )
    pending = making.incident("pending")
    ledger.record_ticket(
        Ticket(
            sink="jira", incident_id=pending, ticket="NET-1", url="https://x/NET-1", state="open", who="Eve"
        ),
        START + 57 * HOUR,
    )
    ledger.record_ticket(
        Ticket(
            sink="jira",
            incident_id=making.incident("sent"),
            ticket="NET-2",
            state="acknowledged",
            who="Ada: the first",
            is_by_person=True,
            acted_at=START + 57 * HOUR,
        ),
        START + 57 * HOUR,
    )
    (alert_id,) = ledger.incident(pending)[0].alert_ids
    ledger.add_feedback("false_alarm", "bob", START + 57 * HOUR, alert_id=alert_id)


def main(folder: Path) -> None:
    """Make the ledger and write both files."""
    folder.mkdir(parents=True, exist_ok=True)
    numbers = count(1)
    with tempfile.TemporaryDirectory() as temporary:
        path = Path(temporary) / "ledger.db"
        with Ledger(path, new_id=lambda: f"{next(numbers):012x}") as ledger:
            make(ledger)
            exported = {
                name: {"columns": frame.columns, "rows": [list(map(_plain, row)) for row in frame.rows()]}
                for name, frame in ledger.frames().items()
            }
        connection = sqlite3.connect(path)
        dump = "\n".join(connection.iterdump())
        connection.close()
    (folder / "ledger_0002.sql").write_text(dump + "\n", encoding="utf-8")
    text = json.dumps(exported, ensure_ascii=False).replace("], [", "],\n[")
    (folder / "export_0002.json").write_text(text + "\n", encoding="utf-8")


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else value


if __name__ == "__main__":
    main(Path(sys.argv[1]))
