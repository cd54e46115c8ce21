"""What can people do from a terminal? ``mist-pipeline …``, a module a group of commands.

Here: options and arguments, exit codes, what is printed, and running jobs in this process (`execution`).
Not here: what a command does (``workflows``), settings (``settings``), Dagster's definitions (``defs``).
"""

import gc
import os

_ALLOCATIONS_A_COLLECTION = 100_000


def main() -> None:
    """Run a command; see `app.main`."""
    # Imports make some hundred thousand objects that live to the end. To look for garbage among them after every 700, as
    # Python does by default, takes a tenth of a command's start; after every 20,000 a twentieth.
    gc.set_threshold(_ALLOCATIONS_A_COLLECTION)
    # Else pydantic searches all installed packages for plugins, of which we use none.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    # Before anything is written; processes that are started from here do the same (``workflows.running.private_files``).
    os.umask(0o077)
    from mist_pipeline.cli import app

    try:
        app.main()
    finally:
        # The interpreter looks through all objects once more when it ends; these it need not.
        gc.freeze()
