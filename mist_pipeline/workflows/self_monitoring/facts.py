"""What is known of the pipeline at one moment, as plain values."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from mist_pipeline.workflows.self_monitoring.by_day import OpenFailure


@dataclass(frozen=True, kw_only=True)
class FailedJob:
    """A job that failed, for days that are not good again.

    Attributes:
        failure: Which job, which days, which run.
        reason: Why its newest run failed, in one line.
        is_settings: It failed because of wrong settings: nothing heals until somebody changes them.
        began_otherwise: The settings stop it now, and the first failure in the row had another reason.
    """

    failure: OpenFailure
    reason: str = ""
    is_settings: bool = False
    began_otherwise: bool = False

    @property
    def job(self) -> str:
        """Its name."""
        return self.failure.subject


@dataclass(frozen=True, kw_only=True)
class FailedCheck:
    """A check that failed, for days that are not good again.

    Attributes:
        failure: Which check (``asset`` and ``check`` name it), which days, which run.
        asset: Of which table.
        check: Its name.
        severity: As Dagster has it.
        is_blocking: It stops what follows.
        description: What it found, in one line.
    """

    failure: OpenFailure
    asset: str
    check: str
    severity: Literal["WARN", "ERROR"] = "ERROR"
    is_blocking: bool = False
    description: str = ""


@dataclass(frozen=True, kw_only=True)
class PipelineFacts:
    """What Dagster's instance says at one moment.

    Attributes:
        jobs: Of the watched jobs those that failed.
        checks: Those that failed.
        last_poll: When a run of ``live`` last succeeded.
        polls_on_since: When its schedule was turned on; None: it is off.
    """

    jobs: tuple[FailedJob, ...] = ()
    checks: tuple[FailedCheck, ...] = ()
    last_poll: datetime | None = None
    polls_on_since: datetime | None = None


def iso_days(days: tuple[date, ...]) -> list[str]:
    """Days as evidence has them."""
    return [day.isoformat() for day in days]
