"""Cells worth keeping as rows of ``analysis.evidence``.

Here: the way from positions in arrays to rows of the table. Not here: which cells are surprising (`windows`,
`site_load`, `peer_groups`); what the columns mean (``tables.analysis``).
"""

from dataclasses import dataclass, field

import numpy as np
import polars as pl

from mist_pipeline.analysis.evidence import peer_groups
from mist_pipeline.analysis.evidence.episodes import FAST, SLOW, EpisodeTrack
from mist_pipeline.analysis.evidence.hourly_matrix import HourlyMatrix
from mist_pipeline.analysis.evidence.windows import (
    LOOK_BACK,
    MIN_EXPOSURE,
    SLOW_FROM,
    EvidenceOptions,
    WindowSums,
)
from mist_pipeline.analysis.stats.arrays import Flags, Floats, Ints, running_sums
from mist_pipeline.analysis.stats.local_time import hour_column
from mist_pipeline.tables.analysis import EVIDENCE

_NUMBERS = (
    "observed", "mean", "exposure", "surprise", "breadth", "recent", "began", "last_bad", "recovery", "lost", "is_accepted",
    "is_followed",
)  # fmt: skip
HOUR_TYPE = EVIDENCE.polars_schema()["began_at"]
_WEAK = 1.0
_GROUP_STRONG = 4.0
_EXPLAINED = 0.4
"""Share of a window's excess that an episode inside it must explain, or the window is about an older one."""


@dataclass(frozen=True)
class PeerSurprise:
    """The largest surprise of each series' groups, by window, series × hours, and that group's position (−1 for none)."""

    surprise: dict[int, Floats]
    group: dict[int, Ints]
    group_ids: list[str]


@dataclass
class KeptCells:
    """Cells worth keeping; windows that groups are tested at keep weaker ones until the groups are known.

    Attributes:
        options: What is worth keeping.
        emit_from: First column that gives rows.
        columns: Parts of the columns ``line``, ``at``, ``window_hours`` and `_NUMBERS`.
    """

    options: EvidenceOptions
    emit_from: int
    columns: dict[str, list[Floats | Ints]] = field(
        default_factory=lambda: {name: [] for name in ("line", "at", "window_hours", *_NUMBERS)}
    )

    def collect(
        self,
        window: WindowSums,
        surprise: Floats,
        tracks: tuple[EpisodeTrack, EpisodeTrack],
        low: int,
        begin: int,
        first_hour: int,
    ) -> None:
        """Keep what is notable in one window of some series, and of an episode that is followed every hour.

        Args:
            window: Its sums.
            surprise: Its calibrated surprises.
            tracks: Episodes against the fast and against the lagged expectation; followed in the rows of the shortest
                window of their kind.
            low: Position of the first series.
            begin: First column of the block.
            first_hour: Its number.
        """
        least = _WEAK if window.hours in peer_groups.GROUP_WINDOWS else self.options.min_surprise
        emitted = np.arange(surprise.shape[1]) + begin >= self.emit_from
        track = tracks[SLOW if window.hours >= SLOW_FROM else FAST]
        followed = track.is_followed & (window.hours in (1, SLOW_FROM))
        line, at = np.nonzero(((surprise >= least) | followed) & emitted)
        is_large = window.excess_pct(line, at) >= self.options.min_excess_pct
        is_kept = is_large | followed[line, at]
        line, at = line[is_kept], at[is_kept]
        values: dict[str, Floats | Ints] = {
            "line": line + low,
            "at": at + begin,
            "window_hours": np.full(line.size, window.hours, np.int64),
            "observed": window.observed[line, at],
            "mean": window.mean[line, at],
            "exposure": window.exposure[line, at],
            "surprise": surprise[line, at],
            "breadth": window.breadth(line, at),
            "recent": window.recent_pct(line, at),
            **_episode(track, line, at, window, first_hour),
            "is_followed": followed[line, at].astype(np.float64),
        }
        for name, value in values.items():
            self.columns[name].append(value)

    def rows(self, matrix: HourlyMatrix, days: Floats, from_peers: PeerSurprise, begin: int) -> pl.DataFrame:
        """Rows of what was kept; weak cells only where their peers are surprising too.

        Args:
            matrix: The data.
            days: Days of history of every series.
            from_peers: Surprise of the peer groups in this block.
            begin: First column of the block.
        """
        line, at, window = (
            np.concatenate([np.zeros(0, np.int64), *self.columns[name]]).astype(np.int64)
            for name in ("line", "at", "window_hours")
        )
        (
            observed,
            mean,
            exposure,
            surprise,
            breadth,
            recent,
            began,
            last_bad,
            recovery,
            lost,
            accepted,
            followed,
        ) = (np.concatenate([np.zeros(0), *self.columns[name]]) for name in _NUMBERS)
        # The rows of an episode go on through hours without users, of which no share can be said.
        per_user = np.where(exposure > MIN_EXPOSURE, 100.0 / np.maximum(exposure, MIN_EXPOSURE), 0.0)
        group_surprise, group = np.zeros(line.size), np.full(line.size, -1, np.int64)
        for hours, largest in from_peers.surprise.items():
            mine = np.nonzero(window == hours)[0]
            group_surprise[mine] = largest[line[mine], at[mine] - begin]
            group[mine] = from_peers.group[hours][line[mine], at[mine] - begin]
        id_of_group = pl.Series([*from_peers.group_ids, None], dtype=pl.String)
        frame = pl.DataFrame(
            {
                "at": at,
                "window_hours": window,
                "excess_user_minutes": observed - mean,
                "excess_pct": per_user * (observed - mean),
                "surprise": surprise,
                "is_estimated": _is_estimated(matrix, line, at, window),
                "observed_pct": per_user * observed,
                "expected_pct": per_user * mean,
                "total_user_minutes": exposure,
                "breadth_hours": breadth,
                "recent_excess_pct": recent,
                "baseline_days": days[line],
                "group_id": id_of_group.gather(np.where(group < 0, len(from_peers.group_ids), group)),
                "group_surprise": group_surprise,
                "began_at": hour_column(began.astype(np.int64)),
                "last_bad_at": hour_column(last_bad.astype(np.int64)),
                "recovery": recovery,
                "lost_user_minutes": lost,
                "is_accepted": accepted > 0,
                "_is_known": began > 0,
                "_is_followed": followed > 0,
            }
        ).with_columns(
            pl.when("_is_known").then(name).alias(name)
            for name in ("began_at", "last_bad_at", "recovery", "lost_user_minutes", "is_accepted")
        )
        keys = matrix.series.select(pl.all().gather(line))
        is_kept = (
            pl.col("_is_followed")
            | (pl.col("surprise") >= self.options.min_surprise)
            | (pl.col("group_surprise") >= _GROUP_STRONG)
        )
        return dated(frame.hstack(keys.get_columns()).filter(is_kept), matrix, self.options.time_zone)


