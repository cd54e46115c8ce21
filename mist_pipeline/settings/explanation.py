"""What is wrong with a configuration, in words: the file or variable, the key as it stands there, and how to fix it.

Never quotes a value that could be a secret. Not here: reading and merging (`loading`).
"""

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from types import UnionType
from typing import Annotated, Any, Literal, TypeAlias, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from mist_pipeline.domain.config_section import Place, PlacedError, spelt
from mist_pipeline.settings.model import Settings

Origin: TypeAlias = Mapping[tuple[str, ...], str]
"""Place → the file or variable that says what stands there and below."""

_WORDS = {
    "tuple_type": "expected a list: [one, another]",
    "list_type": "expected a list: [one, another]",
    "dict_type": "expected names with values: {name: value}",
    "model_type": "expected keys with values: {key: value}",
    "model_attributes_type": "expected keys with values: {key: value}",
    "string_type": "expected a text; put it in quotes",
    "too_short": "give at least one",
    "string_too_short": "must not be empty",
    "timezone_aware": "needs its zone, as in 2026-11-01T02:00:00+01:00",
}
"""Type of pydantic's error → words for those who write YAML rather than Python."""

_PASTED = (
    "a key there looks like a secret, and is not quoted. Secrets stand in variables of the environment, and keys that end "
    "in _from name these"
)
_TOKEN = re.compile(
    r"(xox[a-z]|gh[a-z]|github_pat|glpat|sk|pk|rk|eyj|akia|bearer|basic|token)[-_ ]?\w{12,}", re.IGNORECASE
)
"""How well-known kinds of secrets begin."""
_SHORTEST_SECRET = 16


def looks_secret(text: str) -> bool:
    """Whether a text that should be a word of the configuration may be a secret, pasted into the wrong place.

    >>> [looks_secret(text) for text in ("webhook", "acknowledge_after_15_minutes", "xoxb-1234567890-abcdef", "9f86d081884c7d65")]
    [False, False, True, True]
    """
    has_digit, has_letter = any(map(str.isdigit, text)), any(map(str.isalpha, text))
    is_words = re.fullmatch(r"[a-z]+(?:[_-](?:[a-z]+|\d{1,4}))*", text) is not None
    is_long = len(text) >= _SHORTEST_SECRET and has_digit and has_letter and not is_words
    return is_long or _TOKEN.match(text) is not None or "://" in text


def explain(error: ValidationError, origin: Origin, source: str) -> str:
    """Everything that is wrong, one line each."""
    wrong = error.errors(include_url=False)
    # A list is also called too short when one of its entries is wrong.
    hollow = [one for one in wrong if one["type"] == "too_short" and _has_more(one, wrong)]
    return "\n".join(_line(one, origin, source) for one in wrong if one not in hollow)


def error_line(place: Place, text: str, origin: Origin, source: str) -> str:
    """One line about a place: the file or variable, the key, what is wrong."""
    return f"{_where(place, origin, source)}: {spelt(place)}: {text}"


def _has_more(one: ErrorDetails, others: Iterable[ErrorDetails]) -> bool:
    depth = len(one["loc"])
    return any(other["loc"][:depth] == one["loc"] and len(other["loc"]) > depth for other in others)


def _line(error: ErrorDetails, origin: Origin, source: str) -> str:
    place, section = _located(error["loc"])
    cause = error.get("ctx", {}).get("error")
    match error["type"]:
        case "extra_forbidden":
            where = _where(place, origin, source)
            if looks_secret(str(place[-1])):
                return f"{where}: {spelt(place[:-1]) or 'a section'}: {_PASTED}"
            return f"{where}: there is no setting {spelt(place)!r}; {_meant(place, section)}"
        case "missing":
            text = f"is missing: {section.model_fields[str(place[-1])].description}"
        case "union_tag_invalid":
            place = (*place, "type")
            given, known = error["ctx"]["tag"], error["ctx"]["expected_tags"].replace("'", "")
            near = difflib.get_close_matches(given, known.split(", "), n=1)
            text = f"{'this' if looks_secret(given) else repr(given)} is no type of sink"
            text += f", did you mean {near[0]!r}?" if near else ";"
            text += f" there are {known}"
        case "union_tag_not_found":
            place, text = (*place, "type"), "is missing: which kind of sink it is"
        case _ if isinstance(cause, PlacedError):
            place, text = (*place, *cause.place), cause.text
        case kind:
            text = _WORDS.get(kind, error["msg"].removeprefix("Value error, "))
    return error_line(place, text, origin, source)


def _where(place: Place, origin: Origin, source: str) -> str:
    """The file or variable that says it, and those that say a part of it: any of them may be the wrong one."""
    parts = tuple(map(str, place))
    above = [said for known, said in sorted(origin.items()) if parts[: len(known)] == known][-1:]
    below = [said for known, said in origin.items() if known[: len(parts)] == parts]
    return " and ".join(dict.fromkeys([*above, *below])) or source


def _located(location: Sequence[str | int]) -> tuple[Place, type[BaseModel]]:
    """The place as it stands in the file, and the section whose key it is: pydantic adds the chosen type of a union."""
    place: list[str | int] = []
    section: type[BaseModel] = Settings
    here: Any = Settings
    for part in location:
        here = _bare(here)
        kind = get_origin(here)
        if kind in {Union, UnionType}:
            here = next((one for one in get_args(here) if _tag(one) == part), None)
            continue
        if part == "[key]":
            continue
        place.append(part)
        if isinstance(here, type) and kind is None and issubclass(here, BaseModel):
            section = here
            field = here.model_fields.get(str(part))
            here = field.annotation if field else None
        else:
            # The values of a dictionary, the entries of a list.
            arguments = get_args(here)
            here = (arguments[1] if kind is dict else arguments[0]) if arguments else None
    return tuple(place), section


def _bare(annotation: Any) -> Any:
    """Without what is annotated, and without None."""
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if get_origin(annotation) in {Union, UnionType}:
        several = [one for one in get_args(annotation) if one is not type(None)]
        return _bare(several[0]) if len(several) == 1 else annotation
    return annotation


def _tag(kind: Any) -> str:
    """The value of ``type`` by which a kind is chosen."""
    field = getattr(_bare(kind), "model_fields", {}).get("type")
    return str(get_args(field.annotation)[0]) if field and get_origin(field.annotation) is Literal else ""


def _meant(place: Place, section: type[BaseModel]) -> str:
    """The nearest key of the same section, else of any, else all keys of the section."""
    wrong, here = str(place[-1]), place[:-1]
    keys = [name for name, field in section.model_fields.items() if not field.exclude]
    if near := difflib.get_close_matches(wrong, keys, n=1):
        return f"did you mean {spelt((*here, near[0]))!r}?"
    if len(here) <= 1:
        known = {key.split(".")[-1]: key for key in _keys_of_sections()}
        if near := difflib.get_close_matches(wrong, known, n=1):
            return f"did you mean {known[near[0]]!r}?"
    return f"there are {', '.join(sorted(keys))}"


def _keys_of_sections() -> list[str]:
    keys: list[str] = []
    for section, field in Settings.model_fields.items():
        if (
            not field.exclude
            and isinstance(field.annotation, type)
            and issubclass(field.annotation, BaseModel)
        ):
            keys += [f"{section}.{name}" for name in field.annotation.model_fields]
    return keys
