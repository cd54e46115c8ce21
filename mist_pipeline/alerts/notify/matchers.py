"""Matchers on labels, as in Alertmanager: ``=``, ``!=``, ``=~``, ``!~``.

Here: writing, reading and applying matchers. Semantics are those of
https://prometheus.io/docs/alerting/latest/configuration/#matcher: a label that is not there is empty, a regular
expression must match the whole value. A label may have several values here (a site is in several groups): ``=`` and
``=~`` hold if one value matches, ``!=`` and ``!~`` if none does. Expressions are RE2's, as Alertmanager's are: whatever the
expression and the value, a match takes time in proportion to both. Python's take 42 s for ``(a+)+b`` and thirty letters.

Not here: where the labels of an alert come from (`silences`).

>>> matchers = parse_matchers('site_group="North",severity=~"major|critical"')
>>> all_match(matchers, {"site_group": ("North", "Stores"), "severity": ("major",)})
True
>>> all_match(matchers, {"site_group": ("South",), "severity": ("major",)})
False
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal, TypeAlias

from mist_pipeline.domain.text import clipped

if TYPE_CHECKING:
    import re2

Labels: TypeAlias = Mapping[str, tuple[str, ...]]
Operator: TypeAlias = Literal["=", "!=", "=~", "!~"]

LABELS = (
    "site", "site_id", "site_group", "country", "model", "firmware", "template", "family", "metric", "kind", "severity",
    "classifier", "scope",
)  # fmt: skip
"""Every label that an alert has (`silences.alert_labels`)."""

_MATCHER = re.compile(
    r"""\s*(?P<label>[A-Za-z_][A-Za-z0-9_]*)\s*(?P<operator>=~|!~|!=|=)\s*
    (?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<bare>[^\s",{}]*))\s*""",
    re.VERBOSE,
)
_MOST_MEMORY = 64 << 20
"""Of one expression: the ids of 3,000 sites need 16 MB. A longer one is refused."""

_ESCAPES = {"n": "\n", "t": "\t", '"': '"', "\\": "\\"}


@dataclass(frozen=True)
class Matcher:
    """One condition on one label.

    Raises:
        ValueError: The operator is unknown, or the regular expression is none.
    """

    label: str
    operator: Operator
    value: str

    def __post_init__(self) -> None:
        if self.operator not in {"=", "!=", "=~", "!~"}:
            raise ValueError(f"matcher {self.label}: {self.operator!r} is none of = != =~ !~")
        if self.operator in {"=~", "!~"}:
            _ = self._expression

    def __str__(self) -> str:
        escaped = (
            self.value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
        )
        return f'{self.label}{self.operator}"{escaped}"'

    @cached_property
    def _expression(self) -> re2._Regexp:
        # Loaded where there is an expression; most configurations have none.
        import re2

        options = re2.Options()
        options.log_errors = False
        options.max_mem = _MOST_MEMORY
        try:
            return re2.compile(self.value, options)
        except (re2.error, UnicodeEncodeError) as error:
            raise ValueError(
                f"matcher {self}: {self.value!r} is no regular expression: {_why(error, self.value)}"
            ) from None

    def matches(self, labels: Labels) -> bool:
        """Whether these labels fulfil it."""
        values = labels.get(self.label) or ("",)
        if self.operator in {"=", "!="}:
            found = self.value in values
        else:
            found = any(self._expression.fullmatch(_readable(value)) for value in values)
        return found == (self.operator in {"=", "=~"})


def _readable(value: str) -> str:
    """What RE2 can read: halves of characters, which some names hold, are none."""
    return value if value.isascii() else value.encode(errors="replace").decode()


def _why(error: Exception, expression: str) -> str:
    """What RE2 finds wrong, and where."""
    if isinstance(error, UnicodeEncodeError):
        return f"half a character at position {error.start + 1}"
    said = (
        error.args[0].decode(errors="replace")
        if error.args and isinstance(error.args[0], bytes)
        else str(error)
    )
    what, _, piece = said.partition(": ")
    at = expression.find(piece) if piece else -1
    place = f" at position {at + 1} ({clipped(piece, 40)!r})" if at >= 0 else ""
    hint = _NOT_IN_RE2 if piece.startswith(("(?=", "(?!", "(?<")) or re.match(r"\\\d", piece) else ""
    return f"{what}{place}{hint}"


_NOT_IN_RE2 = (
    "; looking ahead or behind and references back are not in RE2, write a second matcher with != or !~"
)


def all_match(matchers: Iterable[Matcher], labels: Labels) -> bool:
    """Whether labels fulfil every matcher; without any matcher they do."""
    return all(matcher.matches(labels) for matcher in matchers)


def parse_matchers(text: str) -> tuple[Matcher, ...]:
    """Read ``site_group="North",severity=~"major|critical"``, with or without braces; values may go unquoted.

    Raises:
        ValueError: Naming the place where it is no matcher.
    """
    body = text.strip()
    if body.startswith("{") and body.endswith("}"):
        body = body[1:-1]
    matchers: list[Matcher] = []
    position = 0
    while position < len(body):
        found = _MATCHER.match(body, position)
        end = found.end() if found else position
        if found is None or (end < len(body) and body[end] != ","):
            raise ValueError(
                f'no matcher at {body[position:]!r} of {text!r}; write label="value", also with !=, =~ or !~'
            )
        matchers.append(_matcher(found))
        position = end + 1
    if not matchers:
        raise ValueError(f"no matcher in {text!r}; an empty one would match everything")
    return tuple(matchers)


def _matcher(found: re.Match[str]) -> Matcher:
    quoted = found["quoted"]
    value = (
        found["bare"]
        if quoted is None
        else re.sub(r"\\(.)", lambda escape: _ESCAPES.get(escape[1], f"\\{escape[1]}"), quoted)
    )
    operators: dict[str, Operator] = {"=": "=", "!=": "!=", "=~": "=~", "!~": "!~"}
    return Matcher(found["label"], operators[found["operator"]], value)