def _episode(
    track: EpisodeTrack, line: Ints, at: Ints, window: WindowSums, first_hour: int
) -> dict[str, Floats]:
    """The episode that a window is about: the newest that reaches into it, else what rises now.

    Where the newest is inside the window and explains little of its excess, the window is about what was before and is over.
    """
    now = at + first_hour
    began, last_bad = track.began[line, at], track.last_bad[line, at]
    since = track.rises_since[line, at]
    opens = now - window.hours + 1
    rises = (since > 0) & (last_bad < opens)
    excess = window.observed[line, at] - window.mean[line, at]
    is_about_before = ~rises & (began > opens) & (track.lost[line, at] < _EXPLAINED * excess)
    recovery = np.where(is_about_before, 1.0, track.recovery[line, at])
    began, last_bad = np.where(is_about_before, opens, began), np.where(is_about_before, began - 1, last_bad)
    return {
        "began": np.where(rises, since, began),
        "last_bad": np.where(rises, now, last_bad),
        "recovery": np.where(rises, 0.0, recovery),
        "lost": np.where(rises, 0.0, track.lost[line, at]),
        "is_accepted": np.where(rises, 0.0, track.is_accepted[line, at]),
    }


def _is_estimated(matrix: HourlyMatrix, line: Ints, at: Ints, window: Ints) -> Flags:
    """Whether any exposure within the window was estimated."""
    if not line.size or not matrix.has_estimates:
        return np.zeros(line.size, np.bool_)
    lines, place = np.unique(line, return_inverse=True)
    low = int(at.min()) - LOOK_BACK
    sums = running_sums(matrix.estimated[lines, low : int(at.max()) + 1].astype(np.float64))
    until = at - low + 1
    estimated: Flags = sums[place, until] > sums[place, until - window]
    return estimated


def site_rows(
    frame: pl.DataFrame,
    metric: str,
    matrix: HourlyMatrix,
    days: Floats,
    options: EvidenceOptions,
    emit_from: int,
) -> pl.DataFrame:
    """Rows of a pseudo-metric of sites: shares are of the usual client-minutes, which are 100 %.

    Args:
        frame: From `site_load`.
        metric: Name of the pseudo-metric.
        matrix: The data.
        days: Days of history of every site.
        options: For the zone.
        emit_from: First column that gives rows.
    """
    line = frame["line"].to_numpy().astype(np.int64)
    away, usual = (pl.col("observed") - pl.col("expected")).abs(), pl.max_horizontal("expected", pl.lit(1.0))
    rows = frame.with_columns(
        pl.Series("site_id", matrix.site_ids, dtype=pl.String).gather(line),
        pl.Series("baseline_days", days[line], dtype=pl.Float64),
        metric=pl.lit(metric),
        excess_user_minutes=away,
        excess_pct=100.0 * away / usual,
        is_estimated=pl.lit(value=False),
        observed_pct=100.0 * pl.col("observed") / usual,
        expected_pct=pl.lit(100.0),
        total_user_minutes=pl.col("observed"),
        breadth_hours=pl.col("window_hours").cast(pl.Float64),
        recent_excess_pct=100.0 * away / usual,
        group_id=pl.lit(None, pl.String),
        group_surprise=pl.lit(0.0),
        began_at=pl.lit(None, HOUR_TYPE),
        last_bad_at=pl.lit(None, HOUR_TYPE),
        recovery=pl.lit(None, pl.Float64),
        lost_user_minutes=pl.lit(None, pl.Float64),
        is_accepted=pl.lit(None, pl.Boolean),
    )
    return dated(rows.filter(pl.col("at") >= emit_from), matrix, options.time_zone)


def dated(frame: pl.DataFrame, matrix: HourlyMatrix, time_zone: str) -> pl.DataFrame:
    """Rows with their hour and their day in the organisation's zone, in the columns of the table."""
    hour = hour_column(frame["at"].to_numpy().astype(np.int64) + matrix.first_hour)
    return frame.with_columns(hour, day=hour.dt.convert_time_zone(time_zone).dt.date()).select(
        [pl.col(name).cast(kind) for name, kind in EVIDENCE.polars_schema().items()]
    )
