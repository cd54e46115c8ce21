"""The one palette: colours by role, for light and dark.

The report's page, its charts, pictures in mails and the incident page all take their colours from here. Names of
roles are those of the page's CSS variables: ``critical`` fills, ``critical-ink`` is text on a card, ``critical-tint`` is
behind text. Sizes and fonts are in ``charts.theme``, shapes are in the templates.

>>> LIGHT[role_of_severity("major")], LIGHT[role_of_severity("major") + "-ink"]
('#d4500f', '#a83c06')
"""

from collections.abc import Mapping

from mist_pipeline.domain.severity import status_of

LIGHT: Mapping[str, str] = {
    "bg": "#f7f6f3", "card": "#ffffff", "ink": "#18212b", "muted": "#5b6670", "line": "#e4e1da", "faint": "#f1efea",
    "link": "#0b5c8a",
    "critical": "#a8123e", "unhealthy": "#d4500f", "degraded": "#dfa000", "healthy": "#2b8f86",
    "healthy-soft": "#8cc4bd", "unknown": "#87919a", "info": "#5b8fb3",
    "critical-ink": "#9a0f38", "unhealthy-ink": "#a83c06", "degraded-ink": "#7a5800", "healthy-ink": "#1c6d66",
    "unknown-ink": "#5b6670", "info-ink": "#2f6184",
    "critical-tint": "#a8123e", "on-critical": "#ffffff", "unhealthy-tint": "#fbd9c4", "degraded-tint": "#fbeec4",
    "healthy-tint": "#e9f4f2",
    "series": "#1f5f99", "band-80": "#a9c8e4", "band-95": "#dce9f4", "usual": "#e3f1ef",
    "red": "#c1121f", "darkorange": "#d4660a", "orange": "#f2a33a",
    "red-ink": "#c1121f", "darkorange-ink": "#b5520a", "orange-ink": "#95630b",
    "h0": "#a8123e", "h1": "#d4500f", "h2": "#f2a65a", "h3": "#f9dc8f", "h4": "#d5e9d8", "h5": "#e9f4f2",
    "h-ink": "#18212b",
    "grid": "#e9e6df", "axis": "#c4c0b7",
    "part-0": "#1f5f99", "part-1": "#e0a03c", "part-2": "#4d9e93", "part-3": "#a3527f", "part-4": "#b4bcc4",
    "mail-bg": "#f3f2ee", "mail-line": "#ebe9e3", "button-line": "#c9d3da",
}  # fmt: skip

DARK: Mapping[str, str] = {
    "bg": "#0e1318", "card": "#161d24", "ink": "#e6ebef", "muted": "#98a5b0", "line": "#2a343d", "faint": "#1c242c",
    "link": "#7cc0ee",
    "critical": "#ff5678", "unhealthy": "#ff8b4a", "degraded": "#f0c04a", "healthy": "#45ada2",
    "healthy-soft": "#2c6863", "unknown": "#8d9aa5", "info": "#7fb2d6",
    "critical-ink": "#ff7f99", "unhealthy-ink": "#ffa06b", "degraded-ink": "#f0c04a", "healthy-ink": "#6fc7bd",
    "unknown-ink": "#98a5b0", "info-ink": "#9cc9e8",
    "critical-tint": "#c2204e", "on-critical": "#ffffff", "unhealthy-tint": "#5e2c12", "degraded-tint": "#463808",
    "healthy-tint": "#15302e",
    "series": "#6db6f2", "band-80": "#2f5f8a", "band-95": "#1d3a55", "usual": "#22403d", "grid": "#242e37", "axis": "#47535e",
    "part-0": "#4f9ddb", "part-1": "#d9a441", "part-2": "#3f9288", "part-3": "#c77fa8", "part-4": "#5d6b77",
    "red": "#ff5a5f", "darkorange": "#f08429", "orange": "#d9a441",
    "red-ink": "#ff6b70", "darkorange-ink": "#f08429", "orange-ink": "#e0b057",
    "h0": "#c2204e", "h1": "#b04a14", "h2": "#8a5a1c", "h3": "#5c4a12", "h4": "#1d3f35", "h5": "#15302e",
    "h-ink": "#e6ebef",
    "mail-bg": "#0e1318", "mail-line": "#2a343d", "button-line": "#3a4650",
}  # fmt: skip
"""As `LIGHT`, for the reports and the console; a picture in a mail cannot follow its reader, so it is always light."""

PAPER: Mapping[str, str] = {
    **LIGHT,
    "bg": "#fff", "card": "#fff", "ink": "#111", "muted": "#555", "line": "#d8d8d8", "faint": "#ececec", "link": "#111",
    "unknown-ink": "#555", "on-critical": "#fff", "h-ink": "#111",
}  # fmt: skip
"""As `LIGHT`, with black on white for printing."""

MIDTONE: Mapping[str, str] = {
    "critical": "#a50f3c",
    "unhealthy": "#d9510b",
    "degraded": "#e0a100",
    "healthy": "#8fc4bd",
    "unknown": "#8a919c",
}
"""Colours of statuses for a picture that is seen on light and on dark alike."""


def role_of_severity(severity: str | None) -> str:
    """The role of a severity's colour, which is that of its status in lower case."""
    return status_of(severity).lower()
