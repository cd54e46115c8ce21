"""The child: lives the week, evaluates, decides and sends as production does, until it is killed.

``python -m mist_pipeline_tests.crash.child``: reads from its standard input where it is to live, and says on its standard
output what it is about to do. It knows nothing of earlier children but the ledger, the kept looks and the time.
"""

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from mist_pipeline.alerts.ledger.evaluation_store import EvaluationStore
from mist_pipeline.alerts.ledger.ledger import Ledger, Ticket
from mist_pipeline.alerts.ledger.outbox import Outbox
from mist_pipeline.alerts.ledger.pending import evaluate_pending, pending_evaluations
from mist_pipeline.alerts.lifecycle.model import Incident
from mist_pipeline.alerts.notify.outcome import Accepted, Delivery, Outcome
from mist_pipeline.delivery.message import Message
from mist_pipeline.delivery.sink import Sink
from mist_pipeline.delivery.sinks.mail.config import MailConfig
from mist_pipeline.delivery.sinks.mail.sink import MailSink
from mist_pipeline.delivery.sinks.pagerduty.sink import PagerDutySink
from mist_pipeline.delivery.sinks.slack.sink import SlackBotSink
from mist_pipeline.delivery.sinks.webhook.sink import WebhookSink
from mist_pipeline.delivery.tickets.jira.api import JiraSystem
from mist_pipeline.delivery.tickets.jira.config import JiraConfig
from mist_pipeline.delivery.tickets.lifecycle import TicketSink
from mist_pipeline.delivery.tickets.policy import TicketPolicy, TicketStatus
from mist_pipeline.delivery.tickets.ticket_text import TicketTemplates
from mist_pipeline.http_client.secrets import Secret
from mist_pipeline.http_client.session import HttpLimits, send
from mist_pipeline.notification.builder import compose, incident_ids
from mist_pipeline.notification.message_context import Subject, Surroundings
from mist_pipeline.notification.worker import Worker
from mist_pipeline.storage.folder import FolderStore
from mist_pipeline_tests.crash.board import Board
from mist_pipeline_tests.crash.week import (
    SIGNING_KEY,
    TICKET_AFTER,
    Moment,
    Week,
    notification_rules,
    taken_by,
)
from mist_pipeline_tests.support.fakes.fake_pagerduty import ROUTING_KEY, SECOND_KEY
from mist_pipeline_tests.support.fakes.fake_slack import CHANNEL, TOKEN

LIMITS = HttpLimits(read_seconds=30)


class WatchedOutbox(Outbox):
    """Says on the board where each row is."""

    board: Board

    def lease(self, worker: str, now: datetime, **options: object) -> list[Delivery]:
        sinks = options["sinks"]
        assert isinstance(sinks, Mapping)
        (hand,) = sinks
        self.board.write(hand, "leasing")
        rows = super().lease(worker, now, **options)  # type: ignore[arg-type]
        self.board.write(hand, "leased" if rows else "")
        return rows

    def settle(self, delivery: Delivery, outcome: Outcome, now: datetime) -> str | None:
        self.board.write(delivery.sink, "settling")
        state = super().settle(delivery, outcome, now)
        self.board.write(delivery.sink, "settled")
        return state


@dataclass(frozen=True)
class WatchedSink:
    """Says on the board when a message is on its way."""

    sink: Sink
    board: Board

    @property
    def name(self) -> str:
        return self.sink.name

    def problem_with(self, recipient: str) -> str | None:
        return self.sink.problem_with(recipient)

    def send(self, message: Message) -> Outcome:
        self.board.write(self.name, "sending")
        outcome = self.sink.send(message)
        self.board.write(self.name, "answered")
        return outcome

    def recover(self, message: Message) -> Outcome:
        self.board.write(self.name, "looking up")
        outcome = self.sink.recover(message)
        self.board.write(self.name, "answered")
        return outcome


@dataclass(frozen=True)
class WatchedPager(WatchedSink):
    """The one that rings."""

    sink: PagerDutySink

    def reclaim(self, message: Message) -> Accepted:
        self.board.write(self.name, "looking up")
        return self.sink.reclaim(message)


