"""A console on a small organisation, and its pages as they are answered without a socket."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from starlette.types import ASGIApp

from mist_pipeline.overview.actions import Verdict
from mist_pipeline.web.access import Access
from mist_pipeline.web.app import Application
from mist_pipeline.web.context import Console
from mist_pipeline_tests.support.guard.asgi import Answer, ask
from mist_pipeline_tests.support.overview.organisations import AT, Organisation

HOST = "127.0.0.1:8601"


@dataclass
class Decisions:
    """Notes what was decided, in whose name."""

    who: str
    noted: list[tuple[object, ...]] = field(default_factory=list)

    def acknowledge(self, incident_id: str, at: datetime) -> str:
        self.noted.append(("acknowledge", self.who, incident_id))
        return f"acknowledged by {self.who}"

    def resolve(self, incident_id: str, at: datetime) -> str:
        self.noted.append(("resolve", self.who, incident_id))
        return f"closed by {self.who}"

    def preview(self, matchers: str, at: datetime) -> str:
        return f"Covers what {matchers} means"

    def silence(self, matchers: str, lasts_for: timedelta, comment: str, at: datetime) -> str:
        self.noted.append(("silence", self.who, matchers, lasts_for, comment))
        return "silenced"

    def feedback(self, incident_id: str, verdict: Verdict, comment: str, at: datetime) -> str:
        self.noted.append(("feedback", self.who, incident_id, verdict, comment))
        return f"kept as {verdict}"


@dataclass
class Client:
    """A browser without eyes: asks, sends forms, keeps cookies.

    Attributes:
        app: What it asks.
        headers: Sent with every request.
        address: Where it is.
        cookies: What it was given.
        noted: What was decided by it.
    """

    app: ASGIApp
    headers: dict[str, str] = field(default_factory=dict)
    address: str = "127.0.0.1"
    cookies: dict[str, str] = field(default_factory=dict)
    noted: list[tuple[object, ...]] = field(default_factory=list)

    def get(self, target: str, **headers: str) -> Answer:
        """A page; other headers by their names with ``_`` for ``-``."""
        return self._ask("GET", target, b"", headers)

    def post(self, target: str, form: Mapping[str, str], **headers: str) -> Answer:
        """A form."""
        kind = {"content-type": "application/x-www-form-urlencoded"}
        return self._ask("POST", target, urlencode(form).encode(), {**kind, **headers})

    def _ask(self, method: str, target: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        sent = {
            "host": HOST,
            **self.headers,
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        if self.cookies:
            sent["cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        answer = ask(self.app, method, target, list(sent.items()), body, self.address)
        for name, value in answer.headers:
            if name == "set-cookie":
                key, _, rest = value.partition("=")
                self.cookies[key] = rest.partition(";")[0]
        return answer


def console_of(organisation: Organisation, noted: list[tuple[object, ...]], **own: Any) -> Console:
    """A console on an organisation, which notes what is decided."""
    settled = {"clock": lambda: AT, "organisation": "Fenwick & Sons", **own}
    return Console(overview=organisation.overview(), actions_of=lambda who: Decisions(who, noted), **settled)


def client_of(organisation: Organisation, **own: Any) -> Client:
    """What asks pages of a console on this organisation, in the name of anna."""
    noted: list[tuple[object, ...]] = []
    console = console_of(organisation, noted, **own)
    return Client(Application(console, Access(who="anna")), noted=noted)
