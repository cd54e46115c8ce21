"""Checks that failed: one trouble for all that first failed for the same days."""

from collections.abc import Sequence

from mist_pipeline.domain.severity import Severity, rank, worst
from mist_pipeline.workflows.self_monitoring.by_day import told_days
from mist_pipeline.workflows.self_monitoring.facts import FailedCheck, iso_days
from mist_pipeline.workflows.self_monitoring.trouble import Trouble

CHECKS = "checks"

MOST_CHECKS = 20
"""Failed checks that evidence lists; one damaged raw file may fail a hundred."""


def check_troubles(failed: Sequence[FailedCheck]) -> list[Trouble]:
    """One trouble for the checks of the same days: a broken table fails the checks of ten tables made from it."""
    by_span: dict[str, list[FailedCheck]] = {}
    for each in failed:
        by_span.setdefault(each.failure.span, []).append(each)
    return [_of_days(span, checks) for span, checks in sorted(by_span.items())]


def _of_days(span: str, failed: Sequence[FailedCheck]) -> Trouble:
    worst_first = sorted(failed, key=lambda each: (-rank(_severity(each)), each.asset, each.check))
    first, others = worst_first[0], len(failed) - 1
    because = f": {first.description}" if first.description else ""
    also = f" ({others} other {'check' if others == 1 else 'checks'} failed, too)" if others else ""
    told = [
        {
            "asset": each.asset,
            "check": each.check,
            "severity": _severity(each),
            "failed_at": each.failure.newest.at.isoformat(),
            "days": iso_days(each.failure.days),
            "description": each.description,
        }
        for each in worst_first[:MOST_CHECKS]
    ]
    return Trouble(
        f"{CHECKS}@{span}" if span else CHECKS,
        worst(map(_severity, failed)),
        f"Check {first.check} of {first.asset} failed{told_days(first.failure.days)}{also}{because}",
        {"failed": len(failed), "run_id": first.failure.newest.run_id, "checks": told},
    )


def _severity(failed: FailedCheck) -> Severity:
    return "major" if failed.severity == "ERROR" or failed.is_blocking else "warning"
