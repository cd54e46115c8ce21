"""What a wheel contains: an installed package needs no checkout."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml

CHECKOUT = Path(__file__).parents[1]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The content of the wheel, built from a copy: a build leaves things behind."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    shutil.copytree(
        CHECKOUT / "mist_pipeline", source / "mist_pipeline", ignore=shutil.ignore_patterns("__pycache__")
    )
    for name in ("pyproject.toml", "setup.cfg", "README.md", "LICENSE"):
        shutil.copy(CHECKOUT / name, source)
    # `make setup` has put the build backend into the cache of uv.
    command = [sys.executable, "-m", "uv", "build", "--quiet", "--offline", "--wheel"]
    built = subprocess.run(
        [*command, "--out-dir", str(folder), str(source)], capture_output=True, text=True, check=False
    )
    if "network was disabled" in built.stderr or "No module named uv" in built.stderr:
        pytest.skip("no build backend without a network")
    assert built.returncode == 0, built.stderr
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as opened:
        opened.extractall(folder / "content")
    return folder / "content"


def test_files_that_are_no_modules_are_in_it(installed: Path) -> None:
    there = {str(path.relative_to(installed)) for path in installed.rglob("*") if path.is_file()}
    ours = {
        str(path.relative_to(CHECKOUT))
        for path in (CHECKOUT / "mist_pipeline").rglob("*")
        if path.is_file() and path.suffix not in {".py", ".pyc", ".md"}
    }
    assert {"mist_pipeline/cli/code_location/dagster.yaml", "mist_pipeline/py.typed"} <= ours
    assert ours - there == set()


def test_a_run_from_another_folder_has_the_limits_of_the_pools(installed: Path, tmp_path: Path) -> None:
    home = tmp_path / "data" / "dagster"
    home.mkdir(parents=True)
    # Left by an earlier version, and younger than the files of the wheel.
    (home / "dagster.yaml").write_text("concurrency: {}", encoding="utf-8")
    ended = subprocess.run(
        [sys.executable, "-m", "mist_pipeline.cli", "retention"],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(installed), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    limits = yaml.safe_load((home / "dagster.yaml").read_text(encoding="utf-8"))["concurrency"]
    assert limits["pools"] == {"default_limit": 1}
    assert limits["runs"]["tag_concurrency_limits"]
