"""Evidence of trouble: excess of degraded user-minutes over expectation, and how surprising it is, hour by hour.

Here: the loop over time that makes ``analysis.evidence`` from hourly history. Its parts are next door: arrays
(`hourly_matrix`), what is expected (`expectation`), tails (`tails`), windows (`windows`), load and silence
(`site_load`), peers (`peer_groups`), rows (`rows`), the state between runs (`state`). What deserves attention among the
evidence is chosen by `gates`.

Time is cut into blocks, the UTC days. Within a block the expectation stands still; when a block is complete it enters
the state. So a row of hour h depends on complete blocks before h and on hours up to h, never on later ones: computed
live, in a backfill of months, or anew from a stored state, it is the same row.

Ten days of a site with 3,000 user-minutes an hour, 3 % of them degraded; in the last hour half of them:

>>> from datetime import date, datetime
>>> hours = pl.datetime_range(datetime(2026, 3, 2), datetime(2026, 3, 11, 23), "1h", time_zone="UTC", eager=True)
>>> share = pl.Series([0.03] * 239 + [0.5])
>>> sle = pl.DataFrame({"hour": hours, "site_id": "a", "metric": "coverage", "state": "ok"}).with_columns(
...     score_pct=100 * (1 - share), total_user_minutes=3000.0, degraded_user_minutes=3000 * share
... )
>>> clients = pl.DataFrame({"hour": hours, "site_id": "a", "num_clients": 50, "num_aps": 4, "num_aps_connected": 4})
>>> sites = pl.DataFrame({"day": [date(2026, 3, 2)], "site_id": "a", "timezone": "UTC", "country_code": "DE",
...     "sitegroup_ids": [["north"]], "attributes": "{}"})
>>> parts = pl.DataFrame(schema={**sle.schema, "classifier": pl.String})
>>> run = evidence(sle, parts, clients, sites)
>>> run.rows.select("window_hours", pl.col("excess_pct").round(1), pl.col("surprise").round(1)).row(0)
(1, 47.0, 41.8)
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import chain

import numpy as np
import polars as pl

from mist_pipeline.analysis.evidence import expectation as expectations
from mist_pipeline.analysis.evidence import peer_groups, site_load, tails
from mist_pipeline.analysis.evidence.episodes import EpisodeTrack, follow
from mist_pipeline.analysis.evidence.hourly_matrix import BLOCK, HourlyMatrix, hourly_matrix
from mist_pipeline.analysis.evidence.past_week import PastWeek
from mist_pipeline.analysis.evidence.rows import KeptCells, PeerSurprise, site_rows
from mist_pipeline.analysis.evidence.state import EvidenceState
from mist_pipeline.analysis.evidence.windows import (
    LOOK_BACK,
    WINDOWS,
    BlockParameters,
    CellsApart,
    EvidenceOptions,
    Examples,
    PoolUpdate,
    WindowSums,
    accumulate,
    apart,
    apply_update,
    block_parameters,
    episode_hours,
    own_tail_at,
    window_sums,
)
from mist_pipeline.analysis.stats.arrays import Flags, Floats, Ints, Singles
from mist_pipeline.analysis.stats.local_time import hour_column, hour_number, local_time, site_zones
from mist_pipeline.analysis.stats.site_attributes import memberships
from mist_pipeline.tables.analysis import EVIDENCE

__all__ = [
    "LOOK_BACK", "WINDOWS", "EvidenceOptions", "EvidenceRun", "EvidenceState", "PastWeek", "evidence", "past_week_of",
]  # fmt: skip

_CHUNK = 1024
_KEPT_CHUNKS = 100
"""What is learnt from so many chunks (2 MB each) waits in memory for the end of their block; of more it is made again."""
_HOLD_SURPRISE, _HOLD_PCT = 4.0, 3.0
_CEILING = 4.0


@dataclass(frozen=True)
class EvidenceRun:
    """What a run found and what the next one needs.

    Attributes:
        rows: ``analysis.evidence``, sorted by its key; columns of that table.
        state: To be passed to the next run, which needs history from `LOOK_BACK` hours before ``state.next_hour`` on.
    """

    rows: pl.DataFrame
    state: EvidenceState


def evidence(
    sle_hourly: pl.DataFrame,
    classifiers_hourly: pl.DataFrame,
    site_hourly: pl.DataFrame,
    sites: pl.DataFrame,
    *,
    from_hour: datetime | None = None,
    until_hour: datetime | None = None,
    state: EvidenceState | PastWeek | None = None,
    options: EvidenceOptions | None = None,
) -> EvidenceRun:
    """Notable evidence of the hours from `from_hour` to before `until_hour`.

    Args:
        sle_hourly: ``history.sle_hourly``, from `LOOK_BACK` hours before ``state.next_hour`` (without a state: from the
            first hour of history) up to `until_hour`.
        classifiers_hourly: ``history.classifiers_hourly``, the same hours.
        site_hourly: ``history.site_hourly``, the same hours.
        sites: ``history.sites`` (``timezone`` and what sites share); of several days of a site the newest up to the block counts, else the first.
        from_hour: First hour that gives rows; default the first that can.
        until_hour: The hour after the last; default the hour after the last reading.
        state: What an earlier run returned; None begins with nothing. With the `LOOK_BACK` hours before its end (`past_week_of`)
            the frames hold later hours alone.
        options: See `EvidenceOptions`.

    Raises:
        ValueError: The state begins after `from_hour`, or is for other windows, or a time zone is unknown.
    """
    options = options or EvidenceOptions()
    past, state = (state, state.state) if isinstance(state, PastWeek) else (None, state)
    span = _span(sle_hourly, site_hourly, state, until_hour, is_known=past is not None)
    if span is None:
        return EvidenceRun(EVIDENCE.empty(), state or EvidenceState.empty(0, options.windows))
    first, end = span
    emit_from = first if from_hour is None else hour_number(from_hour)
    if emit_from < first and state is not None:
        raise ValueError(
            f"evidence: rows from {from_hour} need a state from before it; the given one already holds all hours "
            f"before {hour_column(np.array([first]))[0]}: pass an older one, or none"
        )
    state = state or EvidenceState.empty(first, options.windows)
    if state.windows != options.windows:
        raise ValueError(
            f"evidence: the state is for windows {state.windows}, asked are {options.windows}; begin anew from history"
        )
    data = hourly_matrix(
        sle_hourly,
        classifiers_hourly,
        site_hourly,
        first_hour=first - LOOK_BACK if past is None else first,
        end_hour=end,
        known_series=state.series,
        known_sites=state.loads.site_ids,
    )
    data = data if past is None else past.hours.followed_by(data)
    state = state.aligned(data.series, data.site_ids)
    loop = _BlockLoop(data, sites, options, emit_from - data.first_hour, state)
    rows = [EVIDENCE.empty(), *loop.blocks(first - data.first_hour, end - data.first_hour)]
    return EvidenceRun(pl.concat(rows).sort(EVIDENCE.key), state)


def past_week_of(
    sle_hourly: pl.DataFrame,
    classifiers_hourly: pl.DataFrame,
    site_hourly: pl.DataFrame,
    state: EvidenceState,
) -> PastWeek:
    """A state with the hours before its end, of which evidence of later hours is made without reading them again.

    Args:
        sle_hourly: As for `evidence`: from `LOOK_BACK` hours before ``state.next_hour`` on; later hours are left out.
        classifiers_hourly: The same hours.
        site_hourly: The same hours.
        state: What an earlier run returned.
    """
    hours = hourly_matrix(
        sle_hourly,
        classifiers_hourly,
        site_hourly,
        first_hour=state.next_hour - LOOK_BACK,
        end_hour=state.next_hour,
        known_series=state.series,
        known_sites=state.loads.site_ids,
    )
    return PastWeek(state.aligned(hours.series, hours.site_ids), hours)


def _span(
    sle_hourly: pl.DataFrame,
    site_hourly: pl.DataFrame,
    state: EvidenceState | None,
    until_hour: datetime | None,
    *,
    is_known: bool,
) -> tuple[int, int] | None:
    """First hour of the loop (a block's first) and the hour after the last; None without any hour, unless those before are known."""
    if is_known and state is not None and until_hour is not None:
        end = hour_number(until_hour)
        return (state.next_hour, end) if end > state.next_hour else None
    hours = pl.concat([sle_hourly["hour"], site_hourly["hour"]])
    lowest, highest = hours.min(), hours.max()
    if not isinstance(lowest, datetime) or not isinstance(highest, datetime):
        return None
    knows = state is not None and state.next_hour
    first = state.next_hour if state is not None and knows else hour_number(lowest) // BLOCK * BLOCK
    end = hour_number(highest) + 1 if until_hour is None else hour_number(until_hour)
    return (first, end) if end > first else None


class _BlockLoop:
    """One pass over the blocks of a matrix; every complete one enters the state."""

    def __init__(
        self,
        data: HourlyMatrix,
        sites: pl.DataFrame,
        options: EvidenceOptions,
        emit_from: int,
        state: EvidenceState,
    ) -> None:
        self.data = data
        self.sites = sites.sort("site_id", "day")
        self.options = options
        self.emit_from = emit_from
        self.state = state
        self.described = pl.DataFrame()
        self.members: peer_groups.Membership | None = None
        zones = site_zones(self.sites, pl.Series(data.site_ids, dtype=pl.String))
        zone_of = dict(zip(zones["site_id"], zones["zone"], strict=True))
        self.local = local_time(zone_of, data.site_ids, data.first_hour, data.hours)
        self.zone_bins = expectations.shape_bins(self.local.hour_of_week)
        self.zone_of_series = self.local.zone_of[data.site_of]
        self.pool = state.pool_of_series()
        self.tail = state.tail_of_pool()
        self.group_tail = state.tail_of_pool("-group")

    def blocks(self, first: int, end: int) -> Iterator[pl.DataFrame]:
        """Rows block by block."""
        for begin in range(first, end, BLOCK):
            yield self._block(begin, min(begin + BLOCK, end))

    def _block(self, begin: int, stop: int) -> pl.DataFrame:
        closes = stop - begin == BLOCK
        parameters = block_parameters(self.state, self.pool)
        update = PoolUpdate.empty(self.state)
        lines = self.data.series.height
        kept = KeptCells(self.options, self.emit_from)
        shared = [window for window in peer_groups.GROUP_WINDOWS if window in self.options.windows]
        standardised = {w: np.full((lines, stop - begin), np.nan, np.float32) for w in shared}
        held, is_quiet = np.zeros(lines, np.bool_), np.zeros(lines, np.bool_)
        ceiling, of_day = np.zeros(lines), np.zeros(lines)
        chunks = [slice(low, min(low + _CHUNK, lines)) for low in range(0, lines, _CHUNK)]
        windows_of = partial(self._windows, parameters=parameters, begin=begin, stop=stop)
        learnt: list[list[CellsApart]] = []
        for chunk in chunks:
            windows, low = windows_of(chunk), chunk.start
            if closes and len(learnt) < _KEPT_CHUNKS:
                learnt.append(_cells_apart(windows))
            pool = self.pool[chunk]
            surprises = [self._surprise(window, chunk, pool, parameters) for window in windows]
            tracks = self._episodes(windows, surprises, chunk, begin, closes=closes)
            is_quiet[chunk] = ~np.any([track.is_followed.any(axis=1) for track in tracks], axis=0)
            for window, surprise in zip(windows, surprises, strict=True):
                kept.collect(window, surprise, tracks, low, begin, self.data.first_hour + begin)
                if window.hours in standardised:
                    z = (window.observed - window.mean) / np.sqrt(window.variance)
                    standardised[window.hours][chunk] = np.where(window.is_tested, z, np.nan)
                if closes:
                    if window.hours == BLOCK:
                        every = np.arange(window.mean.shape[0])
                        of_day[chunk] = window.excess_pct(every, np.full(every.size, BLOCK - 1))
                        ceiling[chunk] = window.mean[:, -1] + _CEILING * np.sqrt(window.variance[:, -1])
                    if window.hours >= BLOCK:
                        worst = np.nonzero(surprise[:, -1] >= _HOLD_SURPRISE)[0]
                        last = np.full(worst.size, BLOCK - 1)
                        held[low + worst] |= window.excess_pct(worst, last) >= _HOLD_PCT
        from_peers = self._peer_surprise(standardised, parameters, update, begin, stop, closes=closes)
        own = kept.rows(self.data, self.state.baselines.days, from_peers, begin)
        rows = pl.concat([own, *self._site_rows(begin, stop, closes=closes)])
        if closes:
            is_own = ~peer_groups.shared_excess(standardised, from_peers.surprise)
            examples = Examples(is_own, is_quiet, parameters.stretch)
            self._learn(
                update,
                chunks,
                chain(learnt, map(_cells_apart, map(windows_of, chunks[len(learnt) :]))),
                examples,
            )
            at_end = peer_groups.shared_excess(standardised, from_peers.surprise, at_end_of=BLOCK)
            held |= at_end & (of_day >= _HOLD_PCT)
            self._close(update, held, ceiling, begin)
        return rows

    def _learn(
        self, update: PoolUpdate, chunks: list[slice], learnt: Iterable[list[CellsApart]], examples: Examples
    ) -> None:
        """Let what a complete block taught of each chunk of series enter the update of the pools, and their own spread."""
        for chunk, windows in zip(chunks, learnt, strict=True):
            for cells in windows:
                accumulate(self.state, update, cells, chunk, self.pool[chunk], self.tail, examples)

    def _windows(self, chunk: slice, parameters: BlockParameters, begin: int, stop: int) -> list[WindowSums]:
        """All windows of some series in this block."""
        bins = self.zone_bins[self.zone_of_series[chunk], begin - LOOK_BACK : stop]
        return list(window_sums(self.data, chunk, bins, self.pool[chunk], parameters, self.options, begin))

    def _surprise(self, window: WindowSums, chunk: slice, pool: Ints, parameters: BlockParameters) -> Floats:
        """Calibrated surprises of one window of some series."""
        i = self.options.windows.index(window.hours)
        surprise = np.zeros_like(window.nominal)
        line, at = np.nonzero(window.nominal)
        pooled = tails.calibrated(window.nominal[line, at], parameters.stretch[self.tail[pool[line]], i])
        own = parameters.tails[chunk, own_tail_at(window.hours)]
        surprise[line, at] = tails.with_own_tail(pooled, own[line])
        return surprise

    def _episodes(
        self, windows: list[WindowSums], surprises: list[Floats], chunk: slice, begin: int, *, closes: bool
    ) -> tuple[EpisodeTrack, EpisodeTrack]:
        """Episodes of some series in this block, against the fast and against the lagged expectation."""
        state = self.state.episodes.of(chunk)
        first_hour = self.data.first_hour + begin
        fast, slow = (
            follow(state, hours, column, first_hour)
            for column, hours in enumerate(episode_hours(windows, surprises, self.options))
        )
        if closes:
            self.state.episodes.put(chunk, state)
        return fast, slow

    def _peer_surprise(
        self,
        standardised: dict[int, Singles],
        parameters: BlockParameters,
        update: PoolUpdate,
        begin: int,
        stop: int,
        *,
        closes: bool,
    ) -> PeerSurprise:
        """The largest surprise of the groups of every series in this block, from its first hour on that gives rows."""
        members = self._members_at(stop)
        # A complete block learns from all of its hours; of one that goes on those before the first row say nothing.
        first = 0 if closes else min(max(self.emit_from - begin, 0), stop - begin)
        largest: dict[int, Floats] = {}
        group: dict[int, Ints] = {}
        for window, z in standardised.items():
            nominal, is_enough = peer_groups.group_surprise(z[:, first:], members)
            i = self.options.windows.index(window)
            tail = self.group_tail[members.pool]
            surprise = tails.calibrated(nominal, parameters.stretch[tail, i][:, None, :])
            largest[window], group[window] = np.zeros(z.shape), np.full(z.shape, -1, np.int64)
            best = peer_groups.best_group(surprise, members, z.shape[0])
            largest[window][:, first:], group[window][:, first:] = best
            if closes:
                columns = apart(window)
                cells = is_enough[:, columns]
                of_cell = tail[np.nonzero(cells)[0]]
                update.counts[:, i] += tails.tail_counts(
                    nominal[:, columns][cells], of_cell, update.counts.shape[0]
                )
        return PeerSurprise(largest, group, members.group_ids)

    def _members_at(self, stop: int) -> peer_groups.Membership:
        """Who are peers in a block, by the newest row of each site up to the block's last hour, else its first."""
        if self.members is None or self.sites.height > self.sites["site_id"].n_unique():
            last_hour = hour_column(np.array([self.data.first_hour + stop - 1]))
            day = last_hour.dt.convert_time_zone(self.options.time_zone).dt.date()[0]
            known = self.sites.filter(pl.col("day") <= day).group_by("site_id", maintain_order=True).last()
            later = (
                self.sites.join(known, on="site_id", how="anti")
                .group_by("site_id", maintain_order=True)
                .first()
            )
            described = pl.concat([known, later])
            # Most days describe the sites as the day before did.
            if self.members is None or not described.drop("day").equals(self.described):
                self.described = described.drop("day")
                self.members = peer_groups.membership(
                    memberships(described), self.data.site_ids, self.data.site_of, self.pool
                )
        return self.members

    def _site_rows(self, begin: int, stop: int, *, closes: bool) -> list[pl.DataFrame]:
        """Rows of the pseudo-metrics silence and load."""
        loads, windows = self.state.loads, self.options.windows
        days = loads.days.copy()
        silent = site_load.silence_evidence(self.data, self.local, loads, windows, begin, stop)
        loaded = site_load.load_evidence(self.data, self.local, loads, windows, begin, stop, closes=closes)
        return [
            site_rows(frame, metric, self.data, days, self.options, self.emit_from)
            for frame, metric in ((silent, site_load.SILENCE), (loaded, site_load.LOAD))
            if frame.height
        ]

    def _close(self, update: PoolUpdate, held: Flags, ceiling: Floats, begin: int) -> None:
        """Let the complete block enter the state."""
        apply_update(self.state, update)
        self.state.baselines.hold(held)
        block = slice(begin, begin + BLOCK)
        bins = self.zone_bins[self.zone_of_series, block]
        expectations.absorb(
            self.state.baselines, self.data.observed[:, block], self.data.exposure[:, block], bins, ceiling
        )
        if self.state.baselines.is_accepted_now.any():
            week = slice(begin + BLOCK - LOOK_BACK, begin + BLOCK)
            bins = self.zone_bins[self.zone_of_series, week]
            self.state.baselines.accept(self.data.observed[:, week], self.data.exposure[:, week], bins)
            self.state.episodes.accept(self.state.baselines.is_accepted_now)
        self.state.next_hour += BLOCK


def _cells_apart(windows: list[WindowSums]) -> list[CellsApart]:
    return [window.cells_apart() for window in windows]
