"""What sends on each of several machines, as a process of its own: ``python -m mist_pipeline.cli.serving.sender``.

Of several organisations each has a thread, so that a ledger or a sink that hangs holds up no other's messages. Not here: what it does
(``workflows.notifying.sending``), who starts this process (`turns`).
"""

import logging
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from mist_pipeline.cli.serving.served import settings_of_all
from mist_pipeline.workflows.notifying.sending import Sender

_log = logging.getLogger(__name__)

AGAIN_SECONDS = 60.0
"""After a defect, as a process that ended is started again."""


def main() -> None:
    """Send until somebody ends this process."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s: %(message)s")
    served = settings_of_all()
    senders = {one.organisation.key: Sender(one, socket.gethostname()) for one in served}
    with suppress(KeyboardInterrupt):
        if len(senders) == 1:
            next(iter(senders.values())).run(time.sleep)
        for key, sender in senders.items():
            threading.Thread(target=keep_sending, args=(key, sender, time.sleep), daemon=True).start()
        while True:
            time.sleep(AGAIN_SECONDS)


def keep_sending(key: str, sender: Sender, wait: Callable[[float], None]) -> None:
    """Send for one of several organisations, and again after a defect, which ends none of the others.

    Args:
        key: Of the organisation.
        sender: Its sender.
        wait: Waits for so many seconds.
    """
    while True:
        try:
            sender.run(wait)
        except Exception:  # noqa: BLE001 - whatever it was, the other organisations go on
            _log.exception("what is due at %s is not sent from here for a minute", key)
        wait(AGAIN_SECONDS)


if __name__ == "__main__":
    main()
