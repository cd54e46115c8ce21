"""Names of sites made fit for people: one line, of bounded length, visible, unlike every other.

Names come from people and are hostile: markup, line breaks, terminal escapes, text that reorders the line around it,
nothing at all. Escaping is the renderer's work; here goes what no renderer can show safely.
"""

import polars as pl

MAX_LENGTH = 48
"""Characters of a name that are shown."""

ID_LENGTH = 8
"""Characters of an id that stand for it."""

# Line, paragraph and control characters, and the spaces of all scripts, become one space.
_BREAKS = r"[\p{Cc}\p{Zl}\p{Zp}\p{Zs}]+"
# Direction marks and overrides, invisible characters, tags, unassigned and private ones; joiners inside words stay.
_INVISIBLE = (
    r"[\u{202A}-\u{202E}\u{2066}-\u{2069}\u{200E}\u{200F}\u{061C}\u{200B}\u{2060}-\u{2064}\u{FEFF}\u{00AD}"
    r"\u{E0000}-\u{E007F}\u{FFF9}-\u{FFFB}\p{Co}\p{Cn}]"
)
# More than two marks on one letter paint over the neighbouring lines.
_STACKED_MARKS = r"(\p{M}{2})\p{M}+"


def clean(name: pl.Expr) -> pl.Expr:
    """A name without anything that breaks, hides or reorders text; at most `MAX_LENGTH` characters, '' for null."""
    line = (
        name.fill_null("")
        .str.replace_all(_INVISIBLE, "")
        .str.replace_all(_BREAKS, " ")
        .str.replace_all(_STACKED_MARKS, "$1")
        .str.strip_chars(" ")
    )
    return (
        pl.when(line.str.len_chars() > MAX_LENGTH)
        .then(line.str.slice(0, MAX_LENGTH - 1).str.strip_chars_end(" ") + "…")
        .otherwise(line)
    )


def clean_text(text: str) -> str:
    """`clean` for a single string, without a limit of length."""
    frame = pl.DataFrame({"text": [text]}, schema={"text": pl.String})
    line: str = frame.select(
        pl.col("text").str.replace_all(_INVISIBLE, "").str.replace_all(_BREAKS, " ").str.strip_chars(" ")
    ).item()
    return line


def with_labels(sites: pl.DataFrame) -> pl.DataFrame:
    """Add ``label``: what a site is called in a report.

    Args:
        sites: site_id and name (may be null), one row a site.

    Returns:
        The frame with label: the cleaned name; ``site 1a2b3c4d`` where nothing of it is left; with ``· 1a2b3c4d``
        behind it where several sites of the frame would read the same.
    """
    prefix = clean(pl.col("site_id")).str.slice(0, ID_LENGTH)
    named = sites.with_columns(label=clean(pl.col("name")))
    return named.with_columns(
        label=pl.when(pl.col("label") == "")
        .then(pl.format("site {}", prefix))
        .when(pl.len().over(pl.col("label").str.to_lowercase()) > 1)
        .then(pl.format("{} · {}", "label", prefix))
        .otherwise("label")
    )
