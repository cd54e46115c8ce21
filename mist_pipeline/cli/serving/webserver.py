"""Dagster's web UI behind the guard, as a process of its own: ``python -m mist_pipeline.cli.serving.webserver``.

Dagster's own program for it answers to any name, changes things by GET and takes WebSockets from any page: whoever opens a
foreign page could have the alerting turned off by it.

Here: which rules hold for Dagster, and starting it. Not here: the rules themselves (``guard``), who starts this process
(`daemon`).
"""

import argparse
import logging
import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING

from mist_pipeline.guard.rules import Rules, named, names_of
from mist_pipeline.guard.sign_in import SignIn
from mist_pipeline.http_client.secrets import Secret, from_environment
from mist_pipeline.workflows.running.term import end_with_term

if TYPE_CHECKING:
    from dagster import DagsterInstance
    from starlette.types import ASGIApp

TOKEN_VARIABLE = "MIST_PIPELINE_UI_TOKEN"  # noqa: S105 - its name
_GRAPHQL = "/graphql"
_SECONDS_TO_END = 5


def rules_of(host: str, allowed_hosts: Sequence[str], *, is_read_only: bool) -> Rules:
    """What Dagster's UI accepts: GET of ``/graphql`` would run what the query string says.

    Raises:
        ValueError: As `names_of`.
    """
    return Rules(
        hosts=names_of(host, allowed_hosts),
        shown_at=named(allowed_hosts),
        bare_paths=frozenset({_GRAPHQL}),
        is_read_only=is_read_only,
        reading_posts=frozenset({_GRAPHQL}),
    )


def signing_in(variables: Mapping[str, str]) -> SignIn | None:
    """Who may use the UI, where a variable of the environment holds a token.

    Raises:
        ValueError: The token is no good one; names the variable and never quotes it.
    """
    token = from_environment(variables.get(TOKEN_VARIABLE, ""), TOKEN_VARIABLE)
    try:
        return SignIn(Secret(token)) if token else None
    except ValueError as error:
        raise ValueError(f"{TOKEN_VARIABLE} {error}") from None


def guarded(
    instance: "DagsterInstance",
    workspace: str | None,
    rules: Rules,
    who: SignIn | None,
    stack: ExitStack,
) -> "ASGIApp":
    """Dagster's UI behind the guard.

    Args:
        instance: Of the data folder.
        workspace: The file that says which code to load, if any.
        rules: As `rules_of`.
        who: May use it; None for everybody who reaches it.
        stack: What ends the processes of the workspace.
    """
    from dagster._core.workspace.context import WorkspaceProcessContext
    from dagster._core.workspace.load_target import EmptyWorkspaceTarget, WorkspaceFileTarget
    from dagster_webserver.app import create_app_from_workspace_process_context
    from dagster_webserver.version import __version__

    from mist_pipeline.cli.code_location.watching import ask_less_often
    from mist_pipeline.guard.asgi import Guard

    ask_less_often()
    target = WorkspaceFileTarget([workspace]) if workspace else EmptyWorkspaceTarget()
    # Dagster refuses mutations itself where it is read only; its pages then show no buttons for them.
    context = WorkspaceProcessContext(instance, target, version=__version__, read_only=rules.is_read_only)
    app = create_app_from_workspace_process_context(stack.enter_context(context))
    return Guard(app, rules, who)


def main() -> None:
    """Serve until interrupted."""
    import uvicorn
    from dagster import DagsterInstance

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workspace", required=True)
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--allowed-host", action="append", default=[])
    parser.add_argument("--read-only", action="store_true")
    given = parser.parse_args()
    rules = rules_of(given.host, given.allowed_host, is_read_only=given.read_only)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s: %(message)s")
    end_with_term()
    with ExitStack() as stack:
        instance = stack.enter_context(DagsterInstance.get())
        # As Dagster's own program does: milliseconds a statement, seconds a connection, connections beyond the pool.
        instance.optimize_for_webserver(15_000, 3_600, 20)
        app = guarded(instance, given.workspace, rules, signing_in(os.environ), stack)
        uvicorn.run(
            app,
            host=given.host,
            port=given.port,
            log_level="warning",
            timeout_graceful_shutdown=_SECONDS_TO_END,
        )


if __name__ == "__main__":
    main()
