"""The command line as people call it: arguments in, exit code and both outputs back, in a folder of its own."""

import sys
from pathlib import Path

import pytest

from mist_pipeline.cli.app import main
from mist_pipeline_tests.support.cli.calls import Call, Ended


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, in which somebody has made the data folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MIST_PIPELINE_DATA", raising=False)
    (tmp_path / "data").mkdir()
    return tmp_path


@pytest.fixture
def call(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """Calls ``mist-pipeline`` with these arguments and environment variables."""

    def made(*arguments: str, **environment: str) -> Ended:
        with monkeypatch.context() as patch:
            for name, value in environment.items():
                patch.setenv(name, value)
            patch.setattr(sys, "argv", ["mist-pipeline", *arguments])
            code: object = None
            try:
                main()
            except SystemExit as ended:
                code = ended.code
        captured = capsys.readouterr()
        assert code is None or isinstance(code, int)
        assert "Traceback" not in captured.out + captured.err
        return Ended(code or 0, captured.out, captured.err)

    return made
