"""What evidence says of the user-hours of its episodes, kept in a file: a run that notifies never opens the warehouse."""

import io
import logging
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import polars as pl

from mist_pipeline.alerts.impacts import size
from mist_pipeline.alerts.impacts.due import DueIncident, window
from mist_pipeline.alerts.lifecycle.model import Alert
from mist_pipeline.settings import Settings
from mist_pipeline.storage.files import StoreError
from mist_pipeline.workflows.shared_files import evaluation_files

log = logging.getLogger(__name__)

_LOSSES = "losses.parquet"
KEPT = timedelta(days=30)
"""How long what evidence said of an episode is kept for the size of incidents."""


def remember_losses(settings: Settings, evidence: pl.DataFrame, as_of: datetime) -> None:
    """Keep what evidence says of its episodes, for the size of incidents: a run that notifies never opens the warehouse.

    Args:
        settings: Where.
        evidence: What it says of the episodes of its series (``evidence.gates.episodes``).
        as_of: The instant of the evaluation.
    """
    fresh = size.merged(_known_losses(settings), size.episodes(evidence), as_of - KEPT)
    written = io.BytesIO()
    fresh.write_parquet(written)
    evaluation_files(settings).replace(_LOSSES, written.getvalue())


def _known_losses(settings: Settings) -> pl.DataFrame:
    files = evaluation_files(settings)
    try:
        return pl.read_parquet(io.BytesIO(files.read(_LOSSES))).select(*size.EPISODES)
    except FileNotFoundError:
        pass
    except (OSError, StoreError, pl.exceptions.PolarsError) as error:
        # Written anew by the next evaluation; a message must not wait for it.
        log.warning(
            "user-hours of earlier episodes are not known: %s cannot be read: %s",
            files.address(_LOSSES),
            error,
        )
    return pl.DataFrame(schema=size.EPISODES)


def losses_of(settings: Settings, due: Sequence[DueIncident], now: datetime) -> dict[str, float]:
    """Incident → user-minutes lost so far."""
    return _lost(settings, [(one.incident.incident_id, alert) for one in due for alert in one.alerts], now)


def loss_together(settings: Settings, alerts: Iterable[Alert], now: datetime) -> float | None:
    """User-minutes that these alerts lost together; None where that is not known."""
    return _lost(settings, [("", alert) for alert in alerts], now).get("")


def _lost(settings: Settings, counted: Sequence[tuple[str, Alert]], now: datetime) -> dict[str, float]:
    """Name → user-minutes that the alerts under it lost."""
    rows = [
        (name, alert.site_id, family, *window(alert, now))
        for name, alert in counted
        for family in (alert.family, *alert.metrics_of_parts)
    ]
    names = ["incident_id", "site_id", "family", "began_at", "ended_at"]
    instant = size.EPISODES["began_at"]
    types = dict(zip(names, [pl.String, pl.String, pl.String, instant, instant], strict=True))
    alerts = pl.DataFrame(rows, schema=types, orient="row")
    lost = size.lost(alerts, _known_losses(settings))
    return {name: minutes for name, minutes, _sites in lost.iter_rows()}
