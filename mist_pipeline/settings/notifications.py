"""The sections ``alerts`` and ``notifications``: what raises an alert, who is notified, and by which sinks.

Here: the two sections, composed of those that the rooms define, and what can only be checked with all of them at hand. Not
here: the keys of routes, windows, silences and escalations (``alerts.notify``) and those of sinks (``delivery``), which
stand beside what they configure.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Self, TypeAlias, Union
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from mist_pipeline.alerts.notify.escalation import EscalationPolicy
from mist_pipeline.alerts.notify.routes import Route
from mist_pipeline.alerts.notify.silences import PlannedSilence, Silence
from mist_pipeline.delivery.config import SecretValues, SinkConfig
from mist_pipeline.delivery.discovery import no_python, sink_configs
from mist_pipeline.delivery.sinks.pagerduty.config import PagerDutyConfig
from mist_pipeline.domain.config_section import Place, PlacedError, Section, hint

if TYPE_CHECKING:
    from mist_pipeline.alerts.lifecycle.policy import Policy
    from mist_pipeline.delivery.rendering.remediation import Remediation
    from mist_pipeline.delivery.sink import Sink

    AnySink: TypeAlias = SinkConfig
else:
    # Made at run time of what is there: a new sink is a new folder, and nothing else.
    AnySink = Annotated[Union[sink_configs()], Field(discriminator="type")]  # noqa: UP007

HOUSE_TABLE = Path(__file__).parents[1] / "delivery" / "rendering" / "remediation.yaml"
"""Steps that usually help, as they come with the project."""

Sensitivity: TypeAlias = Literal["low", "normal", "high"]
RaisedFrom: TypeAlias = Literal["info", "warning", "major", "critical", "never"]


class Alerts(Section):
    """What raises an alert, and where alerts and incidents are kept."""

    ledger: SecretStr | None = Field(
        None,
        description="Database of alerts and messages: a path or postgresql:// address; empty: `ledger.db` in the data folder. "
        "An address with a password belongs into the environment.",
    )
    raises: dict[str, RaisedFrom] = Field(
        default_factory=dict,
        description="Kind of finding → least severity at which it raises an alert by itself, instead of what was measured to "
        "be best (docs/alerts.md); for example `{threshold: critical}`.",
    )
    sink_patience_minutes: float = Field(
        10,
        gt=0,
        le=24 * 60,
        description="A sink that keeps a message waiting for longer is told to the others, as an incident of the pipeline.",
    )
    sensitivity: Sensitivity = Field(
        "normal",
        description="How much it takes to raise an alert: one strictness of all tests; docs/alerts.md shows what each costs.",
    )
    past: Literal["record", "tell"] = Field(
        "record",
        description="Trouble that was over before it was noticed: `record` keeps it for the morning report and digests, `tell` "
        "notifies of it like of any other.",
    )
    keep_days: int = Field(
        35,
        ge=2,
        description="Days for which the inputs of evaluations are kept, so that a replay repeats them exactly.",
    )
    keep_events_days: int = Field(
        365,
        ge=35,
        description="Days after which the events of how an incident was watched are folded into their number; what people did stays.",
    )

    @field_validator("ledger")
    @classmethod
    def _known_database(cls, value: SecretStr | None) -> SecretStr | None:
        # The address is not quoted: it may hold a password.
        address = value.get_secret_value() if value else ""
        try:
            backend = urlsplit(address).scheme.partition("+")[0]
        except ValueError:
            backend = ""
        if "://" in address and backend not in {"sqlite", "postgresql"}:
            raise ValueError("is no database; write a path or postgresql://user@host/name")
        return value

    @field_validator("raises")
    @classmethod
    def _known_kinds(cls, value: dict[str, RaisedFrom]) -> dict[str, RaisedFrom]:
        from mist_pipeline.alerts.lifecycle.policy import DEFAULT_RULES

        for kind in value:
            if kind not in DEFAULT_RULES:
                raise PlacedError((kind,), f"is no kind of finding; {hint(kind, DEFAULT_RULES)}")
        return value

    @property
    def sink_patience(self) -> timedelta:
        """See ``sink_patience_minutes``."""
        return timedelta(minutes=self.sink_patience_minutes)

    def policy(self) -> "Policy":
        """Rules and times of the lifecycle."""
        from mist_pipeline.alerts.lifecycle.policy import DEFAULT_RULES, Policy

        changed = {
            kind: replace(DEFAULT_RULES[kind], alone=None if severity == "never" else severity)
            for kind, severity in self.raises.items()
        }
        return Policy(rules={**DEFAULT_RULES, **changed}, tells_past=self.past == "tell")


class Notifications(Section):
    """Who is notified of what, when and how (docs/notifications.md)."""

    sinks: dict[str, AnySink] = Field(
        default_factory=dict,
        description="Name (letters A–Z, digits, `_`, `.`, `-`) → where to send: `type` and the keys of that type.",
    )
    routes: tuple[Route, ...] = Field(
        (), description="Who is notified; the first that fits. None: nobody is."
    )
    escalations: dict[str, EscalationPolicy] = Field(
        default_factory=dict, description="Name → who is called if nobody reacts."
    )
    maintenance: tuple[PlannedSilence, ...] = Field((), description="Planned silences.")
    remediation: Path | None = Field(
        None,
        description="A table of your own steps, in the form of delivery/rendering/remediation.yaml of the package.",
    )
    reports_url: str | None = Field(None, description="Where the folder of the reports is served, for links.")
    dagster_url: str | None = Field(None, description="Address of the Dagster UI, for links.")

    @field_validator("reports_url", "dagster_url")
    @classmethod
    def _is_a_link(cls, value: str | None) -> str | None:
        from mist_pipeline.domain.text import safe_url

        # What is no address there would be left out of messages without a word.
        if value is not None and safe_url(value) is None:
            raise ValueError(
                "must be a whole web address without user and password, as in https://reports.example.com"
            )
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        _must_be_names(self.sinks, "sinks")
        _must_differ([route.name for route in self.routes], "routes")
        _must_differ([planned.name for planned in self.maintenance], "maintenance")
        for number, route in enumerate(self.routes):
            here = ("routes", number)
            for place, sink in enumerate(route.sinks):
                _must_know(sink, self.sinks, (*here, "sinks", place))
            if route.escalation is not None:
                _must_know(route.escalation, self.escalations, (*here, "escalation"))
            tickets = [sink for sink in route.sinks if self.sinks[sink].is_ticket]
            if route.quiet_hours and tickets:
                raise PlacedError(
                    (*here, "quiet_hours"),
                    f"end with a digest, which cannot become one ticket of {tickets[0]!r}; give tickets a route of their "
                    "own (goes_on: true)",
                )
        for name, escalation in self.escalations.items():
            for number, step in enumerate(escalation.steps):
                _must_know(step.sink, self.sinks, ("escalations", name, "steps", number, "sink"))
        return self

    def may_write_to(self, sink: str, recipient: str) -> bool:
        """Whether the sink itself or a step of an escalation still names this recipient."""
        steps = (step for policy in self.escalations.values() for step in policy.steps)
        own = getattr(self.sinks.get(sink), "recipients", ())
        return recipient in own or any((step.sink, step.to) == (sink, recipient) for step in steps)

    def variables(self) -> Iterator[tuple[Place, str]]:
        """Key below this section, and the variable of the environment that it names, for every secret."""
        for name, sink in self.sinks.items():
            for key, variable in sink.variables():
                yield ("sinks", name, *key), variable

    def build(self, secrets: SecretValues, data: Path) -> "dict[str, Sink]":
        """Every sink by name.

        Raises:
            PlacedError: A sink or the recipient of a step is wrong; says which, and how to fix it.
        """
        built: dict[str, Sink] = {}
        for name, sink in self.sinks.items():
            try:
                built[name] = sink.build(name, secrets, data)
            except PlacedError as error:
                raise PlacedError(("sinks", name, *error.place), error.text) from None
            except SyntaxError as error:
                raise PlacedError(("sinks", name), f"its type cannot be used: {no_python(error)}") from None
            except (ValueError, OSError) as error:
                raise PlacedError(("sinks", name), str(error)) from None
        for name, escalation in self.escalations.items():
            for number, step in enumerate(escalation.steps):
                problem = built[step.sink].problem_with(step.to)
                if problem:
                    raise PlacedError(("escalations", name, "steps", number, "to"), problem)
        return built

    def planned_silences(self) -> tuple[Silence, ...]:
        """Planned silences as those of the ledger are."""
        return tuple(planned.silence() for planned in self.maintenance)

    @property
    def tickets(self) -> tuple[str, ...]:
        """Sinks whose messages become tickets."""
        return tuple(name for name, sink in self.sinks.items() if sink.is_ticket)

    @property
    def pagers(self) -> dict[str, PagerDutyConfig]:
        """Sinks that can report who took a page."""
        return {name: sink for name, sink in self.sinks.items() if isinstance(sink, PagerDutyConfig)}

    def advice(self) -> "Remediation":
        """Steps that usually help: the project's table, extended by the user's.

        Raises:
            PlacedError: A table is wrong; says which, and where in it.
        """
        from mist_pipeline.delivery.rendering.remediation import RemediationError, load_remediation

        try:
            return load_remediation(HOUSE_TABLE, *([self.remediation] if self.remediation else []))
        except RemediationError as error:
            raise PlacedError(("remediation",), str(error)) from None


def _must_know(name: str, known: Collection[str], place: Place) -> None:
    if name not in known:
        raise PlacedError(place, f"{name!r} is not configured; {hint(name, known)}")


_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_SHORTEST_SECRET = 16
"""A name that is wrong and so long may be a secret, pasted into the wrong place."""


def _must_be_names(names: Iterable[str], key: str) -> None:
    """Such names need no escaping in paths, commands, variables and pages."""
    for number, name in enumerate(names, 1):
        if _NAME.fullmatch(name):
            continue
        told = repr(name) if len(name) < _SHORTEST_SECRET else f"name {number}"
        raise PlacedError(
            (key,),
            f"{told} is no name: use letters A–Z, digits, '_', '.' and '-', and begin with a letter, a digit or '_'",
        )


def _must_differ(names: Sequence[str], key: str) -> None:
    for number, name in enumerate(names):
        if name in names[:number]:
            raise PlacedError((key, number, "name"), f"{name!r} is taken; every one has a name of its own")
