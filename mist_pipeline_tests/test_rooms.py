"""Who may know whom: read from the imports of the source, wherever in a file they stand."""

import ast
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import NamedTuple

import pytest

import mist_pipeline

PACKAGE = Path(mist_pipeline.__file__).parent

MOST_MODULES = 15
"""A folder with more of them hides sub-rooms."""

KNOWS_DAGSTER = {"defs", "definitions", "cli"}
KNOWS_TYPER = {"cli"}
KNOWS_SETTINGS = {"settings", "workflows", "defs", "definitions", "cli"}

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

GROUND = {"domain", "tables", "http_client", "charts"}
"""Small rooms on which every other may stand; among themselves `domain` is the lowest."""

BELOW: dict[str, set[str]] = {
    "domain": set(),
    "tables": {"domain"},
    "http_client": {"domain"},
    "charts": {"domain"},  # one look for the report's page and for mails, which may not know each other
    "storage": set(),
    "guard": {"domain", "http_client"},
    "mist": GROUND,
    "collect": GROUND | {"mist", "storage"},
    "warehouse": GROUND,
    "analysis": {"domain", "tables"},
    "scorecard": {"domain", "tables", "analysis"},
    "alerts": {"domain", "tables", "storage"},
    "delivery": GROUND | {"alerts.notify.outcome"},
    "notification": GROUND | {"alerts", "delivery", "guard", "warehouse"},
    "push": GROUND | {"alerts", "guard"},
    "overview": GROUND | {"alerts", "warehouse", "scorecard"},
    "report": GROUND | {"analysis", "overview.morning", "scorecard.replays"},
    "simulator": {"domain", "tables"},
    "settings": GROUND | {"alerts", "delivery", "mist.clouds", "storage.address"},
    "watch": GROUND | {"alerts", "overview"},
    "web": GROUND | {"alerts", "guard", "overview"},
    "workflows": GROUND
    | {
        "mist",
        "collect",
        "warehouse",
        "analysis",
        "scorecard",
        "alerts",
        "delivery",
        "notification",
        "overview",
        "push",
        "report",
        "settings",
        "storage",
    },
}
"""Room → the rooms, or modules of rooms, that it may import besides itself; `defs`, `definitions` and `cli` wire all."""


class Import(NamedTuple):
    """One import in the source."""

    module: str
    line: int
    target: str

    @property
    def room(self) -> str:
        """The room that imports."""
        return room_of(self.module)

    @property
    def target_room(self) -> str:
        """The room of ours that is imported, if it is one of ours."""
        return room_of(self.target) if self.target.startswith("mist_pipeline.") else ""

    def is_of(self, *places: str) -> bool:
        """Whether the target is one of these rooms or modules, or inside one."""
        return any(f"{self.target}.".startswith(f"mist_pipeline.{place}.") for place in places)

    def __str__(self) -> str:
        return f"{self.module}:{self.line} imports {self.target}"


