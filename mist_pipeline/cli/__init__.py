"""The command line: ``mist-pipeline …``. A module a group of commands; each is thin and imports what it uses."""

from mist_pipeline.cli.app import main

__all__ = ["main"]
