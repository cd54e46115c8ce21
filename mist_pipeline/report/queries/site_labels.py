"""What sites are called in the report: one visible line of bounded length, unlike every other.

Names come from people and are hostile. ``domain.text.clean`` takes out what no renderer can show safely; escaping is
the renderer's work.
"""

import polars as pl

from mist_pipeline.domain.text import ID_LENGTH, clean

MAX_LENGTH = 48
"""Characters of a name that are shown in a row of the report."""


def with_labels(sites: pl.DataFrame) -> pl.DataFrame:
    """Add ``label``: what a site is called in a report.

    Args:
        sites: site_id and name (may be null), one row a site.

    Returns:
        The frame with label: the cleaned name; ``site 1a2b3c4d`` where nothing of it is left; with ``· 1a2b3c4d``
        behind it where several sites of the frame would read the same.
    """
    prefix = _cleaned(sites["site_id"]).str.slice(0, ID_LENGTH)
    named = sites.with_columns(label=_cleaned(sites["name"]))
    return named.with_columns(
        label=pl.when(pl.col("label") == "")
        .then(pl.format("site {}", prefix))
        .when(pl.len().over(pl.col("label").str.to_lowercase()) > 1)
        .then(pl.format("{} · {}", "label", prefix))
        .otherwise("label")
    )


def _cleaned(names: pl.Series) -> pl.Series:
    return pl.Series(names.name, [clean(name or "", MAX_LENGTH) for name in names.to_list()], dtype=pl.String)
