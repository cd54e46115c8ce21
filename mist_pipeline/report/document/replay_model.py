"""The documents of replays under several configurations: what JSON says and the page is rendered from.

Plain dictionaries of JSON values. Not here: making them (``workflows.replaying``). Meaning of every number: docs/replay.md.
"""

from typing import TypedDict

from mist_pipeline.scorecard.replays import Quality


class ReplayQuality(Quality):
    """How good the alerts of one configuration were."""

    name: str


class Difference(TypedDict):
    """A key that differs; the values are null where they are not shown."""

    key: str
    base: str | None
    other: str | None


class Counted(TypedDict):
    """What is different of one rule, or of one site."""

    name: str
    base_alerts: int
    other_alerts: int
    more: int
    fewer: int
    earlier: int
    later: int
    base_n_true: int
    base_n_false: int
    other_n_true: int
    other_n_false: int


class Side(TypedDict):
    """One alert of one configuration."""

    alert_id: str
    incident_id: str | None
    severity: str
    opened_at: str
    resolved_at: str | None
    verdict: str | None


class ChangedAlert(TypedDict):
    """An alert under both configurations."""

    change: str
    site_id: str
    site: str
    family: str
    rule: str
    shift_hours: float | None
    base: Side | None
    other: Side | None


class ReplayDocument(TypedDict):
    """A span under several configurations.

    ``differences``, ``changes``, ``by_rule``, ``by_site`` and ``changed`` are of a comparison of two and empty otherwise;
    alerts that are the same in both are in ``changes`` alone.
    """

    organisation: str
    first: str
    last: str
    days: int
    sites: int
    is_every_route_missing: bool
    configurations: list[ReplayQuality]
    differences: list[Difference]
    changes: dict[str, int]
    by_rule: list[Counted]
    by_site: list[Counted]
    changed: list[ChangedAlert]
