"""YAML as people write it: a value is what stands there, a key stands once, and aliases stay small.

Here: text in, plain values out (mappings, lists, texts, numbers, true, false, null). Not here: what the values mean, and
files (``settings``, ``delivery.rendering.remediation``).

YAML 1.1, as PyYAML reads it, turns ``0123`` into 83, ``12:30`` into 750 and ``NO`` into false, and an impossible date into a
Python error without a line. Here a number is only what would be written the same way again; everything else stays text, and
whoever needs a number, a switch or a date of it says so by the type of its key.

>>> read_yaml("{code: 007, country: NO, opens: 12:30, floor: 3, version: 1.10, day: 2026-02-30, on: true}")
{'code': '007', 'country': 'NO', 'opens': '12:30', 'floor': 3, 'version': '1.10', 'day': '2026-02-30', 'on': True}
>>> read_variable("Shop #12"), read_variable("off"), read_variable("3"), read_variable("[a, b]")
('Shop #12', 'off', 3, ['a', 'b'])
"""

import re
from typing import Any, TypeAlias

import yaml

_MOST_ADDED = 10_000
"""Values that all aliases of a document may add to those written: nine lines of aliases can stand for billions."""

_NULL = re.compile(r"~|null|Null|NULL|")
_SWITCH = re.compile(r"true|True|TRUE|false|False|FALSE")
_WHOLE = re.compile(r"0|-?[1-9][0-9]{0,17}")
_FRACTION = re.compile(r"(?=.{1,16}$)-?(0|[1-9][0-9]*)\.([0-9]*[1-9]|0)")

_TAG = "tag:yaml.org,2002:"
_RULES = (
    ("null", _NULL),
    ("bool", _SWITCH),
    ("int", _WHOLE),
    ("float", _FRACTION),
    ("merge", re.compile("<<")),
)

_Rule: TypeAlias = tuple[str, re.Pattern[str]]


class RefusedError(yaml.MarkedYAMLError):
    """A document that is YAML, and is not accepted; ``problem`` says why.

    Attributes:
        key: The key that it is about, which may be a secret pasted into the wrong place; '' for none.
    """

    def __init__(self, problem: str, mark: yaml.Mark | None = None, key: str = "") -> None:
        self.key = key
        super().__init__(problem=problem, problem_mark=mark)


class _Loader(yaml.SafeLoader):
    """PyYAML's loader with fewer kinds of values."""

    # Under None are rules for a text whatever it begins with; PyYAML matches from the begin only.
    yaml_implicit_resolvers: dict[str | None, list[_Rule]] = {  # noqa: RUF012 - declared so by PyYAML
        None: [(f"{_TAG}{name}", re.compile(f"(?:{rule.pattern})$")) for name, rule in _RULES]
    }

    def get_single_node(self) -> yaml.Node | None:
        node: yaml.Node | None = super().get_single_node()
        if node is not None:
            _Tree(self).examine(node)
        return node


class _Tree:
    """What PyYAML would accept, and people would not expect."""

    def __init__(self, loader: _Loader) -> None:
        self._loader = loader
        self._sizes: dict[int, int] = {}
        self._open: set[int] = set()

    def examine(self, root: yaml.Node) -> None:
        """Refuse a document by its nodes, before anything is made of them."""
        if self._size(root) - len(self._sizes) > _MOST_ADDED:
            raise RefusedError("its aliases stand for too much; write out what they repeat", root.start_mark)

    def _size(self, node: yaml.Node) -> int:
        """Values below a node, with every alias written out."""
        known = self._sizes.get(id(node))
        if known is not None:
            return known
        if id(node) in self._open:
            raise RefusedError("an alias stands inside of what it repeats", node.start_mark)
        self._open.add(id(node))
        self._check_tag(node)
        if isinstance(node, yaml.MappingNode):
            _check_keys(node)
            size = 1 + sum(self._size(key) + self._size(value) for key, value in node.value)
        elif isinstance(node, yaml.SequenceNode):
            size = 1 + sum(map(self._size, node.value))
        else:
            _check_text(node)
            size = 1
        self._open.discard(id(node))
        self._sizes[id(node)] = size
        return size

    def _check_tag(self, node: yaml.Node) -> None:
        plain = self._loader.resolve(type(node), node.value, (True, False))  # type: ignore[no-untyped-call]
        if node.tag not in (plain, f"{_TAG}str"):
            raise RefusedError(
                "a tag stands there that is not known here; write the value alone", node.start_mark
            )


def _check_text(node: yaml.Node) -> None:
    if isinstance(node, yaml.ScalarNode) and not is_text(node.value):
        raise RefusedError("an escape stands for half a character, which nobody could show", node.start_mark)


def is_text(text: str) -> bool:
    r"""Whether a text can be written to a file: neither half a surrogate pair nor bytes that are no UTF-8.

    >>> is_text("Köln"), is_text("K\udcf6ln")
    (True, False)
    """
    return not any("\ud800" <= char <= "\udfff" for char in text)


def _check_keys(node: yaml.MappingNode) -> None:
    seen = set()
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise RefusedError("a list or mapping cannot be a key", key.start_mark)
        if key.value in seen:
            raise RefusedError("stands there twice", key.start_mark, key.value)
        seen.add(key.value)


def read_yaml(text: str) -> Any:
    """The value that a text in YAML holds; no part of it is shared with another.

    Raises:
        yaml.YAMLError: It is no YAML, or refused (`RefusedError`).
    """
    try:
        return _unshared(yaml.load(text, _Loader))  # noqa: S506 - a SafeLoader
    except RecursionError:
        raise RefusedError("lists or mappings are nested too deeply") from None


def read_variable(text: str) -> Any:
    """The value that an environment variable holds: YAML if it has lines or begins as a list, a mapping or a quoted text, else as it is.

    So ``#`` and ``:`` inside a text mean nothing. What is no YAML after all stays a text.
    """
    plain = text.strip()
    if "\n" in text or plain.startswith(("[", "{", '"', "'")):
        try:
            return read_yaml(plain)
        except yaml.YAMLError:
            return text
    if _NULL.fullmatch(plain):
        return None
    if _SWITCH.fullmatch(plain):
        return plain.lower() == "true"
    if _WHOLE.fullmatch(plain):
        return int(plain)
    return float(plain) if _FRACTION.fullmatch(plain) else plain


def _unshared(value: Any) -> Any:
    """A copy in which what an alias repeats stands on its own, so that a change of one leaves the other."""
    if isinstance(value, dict):
        return {key: _unshared(one) for key, one in value.items()}
    return [_unshared(one) for one in value] if isinstance(value, list) else value
