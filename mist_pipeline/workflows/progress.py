"""What a run is given from outside: tags that change what it does, and who is told how far it is."""

from typing import Protocol

AS_OF_TAG = "mist_pipeline/as_of"
"""Run tag that sets the run's one instant; without it, it is when the run began."""


NOTIFY_TAG = "mist_pipeline/notify"
"""Run tag: "true" gives the newest day of a backfill to the alerts, "false" keeps yesterday from them."""


ASKING = "asking the cloud"
"""The step that asks the cloud about days; its units are requests."""


class Progress(Protocol):
    """Who wants to know how far a long step is."""

    def __call__(self, step: str, done: int, total: int) -> None:
        """``done`` of ``total`` units of a step are finished."""


def silent(step: str, done: int, total: int) -> None:
    """Progress that nobody watches."""
