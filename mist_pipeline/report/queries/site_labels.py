"""What sites are called in the report (``domain.site_names``), as a column of a frame."""

import polars as pl

from mist_pipeline.domain.site_names import display_names


def with_labels(sites: pl.DataFrame) -> pl.DataFrame:
    """Add ``label``: what a site is called in a report.

    Args:
        sites: site_id and name (may be null), one row a site; all sites there are, since a name is only known to be
            shared among all of them.

    Returns:
        The frame with label.
    """
    labels = display_names(dict(sites.select("site_id", "name").iter_rows()))
    return sites.with_columns(
        label=pl.Series([labels[site_id] for site_id in sites["site_id"].to_list()], dtype=pl.String)
    )
