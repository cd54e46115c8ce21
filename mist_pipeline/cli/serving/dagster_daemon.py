"""Dagster's daemon, which ends with the term of the active machine: ``python -m mist_pipeline.cli.serving.dagster_daemon``.

It keeps its connections to Dagster's SQLite files (`defs.runs.connections`), loads only code that changed (`code_location.watching`), and is
``dagster-daemon`` in everything else.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import dagster as dg
from dagster._cli.utils import get_instance_for_cli
from dagster._daemon import cli

from mist_pipeline.cli.code_location.watching import ask_less_often, load_only_what_changed
from mist_pipeline.defs.runs.connections import kept_connections
from mist_pipeline.workflows.running.term import end_with_term


@contextmanager
def _kept() -> Iterator[dg.DagsterInstance]:
    with get_instance_for_cli() as opened, kept_connections(opened):
        yield opened


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the daemon until somebody ends it."""
    ask_less_often()
    load_only_what_changed()
    # Dagster has no public way to hand an instance to its daemon.
    cli.get_instance_for_cli = lambda **_: _kept()  # type: ignore[attr-defined]
    cli.cli(arguments, standalone_mode=arguments is None, obj={})


if __name__ == "__main__":
    end_with_term()
    main()
