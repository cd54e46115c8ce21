"""The partitioned jobs by the layers of assets that they materialise, and how many days one run takes.

Jobs are made, cut and monitored by it.
"""

LAYERS = {
    "collect": ("raw", "history"),
    "analyse": ("analysis", "scorecard"),
    "report": ("alerts", "published", "report"),
}
"""Partitioned jobs by the layers that they materialise; ``daily`` is all of them."""

DAYS_A_RUN = 120
"""Longest single run; a longer backfill is cut, so that memory stays bounded and progress is kept."""
