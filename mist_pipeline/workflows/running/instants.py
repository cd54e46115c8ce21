"""Instants that have not come: refused before anything is made as of them.

An evaluation of the future would be the newest until then, and all that comes before would be left out: nobody would be told
of anything. Here: comparing an instant with this machine's clock and with the cloud's. Not here: such instants that are in the ledger
already (``alerts.ledger.times``), and which run has which instant (``defs.resources``).

>>> from datetime import UTC
>>> noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
>>> refuse_future(noon, noon)
>>> refuse_later_than_cloud(noon, noon + timedelta(minutes=2))
"""

from datetime import datetime, timedelta

from mist_pipeline.alerts.ledger.times.ahead import TOLERANCE
from mist_pipeline.mist.errors import MistError
from mist_pipeline.settings import SettingsError


class ClockAheadError(MistError):
    """A run is of an instant that the cloud's clock has not reached."""


def refuse_future(instant: datetime, now: datetime) -> None:
    """Refuse an instant that somebody typed and that has not come.

    Raises:
        SettingsError: It is later than now.
    """
    if instant > now + TOLERANCE:
        raise SettingsError(
            f"{instant.isoformat(sep=' ', timespec='minutes')} has not come yet: this machine's clock says "
            f"{now.astimezone(instant.tzinfo).isoformat(sep=' ', timespec='minutes')}. Check --as-of (as_of in the configuration of a run); "
            "what was is looked at with `mist-pipeline replay`."
        )


def refuse_later_than_cloud(instant: datetime, cloud: datetime) -> None:
    """Refuse to ask the cloud as of an instant that its own clock has not reached.

    Args:
        instant: As of when a run works.
        cloud: The cloud's clock, from the ``Date`` of its newest answer.

    Raises:
        ClockAheadError: The instant is later.
    """
    late = instant - cloud
    if late > TOLERANCE:
        raise ClockAheadError(
            f"this run is of {instant.isoformat(sep=' ', timespec='seconds')}, but the cloud's clock says "
            f"{cloud.isoformat(sep=' ', timespec='seconds')}, {_roughly(late)} earlier: set this machine's clock (NTP), or check --as-of. "
            "Nothing is recorded of times that have not come"
        )


def _roughly(span: timedelta) -> str:
    minutes = round(span / timedelta(minutes=1))
    if minutes < 120:
        return f"{minutes} minutes"
    return f"{minutes // 60} hours" if minutes < 48 * 60 else f"{minutes // 1440} days"
