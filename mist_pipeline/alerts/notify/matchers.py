"""Matchers on labels, as in Alertmanager: ``=``, ``!=``, ``=~``, ``!~``.

Here: writing, reading and applying matchers. Semantics are those of
https://prometheus.io/docs/alerting/latest/configuration/#matcher: a label that is not there is empty, a regular
expression must match the whole value. A label may have several values here (a site is in several groups): ``=`` and
``=~`` hold if one value matches, ``!=`` and ``!~`` if none does. Expressions are Python's, not RE2's.

Not here: where the labels of an alert come from (`silences`).

>>> matchers = parse_matchers('site_group="North",severity=~"major|critical"')
>>> all_match(matchers, {"site_group": ("North", "Stores"), "severity": ("major",)})
True
>>> all_match(matchers, {"site_group": ("South",), "severity": ("major",)})
False
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, TypeAlias

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
        try:
            re.compile(self.value if self.operator in {"=~", "!~"} else "")
        except re.error as error:
            raise ValueError(f"matcher {self}: {self.value!r} is no regular expression: {error}") from None

    def __str__(self) -> str:
        escaped = (
            self.value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
        )
        return f'{self.label}{self.operator}"{escaped}"'

    @cached_property
    def _expression(self) -> re.Pattern[str]:
        return re.compile(self.value)

    def matches(self, labels: Labels) -> bool:
        """Whether these labels fulfil it."""
        values = labels.get(self.label) or ("",)
        if self.operator in {"=", "!="}:
            found = self.value in values
        else:
            found = any(self._expression.fullmatch(value) for value in values)
        return found == (self.operator in {"=", "=~"})


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
