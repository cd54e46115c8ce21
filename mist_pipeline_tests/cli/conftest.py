"""The command line as people call it: arguments in, exit code and both outputs back, in a folder of its own."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from mist_pipeline.cli.app import main


@dataclass(frozen=True)
class Ended:
    """How a command ended; ``out`` and ``err`` as printed, ``text`` both with their line breaks undone."""

    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        return " ".join(f"{self.out} {self.err}".split())


Call = Callable[..., Ended]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory."""
    monkeypatch.chdir(tmp_path)
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
