"""The sections ``alerts`` and ``notifications``: what raises an alert, who is told, and by which sinks.

Here: the sections, and what can only be judged with all of them at hand. Not here: the keys of routes (`routes`) and sinks
(`sinks`).
"""

import difflib
from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

from pydantic import Field, field_validator, model_validator

from mist_pipeline.settings.routes import EscalationKeys, MaintenanceKeys, RouteKeys
from mist_pipeline.settings.section import Section, Severity
from mist_pipeline.settings.sinks import PagerDutyKind, Secrets, SinkKind

if TYPE_CHECKING:
    from mist_pipeline.alerts.escalation import EscalationPolicy
    from mist_pipeline.alerts.policy import Policy
    from mist_pipeline.alerts.routes import Route
    from mist_pipeline.alerts.silences import Silence
    from mist_pipeline.delivery.remediation import Remediation
    from mist_pipeline.delivery.sink import Sink


HOUSE_TABLE = Path(__file__).parents[2] / "config" / "remediation.yaml"
"""What usually helps, as it comes with the project."""


class Alerts(Section):
    """What raises an alert, and where alerts and incidents are kept."""

    ledger: str | None = Field(
        None,
        description="Database of alerts and messages: a path or postgresql:// address; empty: `ledger.db` in the data folder. "
        "An address with a password belongs into the environment.",
    )
    raises: dict[str, Severity | Literal["never"]] = Field(
        default_factory=dict,
        description="Kind of finding → least severity at which it raises an alert by itself, instead of what was measured to "
        "be best (docs/alerts.md); for example `{threshold: critical}`.",
    )
    keep_days: int = Field(
        35,
        ge=2,
        description="Days for which the inputs of evaluations are kept, so that a replay repeats them exactly.",
    )

    @field_validator("raises")
    @classmethod
    def _known_kinds(cls, value: dict[str, str]) -> dict[str, str]:
        from mist_pipeline.alerts.policy import DEFAULT_RULES

        for kind in value:
            if kind not in DEFAULT_RULES:
                raise ValueError(f"{kind!r} is no kind of finding; {_hint(kind, DEFAULT_RULES)}")
        return value

    def policy(self) -> "Policy":
        """Rules and times of the lifecycle."""
        from mist_pipeline.alerts.policy import DEFAULT_RULES, Policy

        changed = {
            kind: replace(DEFAULT_RULES[kind], alone=None if severity == "never" else severity)
            for kind, severity in self.raises.items()
        }
        return Policy(rules={**DEFAULT_RULES, **changed})


class Notifications(Section):
    """Who is told about what, when and how (docs/notifications.md)."""

    sinks: dict[str, SinkKind] = Field(
        default_factory=dict, description="Name → where to tell: `type` and the keys of that type."
    )
    routes: tuple[RouteKeys, ...] = Field(
        (), description="Who is told; the first that fits. None: nobody is told."
    )
    escalations: dict[str, EscalationKeys] = Field(
        default_factory=dict, description="Name → who is called if nobody reacts."
    )
    maintenance: tuple[MaintenanceKeys, ...] = Field((), description="Planned silences.")
    remediation: Path | None = Field(
        None, description="A table of your own steps, in the form of config/remediation.yaml."
    )
    reports_url: str | None = Field(None, description="Where the folder of the reports is served, for links.")
    dagster_url: str | None = Field(None, description="Address of the Dagster UI, for links.")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        names = [route.name for route in self.routes]
        if doubled := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"two routes are called {doubled[0]!r}; every route has a name of its own")
        for route in self.routes:
            where = f"route {route.name!r}"
            for sink in route.sinks:
                _must_know(sink, self.sinks, f"{where}: sink")
            if route.escalation is not None:
                _must_know(route.escalation, self.escalations, f"{where}: escalation")
            tickets = [sink for sink in route.sinks if self.sinks[sink].is_ticket]
            if route.quiet_hours and tickets:
                raise ValueError(
                    f"{where} has quiet_hours, whose digest cannot become one ticket of {tickets[0]!r}; "
                    "give tickets a route of their own (goes_on: true)"
                )
        for name, escalation in self.escalations.items():
            escalation.policy(name)
            for step in escalation.steps:
                _must_know(step.sink, self.sinks, f"escalation {name!r}: sink")
        return self

    def variables(self) -> Iterator[tuple[str, str]]:
        """Sink and variable of the environment, for every secret."""
        for name, sink in self.sinks.items():
            for variable in sink.variables():
                yield name, variable

    def build(self, secrets: Secrets, data: Path) -> "dict[str, Sink]":
        """Every sink by name.

        Raises:
            ValueError: A sink or the recipient of a step is wrong; says which, and how to mend it.
        """
        built: dict[str, Sink] = {}
        for name, sink in self.sinks.items():
            try:
                built[name] = sink.build(name, secrets, data)
            except (ValueError, OSError) as error:
                raise ValueError(f"sinks.{name}: {error}") from None
        for name, escalation in self.escalations.items():
            for step in escalation.steps:
                problem = built[step.sink].problem_with(step.to)
                if problem:
                    raise ValueError(f"escalations.{name}: {problem}")
        return built

    def alert_routes(self) -> "tuple[Route, ...]":
        """Routes as ``alerts`` takes them."""
        return tuple(route.route() for route in self.routes)

    def policies(self) -> "dict[str, EscalationPolicy]":
        """Escalations as ``alerts`` takes them."""
        return {name: keys.policy(name) for name, keys in self.escalations.items()}

    def windows(self) -> "tuple[Silence, ...]":
        """Planned silences as ``alerts`` takes them."""
        return tuple(keys.silence() for keys in self.maintenance)

    @property
    def tickets(self) -> tuple[str, ...]:
        """Sinks whose messages become tickets."""
        return tuple(name for name, sink in self.sinks.items() if sink.is_ticket)

    @property
    def pagers(self) -> dict[str, PagerDutyKind]:
        """Sinks that can tell us who took a page."""
        return {name: sink for name, sink in self.sinks.items() if isinstance(sink, PagerDutyKind)}

    def advice(self) -> "Remediation":
        """What usually helps: the house's table, extended by the user's.

        Raises:
            RemediationError: A table is wrong (a ``ValueError``).
        """
        from mist_pipeline.delivery.remediation import load_remediation

        return load_remediation(HOUSE_TABLE, *([self.remediation] if self.remediation else []))


def _must_know(name: str, known: Collection[str], what: str) -> None:
    if name not in known:
        raise ValueError(f"{what} {name!r} is not configured; {_hint(name, known)}")


def _hint(name: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {near[0]!r}?" if near else f"there are {', '.join(sorted(known)) or 'none'}"
