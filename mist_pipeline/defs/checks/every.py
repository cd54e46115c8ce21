"""Every check of the project."""

from functools import cache

import dagster as dg

from mist_pipeline.defs.checks.analysis import analysis_checks
from mist_pipeline.defs.checks.history import history_checks
from mist_pipeline.defs.checks.rows import row_checks
from mist_pipeline.defs.scope import Scope
from mist_pipeline.tables import PUBLIC_TABLES


@cache
def all_checks(scope: Scope) -> tuple[dg.AssetChecksDefinition, ...]:
    """Those of the rows of every table, which block, and those of days, which warn."""
    return (
        *(row_checks(scope, table) for table in PUBLIC_TABLES),
        *history_checks(scope),
        *analysis_checks(scope),
    )
