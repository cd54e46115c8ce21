"""The check of what was asked of the cloud: is all of it there? Made by the asset itself, which alone knows what it did without.

A warning: what is missing is missing in the tables, and everything else goes on. Not here: checks of tables (``defs.checks``).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

NAME = "answers_are_whole"

_MOST_TOLD = 3

LASTING = 3
"""So many polls in a row that lack something are no hiccup of the cloud any more, which the next poll makes good by itself."""

_IN_A_ROW = "lacking_in_a_row"


def whole_spec(asset: dg.AssetKey) -> dg.AssetCheckSpec:
    """The check of one asset."""
    return dg.AssetCheckSpec(
        NAME, asset=asset, description="Everything that was asked was answered, and all of it could be read."
    )


def is_whole(
    asset: dg.AssetKey,
    missing: Sequence[str],
    days: Mapping[str, Any] | None = None,
    *,
    before: int = LASTING,
) -> dg.AssetCheckResult:
    """Its result.

    Args:
        asset: The asset.
        missing: What is missing, in words.
        days: Which days it is about (`about_days`), of an asset that is kept by day.
        before: Results in a row before this one that lacked something (`lacking_in_a_row`), of what is asked again every few minutes;
            it fails only once that lasts.
    """
    in_a_row = before + 1 if missing else 0
    more = f" (and {len(missing) - _MOST_TOLD} more)" if len(missing) > _MOST_TOLD else ""
    return dg.AssetCheckResult(
        asset_key=asset,
        check_name=NAME,
        passed=in_a_row < LASTING,
        severity=dg.AssetCheckSeverity.WARN,
        description=" ".join(missing[:_MOST_TOLD]) + more or None,
        metadata={"missing": dg.MetadataValue.json(list(missing)), _IN_A_ROW: in_a_row, **(days or {})},
    )


def lacking_in_a_row(instance: dg.DagsterInstance, asset: dg.AssetKey) -> int:
    """How many results in a row lacked something, up to the newest one."""
    history = instance.event_log_storage.get_asset_check_execution_history(
        dg.AssetCheckKey(asset, NAME), limit=5
    )
    # A run plans its result before it comes; a plan says nothing.
    results = (record.evaluation for record in history)
    newest = next((result for result in results if isinstance(result, dg.AssetCheckEvaluation)), None)
    counted = newest.metadata.get(_IN_A_ROW) if newest is not None else None
    return counted.value if isinstance(counted, dg.IntMetadataValue) and counted.value is not None else 0