def room_of(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else ""


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")


SOURCES = {module_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def _imports() -> Iterator[Import]:
    for module, path in SOURCES.items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            line = getattr(node, "lineno", 0)
            if isinstance(node, ast.Import):
                yield from (Import(module, line, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{module}:{line}: imports are absolute"
                assert node.module is not None
                for alias in node.names:
                    inner = f"{node.module}.{alias.name}"
                    yield Import(module, line, inner if inner in SOURCES else node.module)


@cache
def imports() -> tuple[Import, ...]:
    """Every import of the package; read when a test asks, not by every process that collects tests."""
    return tuple(_imports())


def circle(graph: Mapping[str, Iterable[str]]) -> list[str]:
    """The first circle of a graph, empty where there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def inside(module: str, depth: int) -> str:
    """The first ``depth`` names of a module, which name its room, sub-room and so on."""
    return ".".join(module.split(".")[: depth + 1])


def graph_of(depth: int) -> dict[str, set[str]]:
    """Imports between rooms (depth 1), or between sub-rooms and files of one room (depth 2)."""
    graph: dict[str, set[str]] = {}
    for found in imports():
        here, there = inside(found.module, depth), inside(found.target, depth)
        is_same_room = inside(found.module, depth - 1) == inside(found.target, depth - 1)
        # A room itself (its __init__) may gather what stands in it.
        if here != there and is_same_room and there.count(".") == here.count(".") == depth:
            graph.setdefault(here, set()).add(there)
    return graph


def test_the_walk_sees_every_room() -> None:
    rooms = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert rooms - {"defs", "cli"} == set(BELOW), "a room without a line in BELOW, or a line without a room"
    assert {found.room for found in imports()} >= rooms - {"domain", "tables"}


@pytest.mark.parametrize("room", sorted(BELOW))
def test_a_room_knows_only_what_is_below(room: str) -> None:
    strangers = [
        str(found)
        for found in imports()
        if found.room == room and found.target_room and not found.is_of(room, *BELOW[room])
    ]
    assert strangers == []


@pytest.mark.parametrize("depth", [1, 2, 3], ids=["rooms", "sub-rooms", "modules of a sub-room"])
def test_there_is_no_circle(depth: int) -> None:
    assert circle(graph_of(depth)) == []


def test_a_circle_would_be_found() -> None:
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"a"}}) != []
    assert circle({"a": {"b", "c"}, "b": {"c"}}) == []


def test_analysis_knows_no_library_but_its_own() -> None:
    allowed = ANALYSIS_LIBRARIES | set(sys.stdlib_module_names) | {"mist_pipeline"}
    strangers = [
        str(found)
        for found in imports()
        if found.room == "analysis" and found.target.split(".")[0] not in allowed
    ]
    assert strangers == []


@pytest.mark.parametrize(
    ("library", "knowing"), [("dagster", KNOWS_DAGSTER), ("typer", KNOWS_TYPER)], ids=["dagster", "typer"]
)
def test_only_the_wiring_knows(library: str, knowing: set[str]) -> None:
    found = {found.room for found in imports() if found.target.split(".")[0].startswith(library)}
    assert found <= knowing
    assert found, "the walk sees nobody who imports it"


def test_nobody_imports_the_wiring_but_the_wiring() -> None:
    importers = {
        str(found)
        for found in imports()
        if found.target_room in KNOWS_DAGSTER and found.room not in KNOWS_DAGSTER
    }
    assert importers == set()


def test_only_the_wiring_and_its_workflows_know_the_settings() -> None:
    assert {found.room for found in imports() if found.target_room == "settings"} <= KNOWS_SETTINGS


@pytest.mark.parametrize(
    "folder", sorted({path.parent for path in SOURCES.values()}), ids=lambda path: path.name
)
def test_no_folder_is_a_shelf(folder: Path) -> None:
    modules = [path.name for path in folder.glob("*.py") if path.name != "__init__.py"]
    assert len(modules) <= MOST_MODULES, f"{len(modules)} modules in one folder hide sub-rooms"


@pytest.mark.parametrize(
    "folder", sorted({path.parent for path in SOURCES.values()}), ids=lambda path: path.name
)
def test_a_room_says_what_it_is_about(folder: Path) -> None:
    text = ast.get_docstring(ast.parse((folder / "__init__.py").read_text(encoding="utf-8"))) or ""
    assert len(text) > 40, f"{folder.name}/__init__.py: what it answers, what belongs here, what does not"


def test_no_test_module_imports_another() -> None:
    tests = sorted(Path(__file__).parent.rglob("test_*.py"))
    importing = [
        f"{path.name} imports {node.module}"
        for path in tests
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom)
        and node.module
        and node.module.split(".")[-1].startswith("test_")
        and node.module.startswith("mist_pipeline_tests.")
    ]
    assert importing == [], "what several tests need belongs into mist_pipeline_tests/support"
