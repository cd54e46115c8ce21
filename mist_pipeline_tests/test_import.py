"""The package as its users have it: without the development dependencies, and quick to start."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

DEVELOPMENT_ONLY = (
    "_pytest",
    "aiosmtpd",
    "distributed",
    "hypothesis",
    "jira",
    "openapi_core",
    "psycopg",
    "pysnc",
    "pytest",
    "syrupy",
)

IMPORT_EVERYTHING = f"""
import importlib, pkgutil, sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {DEVELOPMENT_ONLY!r}:
            raise ModuleNotFoundError(f"{{name}} is for development only", name=name)
        return None

sys.meta_path.insert(0, Absent())
import mist_pipeline
modules = sorted(found.name for found in pkgutil.walk_packages(mist_pipeline.__path__, "mist_pipeline."))
for name in modules:
    if not name.endswith((".__main__", ".migrations.env")):
        importlib.import_module(name)
print(len(modules))
"""
"""`__main__` runs the command line when imported; `migrations.env` is a script that Alembic runs in its own context."""

SLOW_TO_IMPORT = ("altair", "pmdarima", "sklearn", "statsmodels", "vl_convert")


def python(code: str, folder: Path) -> str:
    """What a fresh interpreter prints, without anybody's environment."""
    ended = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env={"PATH": "", "HOME": str(folder)},
    )
    assert ended.returncode == 0, ended.stderr[-3000:]
    return ended.stdout


def test_every_module_imports_without_the_development_dependencies(tmp_path: Path) -> None:
    assert int(python(IMPORT_EVERYTHING, tmp_path)) > 100


@pytest.mark.parametrize("module", ["mist_pipeline.definitions", "mist_pipeline.cli.app"])
def test_starting_does_not_import_what_takes_seconds(module: str, tmp_path: Path) -> None:
    code = f"import sys, {module}\nprint([name for name in {SLOW_TO_IMPORT!r} if name in sys.modules])"
    assert python(code, tmp_path).strip() == "[]"
