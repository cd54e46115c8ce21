"""Waiting for a place in a pool: with pauses, and ended by a signal.

Dagster's in-process executor waits for a pool in a loop without a pause, on a whole core, and does not hear SIGTERM or Ctrl-C
before it has the place. A run that waits behind a long one must end within seconds, since nothing of it has begun.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from dagster import DagsterExecutionInterruptedError
from dagster._core.execution.plan.instance_concurrency_context import InstanceConcurrencyContext
from dagster._utils.interrupts import pop_captured_interrupt

PAUSE_SECONDS = 0.5
"""Between two looks whether the pool has a place."""


def _pause(_waiting: InstanceConcurrencyContext) -> float:
    if pop_captured_interrupt():
        raise DagsterExecutionInterruptedError("ended while it waited for a place in a pool")
    return PAUSE_SECONDS


@contextmanager
def attentive_waits() -> Iterator[None]:
    """Runs of this process wait for pools with pauses, and hear signals while they do."""
    with patch.object(InstanceConcurrencyContext, "interval_to_next_pending_claim_check", _pause):
        yield