class Child:
    """One life."""

    def __init__(self, folder: Path, addresses: Mapping[str, str], week: Week) -> None:
        self.board = Board(folder / "board")
        self.ledger = Ledger(folder / "ledger.db")
        self.kept = EvaluationStore(FolderStore(folder / "evaluations"))
        self.week = week
        self.telling = notification_rules(week)
        config = JiraConfig(
            type="jira", base_url=addresses["jira"], project="OPS", user="bot@example.com", token_from="TOKEN"
        )
        self.jira = TicketSink(
            "jira",
            JiraSystem(config, Secret("token"), LIMITS),
            TicketPolicy(),
            TicketTemplates(),
            clock=self.board,
            pause=lambda _: None,
        )
        mail = MailConfig(
            type="mail",
            host="localhost",
            sender="mist@example.com",
            recipients=("ops@example.com",),
            port=int(addresses["mail"]),
            security="none",
        )
        sinks: list[Sink] = [
            MailSink("mail", mail),
            SlackBotSink("chat", Secret(TOKEN), CHANNEL, addresses["chat"], LIMITS),
            PagerDutySink(
                "page",
                Secret(ROUTING_KEY),
                {"second line": Secret(SECOND_KEY)},
                url=addresses["page"],
                limits=LIMITS,
            ),
            self.jira,
            WebhookSink(
                "hook", Secret(addresses["hook"]), Secret(SIGNING_KEY), limits=LIMITS, clock=self.board
            ),
        ]
        self.people = addresses["people"]
        self.outbox = WatchedOutbox(self.ledger.engine)
        self.outbox.board = self.board
        self.worker = Worker(
            self.outbox,
            {sink.name: watched(sink, self.board) for sink in sinks},
            self.message,
            self.board,
            f"child:{os.getpid()}",
        )

    def live(self) -> None:
        """From the moment at which the clock stands to the end of the week."""
        now = self.board()
        for moment in self.week.moments():
            if moment.at >= now:
                self.board.set_clock(moment.at)
                self.be(moment)
        self.begin("end", self.week.moments()[-1])

    def be(self, moment: Moment) -> None:
        """What happens at one moment; made again, it changes nothing."""
        now = moment.at
        if moment.doing in ("look", "daily"):
            self.begin("keep", moment)
            self.kept.keep(self.week.look(now) if moment.doing == "look" else self.week.day(now))
            if pending_evaluations(self.ledger, self.kept):
                self.begin("evaluate", moment)
                evaluate_pending(self.ledger, self.kept, self.telling, now)
        elif moment.doing == "people":
            self.take_incidents(moment)
        elif moment.doing == "tickets":
            self.take_tickets(moment)
        else:
            if self.ledger.is_due(now):
                self.begin("escalate", moment)
                self.ledger.notify(self.telling, now)
                self.ledger.escalate(self.telling, now)
            if self.outbox.is_waiting(now):
                self.begin("deliver", moment)
                self.worker.run()
        self.board.write("main", "")

    def begin(self, what: str, moment: Moment) -> None:
        self.board.write("main", what)
        print(moment.number, what, flush=True)

    def message(self, delivery: Delivery) -> Message:
        subjects = {}
        for name in incident_ids(delivery):
            incident, alerts, _ = self.ledger.incident(name)
            subjects[name] = Subject(incident, tuple(alerts))
        return compose(delivery, subjects, Surroundings())

    def is_taken(self, hand: str, incident: Incident, now: datetime) -> bool:
        """Whether this person takes an incident now."""
        how, after = taken_by(incident.incident_id)
        return incident.state == "open" and how == hand and now - incident.asks_since >= after

    def take_incidents(self, moment: Moment) -> None:
        """A person takes what the phone told."""
        self.begin("acknowledge", moment)
        incidents = self.ledger.lifecycle_state(moment.at).incidents.values()
        wanted = [one.incident_id for one in incidents if self.is_taken("phone", one, moment.at)]
        for name in wanted:
            self.ledger.acknowledge(name, "ada", moment.at)
        # Whoever died after the first and before this line finds nothing wanted, but something taken just now.
        if wanted or any(one.acknowledged_at == moment.at for one in incidents):
            self.ledger.notify(self.telling, moment.at)

    def take_tickets(self, moment: Moment) -> None:
        """A person takes tickets; then all of them are read back, as the job does."""
        self.begin("read back", moment)
        incidents = self.ledger.lifecycle_state(moment.at).incidents.values()
        # Incidents of one cause share a ticket, and a hand on it takes whichever of them is there by then: so all are to be.
        young = {one.fingerprint for one in incidents if moment.at - one.asks_since < TICKET_AFTER}
        wanted = {
            one.incident_id
            for one in incidents
            if one.fingerprint not in young and self.is_taken("ticket", one, moment.at)
        }
        references = self.ledger.references(["jira"])
        for _, incident_id, reference in references:
            if incident_id in wanted:
                body = json.dumps({"key": reference["key"]}).encode()
                send("POST", f"{self.people}/take", body=body, limits=LIMITS)
        for sink, incident_id, reference in references:
            status = self.jira.read_status(reference)
            for _ in range(9):
                # Production asks again in five minutes; a week of one seed wants an answer now.
                if isinstance(status, TicketStatus):
                    break
                status = self.jira.read_status(reference)
            assert isinstance(status, TicketStatus), status
            ticket = Ticket(
                sink=sink,
                incident_id=incident_id,
                ticket=reference["key"],
                state=status.state,
                who=status.who,
                is_by_person=status.is_by_person,
                acted_at=status.at,
            )
            self.ledger.record_ticket(ticket, moment.at)
        self.ledger.notify(self.telling, moment.at)


def watched(sink: Sink, board: Board) -> Sink:
    """A sink that says what it does."""
    return WatchedPager(sink, board) if isinstance(sink, PagerDutySink) else WatchedSink(sink, board)


def main() -> None:
    """Everything is imported before the word to go, so that a standby can take over at once."""
    told = json.loads(sys.stdin.readline())
    Child(Path(told["folder"]), told["addresses"], Week(told["seed"], told["days"])).live()


if __name__ == "__main__":
    main()
