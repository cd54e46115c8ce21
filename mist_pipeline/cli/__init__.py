"""What can people do from a terminal? ``mist-pipeline …``, a module a group of commands.

Here: options and arguments, exit codes, what is printed, and running jobs in this process (`execution`).
Not here: what a command does (``workflows``), settings (``settings``), Dagster's definitions (``defs``).
"""

from mist_pipeline.cli.app import main

__all__ = ["main"]
