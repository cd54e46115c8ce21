"""Replays as the document that people and programs read: how good each configuration was, and what is different between two.

Not here: replaying (`runs`), pairing and grading alerts (``scorecard.replays``), printing (``cli``), the page (``report``).
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, cast

import polars as pl

from mist_pipeline.domain.site_names import display_names
from mist_pipeline.report.document.replay_model import (
    ChangedAlert,
    Counted,
    Difference,
    ReplayDocument,
    Side,
)
from mist_pipeline.scorecard.replays import Quality, changes, counted, quality
from mist_pipeline.settings import Settings
from mist_pipeline.tables import history
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.workflows.organisation_pin import organisation_name
from mist_pipeline.workflows.replaying.runs import Outcome, Runs

_CHANGES = ("same", "earlier", "later", "more", "fewer")
_SHOWN_SECTIONS = ("alerts", "thresholds", "sle_thresholds", "health", "monitoring", "history")
"""Sections whose values are shown; of the others only that a key differs: they hold names, addresses and secrets."""
_NEVER_SHOWN = ("alerts.ledger", "monitoring.heartbeat_url", "monitoring.heartbeat_fail_url")


def curve(base: Settings, runs: Runs) -> ReplayDocument:
    """How good each configuration was.

    Args:
        base: For the organisation's name.
        runs: The replays.
    """
    return {
        "organisation": organisation_name(base),
        "first": runs.first.isoformat(),
        "last": runs.last.isoformat(),
        "days": (runs.last - runs.first).days + 1,
        "sites": runs.num_sites,
        "is_every_route_missing": not any(
            one.configuration.settings.notifications.routes for one in runs.outcomes
        ),
        "configurations": [
            {"name": one.configuration.name, **quality_of(runs, one, runs.begin, runs.end)}
            for one in runs.outcomes
        ],
        "differences": [],
        "changes": {},
        "by_rule": [],
        "by_site": [],
        "changed": [],
    }


def comparison(warehouse: Warehouse, base: Settings, runs: Runs) -> ReplayDocument:
    """How good both configurations were, and what is different, alert by alert.

    Args:
        warehouse: For the names of sites.
        base: For the organisation's name.
        runs: The replays of two.
    """
    mine, theirs = runs.outcomes
    changed = changes(mine.alerts, theirs.alerts)
    sites = warehouse.read_days(history.SITES, runs.first, runs.last, columns=("day", "site_id", "name"))
    newest = sites.sort("day").unique("site_id", keep="last").select("site_id", "name")
    names = display_names(dict(newest.iter_rows()))
    kinds = dict(changed.group_by("change").len().iter_rows())
    different = changed.filter(pl.col("change") != "same")
    return {
        **curve(base, runs),
        "differences": list(differences(mine.configuration.settings, theirs.configuration.settings)),
        "changes": {kind: kinds.get(kind, 0) for kind in _CHANGES},
        "by_rule": _counted(changed, "rule", {}),
        "by_site": _counted(changed, "site_id", names),
        "changed": [_changed(row, names) for row in different.iter_rows(named=True)],
    }


def quality_of(runs: Runs, outcome: Outcome, begin: datetime, end: datetime) -> Quality:
    """How good one configuration was between two instants of the span."""
    sent = outcome.messages_between(begin, end)
    return quality(outcome.alerts, runs.known.troubles, sent, runs.num_sites, begin, end)


def differences(base: Settings, other: Settings) -> Iterator[Difference]:
    """The keys that differ, by name; values only where they cannot be a name, an address or a secret."""
    mine, theirs = (_flat(one.model_dump(mode="json")) for one in (base, other))
    for key in sorted(mine.keys() | theirs.keys()):
        if mine.get(key) == theirs.get(key):
            continue
        is_shown = key.split(".")[0] in _SHOWN_SECTIONS and key not in _NEVER_SHOWN
        values = [str(one.get(key, "not set")) if is_shown else None for one in (mine, theirs)]
        yield {"key": key, "base": values[0], "other": values[1]}


def _flat(values: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """Nested keys as one: ``alerts.sensitivity``; lists are values."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        key = f"{above}{name}"
        flat.update(_flat(value, f"{key}.") if isinstance(value, dict) else {key: value})
    return flat


def _counted(changed: pl.DataFrame, by: str, names: Mapping[str, str]) -> list[Counted]:
    rows = counted(changed, by).with_columns(pl.col(by).replace(names)).rename({by: "name"})
    return cast("list[Counted]", rows.to_dicts())


def _changed(row: Mapping[str, Any], names: Mapping[str, str]) -> ChangedAlert:
    return {
        "change": row["change"],
        "site_id": row["site_id"],
        "site": names.get(row["site_id"], row["site_id"]),
        "family": row["family"],
        "rule": row["rule"],
        "shift_hours": row["shift_hours"],
        "base": _side(row, "base"),
        "other": _side(row, "other"),
    }


def _side(row: Mapping[str, Any], name: str) -> Side | None:
    if row[f"{name}_alert_id"] is None:
        return None
    resolved = row[f"{name}_resolved_at"]
    return {
        "alert_id": row[f"{name}_alert_id"],
        "incident_id": row[f"{name}_incident_id"],
        "severity": row[f"{name}_severity"],
        "opened_at": row[f"{name}_opened_at"].isoformat(),
        "resolved_at": None if resolved is None else resolved.isoformat(),
        "verdict": row[f"{name}_verdict"],
    }
