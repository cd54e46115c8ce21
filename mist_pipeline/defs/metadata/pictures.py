"""Pictures for the metadata of assets: what people see in Dagster before they open anything."""

import base64

import dagster as dg
import polars as pl

from mist_pipeline.domain.palette import MIDTONE
from mist_pipeline.domain.severity import STATUSES


def sites_by_status(status: pl.DataFrame) -> dg.MetadataValue:
    """A bar a day: how many sites had which status.

    Args:
        status: day, site_id, status.
    """
    import altair as alt
    import vl_convert

    counts = status.group_by("day", "status").len("sites").sort("day", "status")
    rows = [{**row, "day": row["day"].isoformat()} for row in counts.iter_rows(named=True)]
    chart = (
        alt.Chart(alt.InlineData(values=rows), width=640, height=180, title="Sites by status")
        .mark_bar()
        .encode(
            x=alt.X("day:O", title=None, axis=alt.Axis(labelAngle=-60)),
            y=alt.Y("sites:Q", title=None),
            color=alt.Color(
                "status:N",
                title=None,
                scale=alt.Scale(
                    domain=list(STATUSES), range=[MIDTONE[status.lower()] for status in STATUSES]
                ),
            ),
        )
    )
    png = vl_convert.vegalite_to_png(chart.to_dict(), scale=1.5, allowed_base_urls=[])
    return dg.MetadataValue.md(f"![Sites by status](data:image/png;base64,{base64.b64encode(png).decode()})")
