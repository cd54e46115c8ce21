r"""Setting keys in the text of a configuration file: every other character stays as people wrote it.

The parser says where a value stands, and only that is replaced. (ruamel.yaml, which keeps comments, writes the whole file anew: it
makes ``null`` an empty value and changes quotes and indents.) Here: text in, text out. Not here: what the keys mean (`model`), files
(``workflows.replaying.writing``).

>>> print(with_values("alerts:  # ours\n  keep_days: 40  # six weeks\n", {"alerts.sensitivity": "low"}), end="")
alerts:  # ours
  sensitivity: low
  keep_days: 40  # six weeks
"""

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from mist_pipeline.domain.plain_yaml import read_yaml

_NULL = ("", "~", "null", "Null", "NULL")


class UneditableError(ValueError):
    """The text cannot be edited without changing more than was asked; says why."""


def with_values(text: str, values: Mapping[str, str]) -> str:
    """The text with these keys set.

    Args:
        text: A configuration in YAML.
        values: Key as ``alerts.raises.evidence`` → value, a plain word.

    Raises:
        UneditableError: It is no YAML, a key on the way is no section, or an alias repeats what would be changed.
    """
    try:
        expected, edited = read_yaml(text) or {}, text
        for key, value in values.items():
            parts = key.split(".")
            _put(expected, parts, value)
            edited = _edited(edited, parts, value)
        is_as_asked = read_yaml(edited) == expected
    except yaml.YAMLError as error:
        raise UneditableError(f"it is no YAML that can be edited ({type(error).__name__})") from None
    if not is_as_asked:
        raise UneditableError("other keys would change, too")
    return edited


def _put(document: Any, parts: Sequence[str], value: str) -> None:
    """Set a key in nested mappings; a section without a value becomes one."""
    for number, part in enumerate(parts):
        if not isinstance(document, dict):
            raise UneditableError(f"{'.'.join(parts[:number]) or 'the file'} is no section")
        if number == len(parts) - 1:
            document[part] = value
        elif document.get(part) is None:
            document[part] = {}
        document = document[part]


def _edited(text: str, parts: Sequence[str], value: str) -> str:
    """The text with one key set."""
    node = yaml.compose(text, yaml.SafeLoader)
    if node is None:
        return f"{text}{_line_end(text)}{_block(parts, value, '')}"
    for number, part in enumerate(parts):
        if not isinstance(node, yaml.MappingNode):
            break
        found = next((below for key, below in node.value if key.value == part), None)
        if found is None:
            return _with_entry(text, node, parts[number:], value, is_root=number == 0)
        node = found
    else:
        return _replaced(text, node, value)
    if node.value in _NULL:
        return _replaced(text, node, f"{{{_flow(parts[number:], value)}}}")
    raise UneditableError(f"{'.'.join(parts[:number])} is no section")


def _replaced(text: str, node: yaml.Node, value: str) -> str:
    begin, end = node.start_mark.index, node.end_mark.index
    space = " " if begin == end and not text[:begin].endswith(" ") else ""
    return f"{text[:begin]}{space}{value}{text[end:]}"


def _with_entry(text: str, node: yaml.MappingNode, parts: Sequence[str], value: str, *, is_root: bool) -> str:
    """The text with one more entry in a mapping."""
    if node.flow_style:
        end = node.end_mark.index - 1
        return f"{text[:end].rstrip()}{', ' if node.value else ''}{_flow(parts, value)}{text[end:]}"
    if is_root:
        return f"{text}{_line_end(text)}{_block(parts, value, '')}"
    first = node.value[0][0].start_mark
    begin = first.index - first.column
    return f"{text[:begin]}{_block(parts, value, ' ' * first.column)}{text[begin:]}"


def _line_end(text: str) -> str:
    return "" if not text or text.endswith("\n") else "\n"


def _block(parts: Sequence[str], value: str, margin: str) -> str:
    lines = [f"{margin}{'  ' * depth}{part}:" for depth, part in enumerate(parts)]
    return "\n".join(lines) + f" {value}\n"


def _flow(parts: Sequence[str], value: str) -> str:
    *above, last = parts
    return "".join(f"{part}: {{" for part in above) + f"{last}: {value}" + "}" * len(above)
