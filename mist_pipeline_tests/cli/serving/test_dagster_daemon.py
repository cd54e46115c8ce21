"""The process of Dagster's daemon keeps its connections to Dagster's files, lets go of them with its end, and loads only code that changed."""

import dagster as dg
import pytest
from dagster._cli.utils import get_instance_for_cli
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._daemon import cli
from dagster._grpc import server_watcher

from mist_pipeline.cli.code_location import watching
from mist_pipeline.cli.serving import dagster_daemon


@pytest.fixture(autouse=True)
def as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    for where, name in (
        (WorkspaceProcessContext, "refresh_workspace"),
        (server_watcher, "WATCH_INTERVAL"),
        (server_watcher, "MAX_RECONNECT_ATTEMPTS"),
    ):
        monkeypatch.setattr(where, name, getattr(where, name))


@pytest.mark.slow
def test_the_daemon_has_an_instance_that_keeps_its_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    # As its command asks for it: where Dagster calls that otherwise, nothing is kept.
    assert vars(cli)["get_instance_for_cli"] is get_instance_for_cli
    with dg.instance_for_test() as instance:
        monkeypatch.setenv("DAGSTER_HOME", instance.root_directory)
        seen = []

        def looks(opened: dg.DagsterInstance, *_: object) -> None:
            opened.all_instigator_state()
            seen.append(
                {"connect", "_connect"} & {*vars(opened.schedule_storage), *vars(opened.event_log_storage)}
            )

        monkeypatch.setattr(cli, "_daemon_run_command", looks)
        monkeypatch.setattr(cli, "get_instance_for_cli", get_instance_for_cli)
        dagster_daemon.main(["run"])
    assert seen == [{"connect", "_connect"}]
    assert WorkspaceProcessContext.refresh_workspace is watching.refresh
    # Asked less often, an unreachable server is told as soon as Dagster tells it.
    assert server_watcher.WATCH_INTERVAL * server_watcher.MAX_RECONNECT_ATTEMPTS == 10
