"""How often Dagster's daemon and UI ask code servers whether they are new ones, and what the daemon loads again.

Left to itself, each of the two asks every code server once a second, and the daemon loads all code locations anew every minute: of fifty
organisations at rest that was more than half of all processor. A server whose code changed has another id, so asking for the id says what
there is to load. Here: rarer questions, and loading what changed. Not here: the servers (`forks`).
"""

from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._core.remote_representation.code_location import GrpcServerCodeLocation
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.workspace import CodeLocationEntry

# None of this has a public name.
from dagster._grpc import server_watcher

_ASKS_SECONDS = 5
_GIVES_UP_AFTER = 2
"""Questions without an answer until a location counts as unreachable: ten seconds, as Dagster has it."""
_ANSWERS_SECONDS = 2


def ask_less_often() -> None:
    """Let the threads of this process that watch code servers ask every five seconds."""
    server_watcher.WATCH_INTERVAL = _ASKS_SECONDS
    server_watcher.MAX_RECONNECT_ATTEMPTS = _GIVES_UP_AFTER


def load_only_what_changed() -> None:
    """Let the daemon of this process load every minute what changed or failed, instead of everything."""
    WorkspaceProcessContext.refresh_workspace = refresh  # type: ignore[assignment, method-assign]


def refresh(context: WorkspaceProcessContext) -> None:
    """Load again the code locations that could not be loaded, and those whose server is another one."""
    for name, entry in context.get_current_workspace().code_location_entries.items():
        if not _is_as_loaded(entry):
            context.refresh_code_location(name)


def _is_as_loaded(entry: CodeLocationEntry) -> bool:
    location = entry.code_location
    if not isinstance(location, GrpcServerCodeLocation):
        return False
    try:
        return bool(location.client.get_server_id(timeout=_ANSWERS_SECONDS) == location.server_id)
    except DagsterUserCodeUnreachableError:
        return True  # the thread that watches it says so, and loads it once it is back
