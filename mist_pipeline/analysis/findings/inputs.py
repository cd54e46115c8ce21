"""The frames that rules look at: those of a span, and beside them evidence and candidate causes.

Here: names and meaning of the frames. Not here: the rules (``series_rules``, ``site_rules``), and how frames of a span
become evidence and causes (``analysis.detection``, the only place that makes `FindingInputs`).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import polars as pl


@dataclass(frozen=True, kw_only=True)
class SpanFrames:
    """What is known of a span of days or hours. None says that it was not asked or not analysed: its rules stay silent.

    Frames are those of the tables of the same name, of all moments asked or more. A live frame has ``as_of`` or
    ``hour`` in place of ``day``.

    Attributes:
        readings: ``history.sle_daily`` with severity; of hours: ``history.sle_hourly`` with severity; live:
            ``live.status``.
        classifiers: ``history.classifiers_daily``; names the cause of a low score.
        sites: ``history.sites``: who should have answered.
        site_hourly: ``history.site_hourly``; live: ``live.site_hourly``.
        trends: ``analysis.trends``.
        deviations: ``analysis.deviations``; live: those by hour of week.
        risks: ``analysis.risks``.
        anomalies: ``analysis.anomalies``.
        health_scores: ``analysis.health_scores``.
        alarms: ``history.alarms``; live: ``live.alarms``.
    """

    readings: pl.DataFrame | None = None
    classifiers: pl.DataFrame | None = None
    sites: pl.DataFrame | None = None
    site_hourly: pl.DataFrame | None = None
    trends: pl.DataFrame | None = None
    deviations: pl.DataFrame | None = None
    risks: pl.DataFrame | None = None
    anomalies: pl.DataFrame | None = None
    health_scores: pl.DataFrame | None = None
    alarms: pl.DataFrame | None = None


@dataclass(frozen=True, kw_only=True)
class FindingInputs(SpanFrames):
    """Everything that the rules look at.

    Attributes:
        notable: ``evidence.gates.notable`` of ``analysis.evidence``.
        causes: Candidate causes, as ``analysis.incidents``; live: with ``as_of``.
    """

    notable: pl.DataFrame | None = None
    causes: pl.DataFrame | None = None

    def each(self, prepare: Callable[[pl.DataFrame], pl.DataFrame]) -> "FindingInputs":
        """The same with every frame prepared."""
        return replace(
            self, **{name: prepare(frame) for name, frame in vars(self).items() if frame is not None}
        )
