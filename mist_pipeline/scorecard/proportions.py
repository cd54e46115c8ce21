"""Shares of few cases, with their uncertainty.

>>> frame = pl.DataFrame({"hits": [8, 0], "n": [10, 0]})
>>> low, high = wilson(pl.col("hits"), pl.col("n"))
>>> [round(value, 3) for value in frame.select(low, high).row(0)]
[0.49, 0.943]
>>> frame.select(low, high).row(1)
(None, None)
"""

import polars as pl

Z_95 = 1.959963984540054
"""Standard normal quantile of a two-sided 95 % interval."""


def wilson(successes: pl.Expr, n: pl.Expr) -> tuple[pl.Expr, pl.Expr]:
    """Ends of the 95 % score interval of a share (Wilson, *JASA* 22, 1927); null where n is 0.

    Args:
        successes: Cases that count, 0 … n.
        n: All cases.
    """
    cases = pl.when(n > 0).then(n.cast(pl.Float64))
    share = successes / cases
    shrunk = 1 + Z_95**2 / cases
    centre = (share + Z_95**2 / (2 * cases)) / shrunk
    half = Z_95 * (share * (1 - share) / cases + Z_95**2 / (4 * cases**2)).sqrt() / shrunk
    return (centre - half).clip(0.0, 1.0).alias("low"), (centre + half).clip(0.0, 1.0).alias("high")
