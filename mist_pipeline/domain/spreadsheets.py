"""Text in CSV that strangers typed: a spreadsheet computes what looks like a formula.

>>> [without_formula(text) for text in ("=1+1", " @SUM(A1)", "-12.5", "−3", "Bonn")]
["'=1+1", "' @SUM(A1)", '-12.5', '−3', 'Bonn']
"""

import re

FORMULA = r"^\s*[=+\-@＝＋－＠]"
"""What begins so is one, in the syntax of Python and of Rust, unless it is a `NUMBER`."""

NUMBER = r"^[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$"


def without_formula(text: str) -> str:
    """The text, with an apostrophe before it where a spreadsheet would compute it."""
    return f"'{text}" if re.search(FORMULA, text) and not re.search(NUMBER, text) else text
