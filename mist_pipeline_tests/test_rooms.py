"""Who may know whom: read from the imports of the source, wherever in a file they stand."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

import mist_pipeline

PACKAGE = Path(mist_pipeline.__file__).parent

KNOWS_DAGSTER = {"defs", "definitions", "cli"}

ANALYSIS_LIBRARIES = {
    "polars",
    "numpy",
    "scipy",
    "pmdarima",
    "statsmodels",
    "sklearn",
    "joblib",
    "threadpoolctl",
    "distributed",  # where joblib is told to run on a cluster
}

NEIGHBOURS: dict[str, set[str]] = {
    "alerts": {"mist.metrics"},
    "analysis": set(),
    "collect": {"mist"},
    "delivery": {"alerts.sink", "mist.clouds", "mist.errors", "mist.metrics", "mist.transport"},
    "mist": set(),
    "notification": {"alerts", "delivery", "mist.metrics", "mist.transport", "warehouse"},
    "report": {"analysis", "mist.metrics"},
    "scorecard": {"alerts", "analysis"},
    "settings": {"alerts", "delivery", "mist.clouds", "mist.metrics", "mist.transport"},
    "simulator": {"mist.metrics"},
    "warehouse": set(),
    "watch": {"analysis", "mist.metrics"},
}
"""Room → the rooms, or modules of rooms, that it may import besides itself; `defs`, `definitions` and `cli` wire all."""


class Import(NamedTuple):
    """One import in the source."""

    room: str
    where: str
    module: str

    @property
    def target(self) -> str:
        """What is imported, below the package; empty for what is not ours."""
        package, _, target = self.module.partition(".")
        return target if package == "mist_pipeline" else ""

    @property
    def target_room(self) -> str:
        """The room of ours that is imported, if it is one of ours."""
        return self.target.partition(".")[0]

    def is_of(self, *places: str) -> bool:
        """Whether it is one of these rooms or modules, or inside one."""
        return any(f"{self.target}.".startswith(f"{place}.") for place in places)


def imports() -> Iterator[Import]:
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        room = parts[1] if len(parts) > 1 else ""
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            where = f"{path.relative_to(PACKAGE.parent)}:{getattr(node, 'lineno', 0)}"
            if isinstance(node, ast.Import):
                yield from (Import(room, where, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{where}: imports are absolute"
                assert node.module is not None
                if node.module == "mist_pipeline":
                    yield from (Import(room, where, f"mist_pipeline.{alias.name}") for alias in node.names)
                else:
                    yield Import(room, where, node.module)


IMPORTS = list(imports())


def test_the_walk_sees_every_room() -> None:
    rooms = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert rooms - {"defs", "cli"} <= set(NEIGHBOURS), "a room without a line in NEIGHBOURS"
    assert {found.room for found in IMPORTS} >= rooms


def test_analysis_knows_nobody_but_its_libraries() -> None:
    allowed = ANALYSIS_LIBRARIES | set(sys.stdlib_module_names)
    strangers = [
        found
        for found in IMPORTS
        if found.room == "analysis"
        and found.module.split(".")[0] not in allowed
        and found.target_room != "analysis"
    ]
    assert strangers == []


def test_only_the_wiring_knows_dagster() -> None:
    knowing = {found.room for found in IMPORTS if found.module.split(".")[0].startswith("dagster")}
    assert knowing <= KNOWS_DAGSTER
    assert "defs" in knowing


def test_nobody_imports_the_wiring_but_the_wiring() -> None:
    importers = {
        found.room: found.target
        for found in IMPORTS
        if found.target_room in KNOWS_DAGSTER and found.room != found.target_room
    }
    assert set(importers) <= {"definitions", "cli"}, importers


def test_only_the_wiring_knows_the_settings() -> None:
    importers = {found.room for found in IMPORTS if found.target_room == "settings"}
    assert importers - {"settings"} <= KNOWS_DAGSTER


@pytest.mark.parametrize("room", sorted(NEIGHBOURS))
def test_a_room_knows_only_its_neighbours(room: str) -> None:
    strangers = [
        found
        for found in IMPORTS
        if found.room == room
        and (PACKAGE / found.target_room).is_dir()
        and found.target_room
        and not found.is_of(room, *NEIGHBOURS[room])
    ]
    assert strangers == []
