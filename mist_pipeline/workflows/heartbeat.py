"""The dead man's switch: an address outside is asked while the pipeline does its work, and is missed when it does not.

What tells people cannot tell that it fails; somebody outside can. Any service of the kind of healthchecks.io will do. Not here:
whether the pipeline does its work (`self_monitoring`), and how often it is asked (``cli``).
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mist_pipeline.http_client.failures import NoAnswerError
from mist_pipeline.http_client.session import HttpLimits, send
from mist_pipeline.settings import Settings

ATTEMPTS = 3
PAUSE_SECONDS = 5.0
"""A lost packet is no dead pipeline."""

LIMITS = HttpLimits(connect_seconds=5.0, read_seconds=10.0, total_seconds=20.0, max_bytes=64 << 10)


@dataclass(frozen=True)
class Beat:
    """What became of a heartbeat.

    Attributes:
        is_well: Whether it said that all is well.
        is_delivered: Whether it arrived; True where none was to be sent.
        said: In one line, without the address, which is a secret.
    """

    is_well: bool
    is_delivered: bool
    said: str


def beat(settings: Settings, failing: Sequence[str], sleep: Callable[[float], None] = time.sleep) -> Beat:
    """Ask the address of a pipeline that is well, or that of one that is not.

    Args:
        settings: For the addresses.
        failing: Subjects of what does not work; none: all is well.
        sleep: Waits that many seconds.
    """
    monitoring, is_well = settings.monitoring, not failing
    if monitoring.heartbeat_url is None:
        return Beat(is_well, is_delivered=True, said="no heartbeat is configured (monitoring.heartbeat_url)")
    address = monitoring.heartbeat_url if is_well else monitoring.heartbeat_fail_url
    if address is None:
        return Beat(is_well, is_delivered=True, said="no heartbeat is sent, so that it is missed")
    kind = "heartbeat" if is_well else "failure"
    problem = ""
    for attempt in range(ATTEMPTS):
        if attempt:
            sleep(PAUSE_SECONDS)
        try:
            answer = send("GET", address.get_secret_value(), limits=LIMITS)
        except NoAnswerError as error:
            problem = str(error)
            continue
        if answer.is_success:
            return Beat(is_well, is_delivered=True, said=f"{kind} sent")
        problem = f"the receiver answered {answer.status}"
        if answer.status < 500 and answer.status != 429:
            break
    return Beat(is_well, is_delivered=False, said=f"{kind} not delivered: {problem}")
