"""The sender of several organisations: a defect at one ends no other's, and it is tried again."""

from collections.abc import Callable

import pytest

from mist_pipeline.cli.serving.sender import AGAIN_SECONDS, keep_sending
from mist_pipeline.settings import Settings
from mist_pipeline.workflows.notifying.sending import Sender


class Defective(Sender):
    """Fails twice, then is interrupted."""

    def __init__(self) -> None:
        super().__init__(Settings(), "noc-a")
        self.tries = 0

    def run(self, wait: Callable[[float], None]) -> None:
        self.tries += 1
        if self.tries == 3:
            raise KeyboardInterrupt
        raise ZeroDivisionError(f"try {self.tries}")


def test_a_defect_is_written_down_and_a_minute_later_it_is_tried_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    sender, waited = Defective(), list[float]()
    with pytest.raises(KeyboardInterrupt):
        keep_sending("acme", sender, waited.append)
    assert waited == [AGAIN_SECONDS] * 2
    assert [one.getMessage() for one in caplog.records] == [
        "what is due at acme is not sent from here for a minute"
    ] * 2
    assert "ZeroDivisionError: try 2" in caplog.text
