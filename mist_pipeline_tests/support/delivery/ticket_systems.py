"""The two fakes of ticket systems behind one face, so that one table of situations holds for both.

A test says what happens (a message, a person's hand, a fault at a request) and what has to be there afterwards; what that
is in Jira and in ServiceNow is said here.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar, Literal, NamedTuple

from mist_pipeline.delivery.message import IncidentView, Message, Reason
from mist_pipeline.delivery.sink import Accepted, Outcome, Unknown
from mist_pipeline.delivery.tickets.jira.api import DUPLICATE_LABEL, JiraSystem
from mist_pipeline.delivery.tickets.jira.config import JiraConfig
from mist_pipeline.delivery.tickets.lifecycle import TicketSink
from mist_pipeline.delivery.tickets.policy import TicketPolicy
from mist_pipeline.delivery.tickets.servicenow.api import ServiceNowSystem
from mist_pipeline.delivery.tickets.servicenow.config import ServiceNowConfig
from mist_pipeline.delivery.tickets.system import TicketSystem
from mist_pipeline.delivery.tickets.ticket_text import TicketTemplates
from mist_pipeline.http_client.secrets import Secret
from mist_pipeline.http_client.session import HttpLimits
from mist_pipeline_tests.support.delivery.messages import message
from mist_pipeline_tests.support.fakes.fake_http import FakeHttp, Reply
from mist_pipeline_tests.support.fakes.fake_jira import FakeJira
from mist_pipeline_tests.support.fakes.fake_servicenow import FakeServiceNow
from mist_pipeline_tests.support.fakes.jira_workflows import (
    ANNA,
)

TOKEN = "a-token-that-nobody-may-see"
PATIENT = HttpLimits(read_seconds=30)
IMPATIENT = HttpLimits(read_seconds=1)


def limits_for(reply: Reply) -> HttpLimits:
    """Short ones only for a receiver that says nothing: this machine may be busy."""
    return IMPATIENT if reply.behaviour == "silence" else PATIENT


class Request(NamedTuple):
    """A request by its method and a pattern of its path."""

    method: str
    path: str


def accepted(outcome: Outcome) -> Accepted:
    """The outcome, which has to be that."""
    assert isinstance(outcome, Accepted), outcome
    return outcome


def notify(
    to: TicketSink[Any], about: IncidentView, reason: Reason, sequence: int, before: Accepted | None = None
) -> Accepted:
    """Send a message, as the outbox does after one that was accepted."""
    reference = before.reference if before else {}
    return accepted(to.send(message(about, reason, sequence, reference=reference)))


def lose(to: TicketSink[Any], sent: Message) -> Accepted:
    """Send a message whose answer is lost, and look up what became of it."""
    assert isinstance(to.send(sent), Unknown)
    return accepted(to.recover(replace(sent, attempt=sent.attempt + 1)))


class UnderTest(ABC):
    """A ticket system under test: its fake, the requests that a fault can hit, and what there is in it."""

    name: str
    fake: FakeJira | FakeServiceNow
    search: Request
    read: Request
    create: Request
    comment: Request
    close: Request
    priorities: ClassVar[dict[str, Any]]
    """Severity → what `priority` shows of it."""

    def sink(
        self,
        limits: HttpLimits = PATIENT,
        *,
        policy: TicketPolicy | None = None,
        templates: TicketTemplates | None = None,
        pause: Callable[[float], None] = lambda _: None,
        server: FakeHttp | None = None,
        **changes: Any,
    ) -> TicketSink[Any]:
        """A sink for the fake, or another server, with changed settings."""
        return TicketSink(
            self.name,
            self.system((server or self.fake).url, limits, **changes),
            policy or TicketPolicy(),
            templates or TicketTemplates(),
            clock=self.fake.clock,
            pause=pause,
        )

    @abstractmethod
    def system(self, url: str, limits: HttpLimits, **changes: Any) -> TicketSystem[Any]:
        """What the sink speaks to, with changed settings."""

    @property
    @abstractmethod
    def ids(self) -> list[str]:
        """All tickets, oldest first."""

    @abstractmethod
    def id_in(self, sent: Accepted) -> str: ...
    @abstractmethod
    def is_done(self, ticket: str) -> bool: ...
    @abstractmethod
    def summary(self, ticket: str) -> str: ...
    @abstractmethod
    def description(self, ticket: str) -> str: ...
    @abstractmethod
    def comments(self, ticket: str) -> list[str]: ...
    @abstractmethod
    def priority(self, ticket: str) -> Any: ...
    @abstractmethod
    def is_linked(self, ticket: str, earlier: str) -> bool: ...
    @abstractmethod
    def is_duplicate(self, ticket: str) -> bool: ...
    @abstractmethod
    def add_twin(self) -> str:
        """A second ticket of the incident of the oldest, as another worker creates it."""

    @abstractmethod
    def person_closes(self, ticket: str) -> None: ...
    @abstractmethod
    def person_takes(self, ticket: str) -> None: ...
    @abstractmethod
    def person_chooses_priority(self, ticket: str) -> Any: ...

    def open_ids(self) -> list[str]:
        """Tickets that are not done."""
        return [ticket for ticket in self.ids if not self.is_done(ticket)]

    def only(self) -> str:
        """The one ticket that there is."""
        (ticket,) = self.ids
        return ticket

    def fail(self, request: Request, reply: Reply, *, is_done: bool = False) -> None:
        """What the next such request gets; ``is_done``: it takes effect all the same."""
        self.fake.fail(*request, reply, is_done=is_done)

    def count(self, request: Request) -> int:
        """How many such requests there were."""
        return len(self.fake.asked(*request))


class JiraUnderTest(UnderTest):
    """One project of a fake Jira."""

    create = Request("POST", "/issue$")
    read = Request("GET", r"/issue/OPS-\d+$")
    comment = Request("POST", "/comment$")
    close = Request("POST", "/transitions$")
    search = Request("POST", "/search")
    priorities: ClassVar[dict[str, Any]] = {"critical": "1", "major": "2", "warning": "3", "info": "4"}

    fake: FakeJira

    def __init__(self, fake: FakeJira) -> None:
        self.fake = fake
        self.name = "jira"

    def system(self, url: str, limits: HttpLimits, **changes: Any) -> TicketSystem[Any]:
        return JiraSystem(jira_config(url, self.fake.kind, **changes), Secret(TOKEN), limits)

    @property
    def ids(self) -> list[str]:
        return list(self.fake.issues)

    def id_in(self, sent: Accepted) -> str:
        return sent.reference["key"]

    def is_done(self, ticket: str) -> bool:
        return self.fake.category(ticket) == "done"

    def summary(self, ticket: str) -> str:
        return str(self.fake.issues[ticket]["fields"]["summary"])

    def description(self, ticket: str) -> str:
        return json.dumps(self.fake.issues[ticket]["fields"]["description"], ensure_ascii=False)

    def comments(self, ticket: str) -> list[str]:
        return self.fake.comments(ticket)

    def priority(self, ticket: str) -> Any:
        return self.fake.priority(ticket)

    def is_linked(self, ticket: str, earlier: str) -> bool:
        return ("Relates", ticket, earlier) in self.fake.links

    def is_duplicate(self, ticket: str) -> bool:
        is_linked = any(link[:2] == ("Duplicate", ticket) for link in self.fake.links)
        return is_linked and DUPLICATE_LABEL in self.fake.issues[ticket]["fields"]["labels"]

    def add_twin(self) -> str:
        self.fake.add(self.fake.issues[self.ids[0]]["fields"])
        return self.ids[-1]

    def person_closes(self, ticket: str) -> None:
        self.fake.set_status(ticket, "30", ANNA)

    def person_takes(self, ticket: str) -> None:
        self.fake.set_status(ticket, "20", ANNA)

    def person_chooses_priority(self, ticket: str) -> Any:
        self.fake.issues[ticket]["priority"] = "4"
        return "4"


class ServiceNowUnderTest(UnderTest):
    """The table of incidents of a fake ServiceNow."""

    create = Request("POST", "/table/incident$")
    search = Request("GET", "/table/incident$")
    read = Request("GET", "/incident/")
    comment = close = Request("PATCH", "/incident/")
    priorities: ClassVar[dict[str, Any]] = {
        "critical": ("1", "1", "1"), "major": ("2", "1", "2"), "warning": ("2", "2", "3"), "info": ("3", "3", "5"),
    }  # fmt: skip

    fake: FakeServiceNow

    def __init__(self, fake: FakeServiceNow) -> None:
        self.fake = fake
        self.name = "servicenow"

    def system(self, url: str, limits: HttpLimits, **changes: Any) -> TicketSystem[Any]:
        return ServiceNowSystem(servicenow_config(url, **changes), Secret(TOKEN), limits)

    @property
    def ids(self) -> list[str]:
        return list(self.fake.records)

    def id_in(self, sent: Accepted) -> str:
        return sent.reference["sys_id"]

    def is_done(self, ticket: str) -> bool:
        return self.fake.records[ticket]["state"] in ("6", "7", "8")

    def summary(self, ticket: str) -> str:
        return self.fake.records[ticket]["short_description"]

    def description(self, ticket: str) -> str:
        return self.fake.records[ticket]["description"]

    def comments(self, ticket: str) -> list[str]:
        return self.fake.notes[ticket]

    def priority(self, ticket: str) -> Any:
        record = self.fake.records[ticket]
        return record["impact"], record["urgency"], record["priority"]

    def is_linked(self, ticket: str, earlier: str) -> bool:
        return self.fake.records[ticket]["parent_incident"] == earlier

    def is_duplicate(self, ticket: str) -> bool:
        record = self.fake.records[ticket]
        return record["close_code"] == "Duplicate" and "INC0000001" in record["close_notes"]

    def add_twin(self) -> str:
        oldest = self.fake.records[self.ids[0]]
        return self.fake.add(**{name: oldest[name] for name in ("correlation_id", "short_description")})

    def person_closes(self, ticket: str) -> None:
        self.fake.as_person(ticket, state="6", close_code="x", close_notes="y")

    def person_takes(self, ticket: str) -> None:
        self.fake.as_person(ticket, state="2", assigned_to="u-anna")

    def person_chooses_priority(self, ticket: str) -> Any:
        self.fake.as_person(ticket, urgency="3")
        return self.priority(ticket)


def jira_config(url: str, kind: Literal["cloud", "datacenter"] = "cloud", **changes: Any) -> JiraConfig:
    """The least configuration of a project, and changes to it."""
    user = "bot@example.com" if kind == "cloud" else ""
    least = {"base_url": url, "project": "OPS", "deployment": kind, "user": user, "token_from": "TOKEN"}
    return JiraConfig.model_validate({"type": "jira", **least, **changes})


def servicenow_config(url: str, **changes: Any) -> ServiceNowConfig:
    """The least configuration of a table, and changes to it."""
    least = {"type": "servicenow", "base_url": url, "user": "mist", "token_from": "TOKEN"}
    return ServiceNowConfig.model_validate({**least, **changes})
