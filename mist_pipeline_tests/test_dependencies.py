"""Every dependency has its reason in ``docs/dependencies.md`` and its pin in ``constraints.txt``."""

import re
import tomllib
from pathlib import Path

import pytest

PROJECT = Path(__file__).parent.parent
CLAIMS = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
PAGE = (PROJECT / "docs" / "dependencies.md").read_text(encoding="utf-8")
PINS = (PROJECT / "constraints.txt").read_text(encoding="utf-8").splitlines()
INSTALLERS = {"uv", "setuptools"}
"""What installs and builds the project; named on the page, not a dependency of it."""


LOCK = (PROJECT / "lock.txt").read_text(encoding="utf-8")
RUN_EXTRAS = ("apprise", "dask", "lake", "postgres", "storage")
"""Extras of people who run it, which the lock file covers."""


def name_of(requirement: str) -> str:
    """The normalised name (PEP 503) at the head of a requirement."""
    found = re.match(r"[A-Za-z0-9][A-Za-z0-9._-]*", requirement)
    assert found, requirement
    return re.sub(r"[-_.]+", "-", found.group()).lower()


def declared() -> dict[str, set[str]]:
    """Group of ``pyproject.toml`` (``run``, or an extra) → names."""
    project = CLAIMS["project"]
    groups = {"run": project["dependencies"], **project["optional-dependencies"]}
    return {group: {name_of(one) for one in requirements} for group, requirements in groups.items()}


def explained() -> dict[str, list[str]]:
    """Name on the page → the texts of its rows."""
    rows: dict[str, list[str]] = {}
    for line in PAGE.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        column = next((at for at, cell in enumerate(cells[:2]) if re.fullmatch(r"`[\w.-]+`", cell)), None)
        if not line.startswith("|") or column is None:
            continue
        # In the table of extras the extra comes first and the dependency after it.
        is_extra = column == 0 and len(cells) > 2 and re.fullmatch(r"`[\w.-]+`", cells[1])
        column = 1 if is_extra else column
        rows.setdefault(name_of(cells[column].strip("`")), []).append(cells[column + 1])
    return rows


ALL = sorted(set().union(*declared().values()) | INSTALLERS)


@pytest.mark.parametrize("name", ALL)
def test_every_dependency_has_its_reason_on_the_page(name: str) -> None:
    assert all(explained().get(name, [""])), f"{name} has no reason in docs/dependencies.md"


def test_the_page_explains_nothing_that_is_not_there() -> None:
    assert set(explained()) == set(ALL)


def test_constraints_are_pins_and_nothing_else() -> None:
    strange = [line for line in PINS if not re.fullmatch(r"[A-Za-z0-9][\w.-]*==[\w.!+-]+", line)]
    assert strange == [], "constraints.txt pins names to versions; paths and options hold on one machine only"


@pytest.mark.parametrize("name", ALL)
def test_every_dependency_is_pinned_once(name: str) -> None:
    assert [name_of(line) for line in PINS if "==" in line].count(name) == 1


def test_each_extra_is_described_with_what_it_brings() -> None:
    for extra, names in declared().items():
        if extra in ("run", "dev"):
            continue
        for name in names:
            assert re.search(rf"\| `{extra}` \| `{name}` \|", PAGE), f"{extra}: {name}"


def locked() -> dict[str, str]:
    """Name in the lock file → its text: version, marker and hashes."""
    entries = re.split(r"(?m)^(?=\S)", LOCK.replace("\\\n", ""))
    return {name_of(entry): entry for entry in entries if entry.strip()}


def test_the_lock_file_names_versions_and_hashes_and_no_place() -> None:
    form = re.compile(
        r"[a-z0-9][a-z0-9._-]*(?:\[[a-z0-9,-]+\])?==[\w.!+-]+(?: ; [\w' .<>=!()]+?)?(?:\s+--hash=sha256:[0-9a-f]{64})+\s*"
    )
    assert [entry for entry in locked().values() if not form.fullmatch(entry)] == []
    assert "://" not in LOCK


def test_the_lock_file_has_the_versions_that_are_installed() -> None:
    pinned = {name_of(line): line.partition("==")[2] for line in PINS}
    versions = {
        name: re.search(r"==([\w.!+-]+)", entry).group(1)  # type: ignore[union-attr]
        for name, entry in locked().items()
    }
    assert {name: version for name, version in versions.items() if pinned.get(name) != version} == {}, (
        "make lock"
    )


def test_the_lock_file_has_all_that_is_needed_to_run() -> None:
    needed = declared()["run"].union(*(declared()[extra] for extra in RUN_EXTRAS))
    assert needed - locked().keys() == set(), "make lock"


@pytest.mark.parametrize(("name", "least"), [("setuptools", 79)])
def test_what_had_advisories_is_not_pinned_to_the_version_that_had_them(name: str, least: int) -> None:
    (pin,) = [line.partition("==")[2] for line in PINS if name_of(line) == name]
    assert int(pin.partition(".")[0]) >= least
