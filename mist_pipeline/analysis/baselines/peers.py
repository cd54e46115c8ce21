"""Peers of a site, and what is normal among them: where a new site borrows its first baseline.

Here: who is whose peer, pooling of mature baselines, blending them into young ones. Not here: baselines themselves
(`daily`), which calls this.

>>> from datetime import date
>>> sites = pl.DataFrame({
...     "day": [date(2026, 3, 1)], "site_id": ["a"], "sitegroup_ids": [["north"]], "attributes": ['{"num_aps": 12}'],
... })
>>> peer_circles(sites).filter(pl.col("width") > 0).select("width", "circle").rows()  # size class 1: 5 to 19 APs
[(1, '1'), (2, '')]
"""

import polars as pl

SIZE_EDGES = (5, 20, 100)
"""APs at which a site belongs to the next class of size."""

MIN_PEERS = 3
"""Fewer mature peers than this say nothing; the next wider circle is asked."""

_STATISTICS = ("mean_pct", "median_pct")
_SPREADS = ("std_pct", "mad_pct", "low_side_std_pct")


def peer_circles(sites: pl.DataFrame) -> pl.DataFrame:
    """The circles that a site belongs to, narrow ones first.

    Args:
        sites: `history.sites`: day, site_id, sitegroup_ids, attributes (JSON with ``num_aps``).

    Returns:
        day, site_id, width (0: same group and size, 1: same size, 2: everybody), circle. A site of several groups has
        several circles of width 0. A site of unknown size is a peer of those of unknown size.
    """
    aps = pl.col("attributes").str.json_path_match("$.num_aps").cast(pl.Float64, strict=False)
    size = (
        pl.when(aps.is_null())
        .then(pl.lit("unknown"))
        .otherwise(pl.sum_horizontal(*((aps >= edge).cast(pl.Int64) for edge in SIZE_EDGES)).cast(pl.String))
    )
    known = sites.select("day", "site_id", group="sitegroup_ids", size=size)
    grouped = known.explode("group", empty_as_null=True).filter(pl.col("group").is_not_null())
    columns = ("day", "site_id", "width", "circle")
    return pl.concat(
        [
            grouped.with_columns(width=0, circle=pl.concat_str("group", "size", separator="\x1f")).select(
                columns
            ),
            known.with_columns(width=1, circle=pl.col("size")).select(columns),
            known.with_columns(width=2, circle=pl.lit("")).select(columns),
        ]
    ).with_columns(pl.col("width").cast(pl.Int64))


def pool_with_peers(
    baselines: pl.DataFrame, young: pl.DataFrame, circles: pl.DataFrame, min_days: pl.Expr
) -> pl.DataFrame:
    """Baselines of young series, blended with those of their mature peers.

    Each statistic is λ · own + (1 − λ) · peers with λ = n ÷ the days that maturity needs. The peers' level is the mean
    (weighted by user-minutes) of their means and the median of their medians; their spread holds, beside the mean of
    their variances, the variance between them: a new site may be any of them.

    Args:
        baselines: Rows of every series as `baselines` makes them, with ``n_all`` (days of the whole window).
        young: day, site_id, metric of the series to blend.
        circles: From `peer_circles`, of the same days.
        min_days: Days that a row of ``baselines`` needs to be mature.

    Returns:
        Rows as in ``baselines`` with ``is_pooled`` true, for each young series and day of the week for which the
        narrowest circle with at least `MIN_PEERS` mature peers has something to say.
    """
    row = ["day", "metric", "day_of_week"]
    mature = baselines.filter(pl.col("is_mature")).join(circles, on=["day", "site_id"])
    weight = pl.col("user_minutes").fill_null(1.0)
    pooled = (
        mature.group_by(*row, "width", "circle")
        .agg(
            num_peers=pl.col("site_id").n_unique(),
            peer_mean_pct=(pl.col("mean_pct") * weight).sum() / weight.sum(),
            peer_median_pct=pl.col("median_pct").median(),
            peer_user_minutes=pl.col("user_minutes").mean(),
            between=pl.col("mean_pct").var(),
            **{f"within_{name}": (pl.col(name) ** 2).mean() for name in _SPREADS},
        )
        .filter(pl.col("num_peers") >= MIN_PEERS)
    )
    nearest = (
        young.join(circles, on=["day", "site_id"])
        .join(pooled, on=["day", "metric", "width", "circle"])
        .sort("width", "num_peers", "circle", descending=[False, True, False])
        .unique([*row, "site_id"], keep="first", maintain_order=True)
    )
    own = pl.min_horizontal(pl.col("n").fill_null(0) / min_days, 1.0)
    blended = nearest.join(
        baselines, on=["day", "site_id", "metric", "day_of_week"], how="left"
    ).with_columns(own=own, n=pl.col("n").fill_null(0))
    levels = {name: _blend(pl.col(name), pl.col(f"peer_{name}")) for name in _STATISTICS}
    spreads = {
        # The MAD is in units of its own: a normal distribution's MAD is 0.6745 standard deviations.
        name: _blend(
            pl.col(name) ** 2,
            pl.col(f"within_{name}") + pl.col("between") * (0.6745**2 if name == "mad_pct" else 1.0),
        ).sqrt()
        for name in _SPREADS
    }
    return blended.with_columns(
        **levels,
        **spreads,
        user_minutes=pl.coalesce("user_minutes", "peer_user_minutes"),
        weekday_strength=pl.lit(None, pl.Float64),
        is_mature=pl.lit(value=False),
        is_pooled=pl.lit(value=True),
    ).select(baselines.columns)


def _blend(own: pl.Expr, peers: pl.Expr) -> pl.Expr:
    """λ · own + (1 − λ) · peers; the peers alone where there is nothing of one's own."""
    share = pl.when(own.is_null()).then(0.0).otherwise(pl.col("own"))
    return share * own.fill_null(0.0) + (1 - share) * peers
