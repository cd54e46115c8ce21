"""What sends on each of several machines, as a process of its own: ``python -m mist_pipeline.cli.serving.sender``.

Not here: what it does (``workflows.notifying.sending``), who starts this process (`turns`).
"""

import logging
import socket
import time
from contextlib import suppress

from mist_pipeline.settings import load_settings
from mist_pipeline.workflows.notifying.sending import Sender


def main() -> None:
    """Send until somebody ends this process."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s: %(message)s")
    with suppress(KeyboardInterrupt):
        Sender(load_settings(), socket.gethostname()).run(time.sleep)


if __name__ == "__main__":
    main()
