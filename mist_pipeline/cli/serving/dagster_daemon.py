"""Dagster's daemon, which ends with the term of the active machine: ``python -m mist_pipeline.cli.serving.dagster_daemon``.

Where one machine works alone this is ``dagster-daemon`` and nothing else.
"""

from dagster._daemon.cli import main

from mist_pipeline.workflows.running.term import end_with_term

if __name__ == "__main__":
    end_with_term()
    main()
