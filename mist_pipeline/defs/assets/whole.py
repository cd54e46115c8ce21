"""The check of what was asked of the cloud: is all of it there? Made by the asset itself, which alone knows what it did without.

A warning: what is missing is missing in the tables, and everything else goes on. Not here: checks of tables (``defs.checks``).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

NAME = "answers_are_whole"

_MOST_TOLD = 3


def whole_spec(asset: dg.AssetKey) -> dg.AssetCheckSpec:
    """The check of one asset."""
    return dg.AssetCheckSpec(
        NAME, asset=asset, description="Everything that was asked was answered, and all of it could be read."
    )


def is_whole(
    asset: dg.AssetKey, missing: Sequence[str], days: Mapping[str, Any] | None = None
) -> dg.AssetCheckResult:
    """Its result.

    Args:
        asset: The asset.
        missing: What is missing, in words.
        days: Which days it is about (`about_days`), of an asset that is kept by day.
    """
    more = f" (and {len(missing) - _MOST_TOLD} more)" if len(missing) > _MOST_TOLD else ""
    return dg.AssetCheckResult(
        asset_key=asset,
        check_name=NAME,
        passed=not missing,
        severity=dg.AssetCheckSeverity.WARN,
        description=" ".join(missing[:_MOST_TOLD]) + more or None,
        metadata={"missing": dg.MetadataValue.json(list(missing)), **(days or {})},
    )
