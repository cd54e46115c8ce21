"""Who is active and who would take over, in one sentence for every surface. Pure."""

from mist_pipeline.alerts.machines.lease import Machines
from mist_pipeline.domain.text import clean, instant

_NAME = 60


def machine_words(found: Machines) -> str:
    """Which machine is active since when, and which stand by.

    >>> from datetime import UTC, datetime
    >>> from mist_pipeline.alerts.machines.lease import Machine
    >>> noon = datetime(2026, 3, 2, 12, tzinfo=UTC)
    >>> every = tuple(Machine(name, noon, noon, is_here) for name, is_here in (("noc-a", True), ("noc-b", True), ("noc-c", False)))
    >>> machine_words(Machines(noon, "noc-a", noon, 3, every))
    'noc-a is active since 2026-03-02 12:00 UTC; noc-b stands by; noc-c was last seen 2026-03-02 12:00 UTC'
    >>> machine_words(Machines(noon, "", noon, 3, every[2:]))
    'no machine is active; none stands by; noc-c was last seen 2026-03-02 12:00 UTC'
    """
    since = f" since {instant(found.since)}" if found.since else ""
    parts = [f"{clean(found.active, _NAME)} is active{since}" if found.active else "no machine is active"]
    standbys = [clean(one.name, _NAME) for one in found.standbys]
    stand = "stands" if len(standbys) <= 1 else "stand"
    parts.append(f"{', '.join(standbys) or 'none'} {stand} by")
    parts += [
        f"{clean(one.name, _NAME)} was last seen {instant(one.seen_at)}"
        for one in found.every
        if not one.is_here and one.name != found.active
    ]
    return "; ".join(parts)
