"""What usually helps, per metric and classifier, from a table in YAML that users can extend by a table of their own.

Here: reading, checking and looking up. The steps themselves are in ``remediation.yaml`` beside this file.
"""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from mist_pipeline.delivery.message import AlertView
from mist_pipeline.domain.metrics import CATALOGUE, FAMILIES, canonical, normalise
from mist_pipeline.domain.plain_yaml import RefusedError, read_yaml
from mist_pipeline.domain.text import SENTENCE_LENGTH

MOST_STEPS = 8
"""Steps that an incident shows: more are not read at night."""

_OWN = ("pipeline", "pipeline:delivery", "pipeline:recipients")
"""Families of the pipeline's own troubles: all, sinks that fail, recipients that get nothing."""

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The one in C, where PyYAML has it, for the table of this project: every command reads it, and it takes a tenth of the time."""


class RemediationError(ValueError):
    """A table that cannot be used: which file, where in it, and what is expected."""


@dataclass(frozen=True)
class Advice:
    """Steps for a metric or family, and for its classifiers (normalised names)."""

    steps: tuple[str, ...] = ()
    classifiers: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)

    def of(self, classifier: str) -> tuple[str, ...]:
        """The classifier's steps, those of its longest known beginning (``dhcp`` for ``dhcp-nack``), or the general ones."""
        parts = normalise(classifier).split("-")
        for length in range(len(parts), 0, -1):
            if found := self.classifiers.get("-".join(parts[:length])):
                return found
        return self.steps

    def extended(self, other: "Advice") -> "Advice":
        """Both; where both speak of the same, the other one does."""
        return Advice(other.steps or self.steps, {**self.classifiers, **other.classifiers})


@dataclass(frozen=True)
class Remediation:
    """The table: advice by canonical metric, and by family for problems without a metric."""

    metrics: Mapping[str, Advice] = field(default_factory=dict, hash=False)
    families: Mapping[str, Advice] = field(default_factory=dict, hash=False)

    def steps(self, metric: str, classifier: str = "", family: str = "") -> tuple[str, ...]:
        """Steps for one problem; none where the table has no advice."""
        # The pipeline's own families name what broke: pipeline:daily, pipeline:delivery:chat.
        parts = family.split(":")
        wider = (":".join(parts[:length]) for length in range(len(parts) - 1, 0, -1))
        general = next((self.families[name] for name in wider if name in self.families), None)
        advice = self.metrics.get(metric) or self.families.get(family) or general
        return advice.of(classifier) if advice else ()

    def for_alerts(self, alerts: Iterable[AlertView]) -> tuple[str, ...]:
        """Steps for an incident: those of its alerts in their order (worst first), each once, at most `MOST_STEPS`.

        Resolved alerts give advice only where all are.
        """
        everything = tuple(alerts)
        lasting = [alert for alert in everything if alert.status != "resolved"] or everything
        problems = dict.fromkeys((alert.metric, alert.classifier, alert.family) for alert in lasting)
        found = dict.fromkeys(step for problem in problems for step in self.steps(*problem))
        return tuple(found)[:MOST_STEPS]

    def extended(self, other: "Remediation") -> "Remediation":
        """Both tables; where both speak of the same metric and classifier, the other one does."""
        return Remediation(_merged(self.metrics, other.metrics), _merged(self.families, other.families))


def load_remediation(*files: Path) -> Remediation:
    """The tables of all files, later ones extending earlier ones.

    Raises:
        RemediationError: A file cannot be read or does not have the form of ``remediation.yaml`` beside this file.
    """
    table = Remediation()
    for file in files:
        try:
            text = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise RemediationError(f"{file}: cannot be read ({type(error).__name__})") from None
        is_ours = file.parent == Path(__file__).parent
        document = yaml.load(text, _LOADER) if is_ours else _document(text, str(file))  # noqa: S506 - safe loaders
        table = table.extended(_table(document, str(file)))
    return table


def parse_remediation(text: str, where: str) -> Remediation:
    """A table from YAML.

    Args:
        text: ``metrics`` and ``families``, each name → ``steps`` and ``classifiers``.
        where: Name of the file, for errors.

    Raises:
        RemediationError: Names the place and what is expected there.
    """
    return _table(_document(text, where), where)


def _document(text: str, where: str) -> object:
    try:
        return read_yaml(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        reason = f": {error.problem}" if isinstance(error, RefusedError) and not error.key else ""
        raise RemediationError(f"{where}{line}: no valid YAML{reason}") from None


def _table(document: object, where: str) -> Remediation:
    sections = _mapping({} if document is None else document, where, ("metrics", "families"))
    metrics = {}
    for name, entry in _mapping(sections.get("metrics", {}), f"{where}: metrics").items():
        place = f"{where}: metrics.{name}"
        metrics[_metric(name, place)] = _advice(entry, place)
    known = tuple(sorted({*FAMILIES, *_OWN}))
    families = {
        name: _advice(entry, f"{where}: families.{name}")
        for name, entry in _mapping(sections.get("families", {}), f"{where}: families", known).items()
    }
    return Remediation(metrics, families)


def _merged(one: Mapping[str, Advice], other: Mapping[str, Advice]) -> dict[str, Advice]:
    extended = {name: one.get(name, Advice()).extended(advice) for name, advice in other.items()}
    return {**one, **extended}


def _metric(name: str, place: str) -> str:
    known = canonical(name)
    if known is None:
        near = difflib.get_close_matches(normalise(name), CATALOGUE, n=1)
        hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(CATALOGUE)}"
        raise RemediationError(f"{place}: no known metric; {hint}")
    return known


def _advice(entry: object, place: str) -> Advice:
    members = _mapping(entry, place, ("steps", "classifiers"))
    classifiers = _mapping(members.get("classifiers", {}), f"{place}.classifiers")
    return Advice(
        _sentences(members["steps"], f"{place}.steps") if "steps" in members else (),
        {
            normalise(name): _sentences(steps, f"{place}.classifiers.{name}")
            for name, steps in classifiers.items()
        },
    )


def _mapping(value: object, place: str, allowed: tuple[str, ...] | None = None) -> dict[str, object]:
    if not isinstance(value, dict) or not all(isinstance(name, str) for name in value):
        raise RemediationError(f"{place}: expected names with values below them, found {_kind(value)}")
    for name in value:
        if allowed is not None and name not in allowed:
            raise RemediationError(f"{place}: unknown key {name!r}; known are {', '.join(allowed)}")
    return value


def _sentences(value: object, place: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not value:
        raise RemediationError(f"{place}: expected a list of sentences, found {_kind(value)}")
    for number, sentence in enumerate(value, 1):
        if not isinstance(sentence, str) or not sentence.strip():
            raise RemediationError(f"{place}: entry {number} is no sentence but {_kind(sentence)}")
        if len(sentence) > SENTENCE_LENGTH:
            raise RemediationError(f"{place}: entry {number} is longer than {SENTENCE_LENGTH} characters")
    return tuple(" ".join(sentence.split()) for sentence in value)


def _kind(value: object) -> str:
    if value is None:
        return "nothing"
    names = {dict: "names with values", list: "a list", str: "a text", bool: "yes or no", int: "a number"}
    if isinstance(value, list | dict | str) and not value:
        return "an empty one"
    return names.get(type(value), type(value).__name__)
