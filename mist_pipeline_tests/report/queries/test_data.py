"""The frames of a report have the columns of the table definitions."""

from mist_pipeline.report.queries.data import REQUIRED_COLUMNS
from mist_pipeline.tables import BY_NAME


def test_every_column_that_the_report_reads_is_defined_in_a_table() -> None:
    for frame, columns in REQUIRED_COLUMNS.items():
        table = BY_NAME.get(f"history.{frame}") or BY_NAME.get(f"analysis.{frame}")
        if table is not None:
            assert columns <= set(table.column_names), frame
        else:
            assert frame in ("site_status", "past_incidents")  # computed from others, in no table
