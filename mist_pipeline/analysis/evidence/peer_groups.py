"""Evidence that small sites have only together: peers that share something, tested as one.

Here: which series are peers, and how surprising it is that many of them have a little too much at once. Not here: the
sites' own evidence (`windows`), who shares what (``stats.site_attributes``), and naming a cause (``causes.candidates``).

The statistic is Stouffer's sum of standardised excesses, Z = (Σz − max z) / √(n' + ρn'²) with n' = n − 1, each z cut to
[−2, 4]. Leaving the largest out keeps one bad site from accusing its peers; ρ allows for what all sites share on any
day (weather, a holiday, a lagging baseline), which a thousand peers would otherwise add up to certainty. What
hits a group hits most of it: where less than half of the others have a part (z ≥ 1), Z counts for as much less, so that two
bad sites of ten do not accuse the rest.

Five sites of one group, one hour, each two standard deviations above its expectation (series × hours):

>>> shared = pl.DataFrame({"site_id": list("abcde"), "attribute": "site_group", "value": "north"})
>>> members = membership(shared, list("abcde"), np.arange(5), np.zeros(5, np.int64))
>>> surprise, is_enough = group_surprise(np.full((5, 1), 2.0, np.float32), members)
>>> members.group_ids, surprise.round(1).tolist(), is_enough.tolist()
(['organisation:all', 'site_group:north'], [[3.9], [3.9]], [[True], [True]])
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy import special

from mist_pipeline.analysis.evidence import tails
from mist_pipeline.analysis.stats.arrays import Flags, Floats, Ints, Singles

GROUP_WINDOWS = (2, 6, 24)
MIN_PEERS = 3
PEER_ATTRIBUTES = ("site_group", "country", "gateway", "template", "firmware_of_model", "model")
"""What makes sites peers: attributes by which they depend on the same thing."""
EVERYBODY = "organisation:all"
"""The group of all sites: a certificate or a server of all of them."""
_SHARED = 0.05
_TOGETHER_FROM, _PART_FROM = 4.0, 1.0
_MOST = 0.5
_LOW, _HIGH = -2.0, 4.0
_LN10 = float(np.log(10.0))


@dataclass(frozen=True)
class Membership:
    """Lines of series by group; one entry for each (group, series).

    Attributes:
        group_ids: Names of the groups, sorted.
        line: Position of the series, ordered by group, then by pool, then by site.
        start: Where each (group, pool) begins in `line`.
        group: Group of each (group, pool).
        pool: Pool of each (group, pool).
        by_line: The entries, ordered by series.
        line_start: Where each series begins in `by_line`.
    """

    group_ids: list[str]
    line: Ints
    start: Ints
    group: Ints
    pool: Ints
    by_line: Ints
    line_start: Ints


def membership(shared: pl.DataFrame, site_ids: list[str], site_of: Ints, pool_of: Ints) -> Membership:
    """Which series are peers: the same metric and classifier at sites that share an attribute.

    Args:
        shared: ``site_id``, ``attribute``, ``value``, as `shared_attributes.memberships` gives them.
        site_ids: Order of the sites.
        site_of: Site of each series.
        pool_of: Pool of each series.
    """
    place = pl.DataFrame(
        {"site_id": site_ids, "site": range(len(site_ids))}, schema={"site_id": pl.String, "site": pl.Int64}
    )
    pairs = pl.concat(
        [
            shared.filter(pl.col("attribute").is_in(PEER_ATTRIBUTES))
            .select("site_id", group=pl.concat_str("attribute", "value", separator=":"))
            .unique()
            .join(place, on="site_id"),
            place.select("site_id", pl.lit(EVERYBODY).alias("group"), "site"),
        ]
    )
    series = pl.DataFrame({"site": site_of, "pool": pool_of}).with_row_index("line")
    pairs = pairs.join(series.select("site"), on="site", how="semi")
    # Groups are numbered in the order of their names: there are many more members than groups, and texts are slow to sort.
    group_ids = pairs["group"].unique().sort()
    number = pairs["group"].cast(pl.Enum(group_ids)).to_physical().cast(pl.Int64)
    members = pairs.select("site", number=number).join(series, on="site").sort("number", "pool", "line")
    runs = (
        members.with_row_index("start")
        .group_by("number", "pool", maintain_order=True)
        .agg(pl.col("start").first())
    )
    line = members["line"].to_numpy().astype(np.int64)
    by_line = np.argsort(line, kind="stable")
    return Membership(
        group_ids=group_ids.to_list(),
        line=line,
        start=runs["start"].to_numpy().astype(np.int64),
        group=runs["number"].to_numpy().astype(np.int64),
        pool=runs["pool"].to_numpy().astype(np.int64),
        by_line=by_line,
        line_start=np.nonzero(np.diff(line[by_line], prepend=-1))[0],
    )


def group_surprise(standardised: Singles, members: Membership) -> tuple[Floats, Flags]:
    """Nominal surprise of each (group, pool) in each hour, and where there are enough peers to say.

    Args:
        standardised: Excess over its standard deviation, series × hours; NaN where a series cannot be tested.
        members: From `membership`.
    """
    shape = (members.start.size, standardised.shape[1])
    nominal, is_enough = np.zeros(shape), np.zeros(shape, np.bool_)
    if members.line.size == 0:
        return nominal, is_enough
    # Hour by hour: what is summed then lies side by side, and memory is bounded by the series of one hour.
    for hour in range(shape[1]):
        z = standardised[:, hour].astype(np.float64)
        is_known = ~np.isnan(z)
        clipped = np.clip(z, _LOW, _HIGH)
        count = np.add.reduceat(is_known.astype(np.float64)[members.line], members.start)
        largest = np.maximum.reduceat(np.where(is_known, clipped, _LOW)[members.line], members.start)
        everything = np.add.reduceat(np.where(is_known, clipped, 0.0)[members.line], members.start)
        others = np.maximum(count - 1.0, 1.0)
        total = (everything - largest) / np.sqrt(others + _SHARED * others**2)
        parts = np.add.reduceat(
            (is_known & (clipped >= _PART_FROM)).astype(np.float64)[members.line], members.start
        )
        total *= np.clip((parts - 1.0) / others / _MOST, 0.0, 1.0)
        is_enough[:, hour] = count >= MIN_PEERS
        is_told = is_enough[:, hour] & (total > 0)
        nominal[:, hour] = np.where(is_told, np.maximum(-special.log_ndtr(-total) / _LN10, 0.0), 0.0)
    return np.minimum(nominal, tails.MAX_SURPRISE), is_enough


def best_group(surprise: Floats, members: Membership, lines: int) -> tuple[Floats, Ints]:
    """For every series and hour the largest surprise among its groups, and which group that is (−1 for none)."""
    best = np.zeros((lines, surprise.shape[1]))
    who = np.full((lines, surprise.shape[1]), -1, np.int64)
    if members.line.size:
        sizes = np.diff(np.append(members.start, members.line.size))
        run = np.repeat(np.arange(members.start.size), sizes)
        run_by_line = run[members.by_line]
        lines_in_groups = members.line[members.by_line[members.line_start]]
        for hour in range(surprise.shape[1]):
            of_run = surprise[:, hour].copy()
            largest = np.zeros(lines)
            of_line = np.maximum.reduceat(of_run[run_by_line], members.line_start)
            largest[lines_in_groups] = np.maximum(of_line, 0.0)
            mine = of_run[run]
            entry = np.flatnonzero((mine == largest[members.line]) & (mine > 0))
            best[:, hour] = largest
            who[members.line[entry], hour] = members.group[run[entry]]
    return best, who


def shared_excess(
    standardised: Mapping[int, Singles], surprise: Mapping[int, Floats], *, at_end_of: int | None = None
) -> Flags:
    """Series that take part in an excess that one of their groups has at once: it is no noise of theirs.

    Args:
        standardised: Standardised excesses by window, series × hours of a block; NaN where a series cannot be tested.
        surprise: The largest surprise of its groups, the same shape.
        at_end_of: Only by this window, and only where the block ends.
    """
    found = np.zeros(next(iter(standardised.values())).shape[0] if standardised else 0, np.bool_)
    for window, z in standardised.items():
        together = (surprise[window] >= _TOGETHER_FROM) & (z >= _PART_FROM)
        if at_end_of is None:
            found |= together.any(axis=1)
        elif window == at_end_of:
            found |= together[:, -1]
    return found
