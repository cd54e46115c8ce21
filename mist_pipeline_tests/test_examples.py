"""Examples in docstrings run, and modules that carry a method have one."""

import doctest
import importlib
from pathlib import Path

import pytest

import mist_pipeline

PACKAGE = Path(mist_pipeline.__file__).parent

WITH_A_METHOD = ("analysis", "alerts/lifecycle", "alerts/notify", "domain")
"""Rooms whose modules calculate or decide: each begins with an example that shows shapes and units."""

WITHOUT_A_METHOD = {
    "analysis/stats/cluster.py",  # carries work to others and back
    "analysis/evidence/past_week.py",  # gives arrays names, and takes them back
    "analysis/evidence/rows.py",  # shapes rows that others calculated
    "analysis/findings/inputs.py",  # names frames
    "alerts/notify/fixed_values.py",  # values of labels
    "alerts/notify/outcome.py",  # values
    "alerts/notify/config.py",  # keys of the configuration; docs/configuration.md is made from them
}

SOURCES = {
    str(path.relative_to(PACKAGE)): path
    for path in sorted(PACKAGE.rglob("*.py"))
    if path.name not in {"__init__.py", "__main__.py"} and "migrations" not in path.parts
}
WITH_EXAMPLES = [name for name, path in SOURCES.items() if ">>> " in path.read_text(encoding="utf-8")]


def module_of(name: str) -> str:
    return "mist_pipeline." + name.removesuffix(".py").replace("/", ".")


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_the_examples_of_a_module_hold(name: str) -> None:
    options = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    result = doctest.testmod(importlib.import_module(module_of(name)), optionflags=options)
    assert result.attempted > 0
    assert result.failed == 0


def test_modules_that_carry_a_method_have_an_example() -> None:
    carrying = {name for name in SOURCES if name.startswith(tuple(f"{room}/" for room in WITH_A_METHOD))}
    assert carrying - set(WITH_EXAMPLES) - WITHOUT_A_METHOD == set()


def test_what_is_said_to_carry_no_method_exists_and_has_no_example() -> None:
    assert set(SOURCES) >= WITHOUT_A_METHOD
    assert WITHOUT_A_METHOD.isdisjoint(WITH_EXAMPLES)
