"""The partitioned jobs by the layers of assets that they materialise; jobs are made and monitored by it."""

LAYERS = {
    "collect": ("raw", "history"),
    "analyse": ("analysis",),
    "report": ("alerts", "published", "report"),
}
"""Partitioned jobs by the layers that they materialise; ``daily`` is all of them."""
