"""A folder for a sink that cannot be used is a mistake of the configuration, told in one line by every command."""

import subprocess
import sys
from pathlib import Path

import pytest

CHILD = """
import sys
from mist_pipeline.delivery import discovery
discovery.sink_configs.__defaults__ = ((*discovery.PACKAGES, "own_sinks"),)
from mist_pipeline.cli import main
sys.argv = ["mist-pipeline", "alerts", "list"]
main()
"""


@pytest.mark.slow
def test_a_command_names_the_folder_of_a_broken_sink_and_shows_no_traceback(tmp_path: Path) -> None:
    folder = tmp_path / "own_sinks" / "fax"
    folder.mkdir(parents=True)
    for package in (folder.parent, folder):
        (package / "__init__.py").touch()
    (folder / "config.py").write_text("token = 's3cret\n", encoding="utf-8")
    ended = subprocess.run(
        [sys.executable, "-c", CHILD], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    told = " ".join(ended.stderr.split())
    assert ended.returncode == 2, told
    assert told.startswith("Configuration: the folder of the sink own_sinks.fax: ")
    assert told.endswith(
        "line 1: unterminated string literal (detected at line 1); correct that line, or remove the folder"
    )
    assert "s3cret" not in told
    assert "Traceback" not in told
