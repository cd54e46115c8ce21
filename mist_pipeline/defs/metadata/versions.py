"""The version of the code that makes an asset: Dagster marks what an earlier version made.

It is made from the source of the rooms that decide over the rows, so nobody has to remember to raise it; a wheel has the same
as its checkout. Not here: versions of stored data (migrations).
"""

from mist_pipeline.workflows.code_digest import code_digest

ROOMS: dict[str, tuple[str, ...]] = {
    "raw": ("mist", "collect/fetch", "collect/raw"),
    "history": ("mist/parsers", "collect/history", "workflows/collection", "tables"),
    "analysis": ("analysis", "workflows/analysis", "tables"),
    "live": ("mist/parsers", "collect", "analysis", "workflows/collection", "workflows/analysis", "tables"),
    "alerts": ("alerts/ledger", "tables"),
    "scorecard": ("scorecard", "workflows/scorecard", "tables"),
    "published": ("warehouse", "tables"),
    "report": ("report", "charts"),
}
"""First part of an asset's key → the rooms whose code makes it."""


def code_version(layer: str) -> str:
    """The version of the code that makes the assets of a layer.

    >>> code_version("analysis") == code_version("history")
    False
    """
    return code_digest(*ROOMS[layer])
