"""A client of a Dask cluster, and pieces of work on it that need nothing but the scheduler.

Here: connecting, with failures in words; one function over many chunks, also from within a task of the same cluster. Not here: what is computed,
and steps of Dagster (``defs.runs``).
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

Chunk = TypeVar("Chunk")
Result = TypeVar("Result")

ANSWERS_WITHIN_SECONDS = 30.0


class ClusterError(ConnectionError):
    """The cluster cannot be used; says which, and what to look at."""


@contextmanager
def connected(scheduler: str, *, within: float | None = None) -> Iterator[Any]:
    """A client of the cluster for the time of a block; what it asked for and nobody awaits any more is given up with it.

    Everything goes by way of the scheduler: workers need not reach one another, nor this process.

    Args:
        scheduler: Its address.
        within: Seconds in which it has to answer; None: half a minute.

    Raises:
        ClusterError: `distributed` is not installed, or nobody answers at the address.
    """
    try:
        from distributed import Client
    except ImportError:
        raise ClusterError(
            "compute.engine is dask, and distributed is not installed: install the extra dask"
        ) from None
    within = within or ANSWERS_WITHIN_SECONDS
    try:
        client = Client(scheduler, timeout=within, set_as_default=False, direct_to_workers=False)  # type: ignore[no-untyped-call]
    except (OSError, TimeoutError, ValueError) as error:
        raise ClusterError(
            f"the scheduler {scheduler} (compute.scheduler) does not answer within {within:.0f} s: {error}"
        ) from error
    with client:
        yield client


@contextmanager
def spread(
    function: Callable[[Chunk], Result], chunks: Sequence[Chunk], scheduler: str
) -> Iterator[Iterator[Result]]:
    """Results of a function of every chunk, in order, made by the workers of a cluster.

    A task of the cluster may do this, too: it gives its place on its worker to others while it waits, so that a single worker with a
    single thread suffices.

    Args:
        function: A module-level function of one chunk, which the workers import.
        chunks: Picklable; each travels by way of the scheduler.
        scheduler: Address of the scheduler; a task uses the one that its worker has.
    """
    with connected(_scheduler_of_this_worker() or scheduler) as client:
        futures = [client.submit(function, chunk, pure=False) for chunk in chunks]
        with _place_given_up():
            yield (future.result() for future in futures)


def is_task() -> bool:
    """Whether this is a task of a cluster, on one of its workers."""
    return _scheduler_of_this_worker() is not None


def _scheduler_of_this_worker() -> str | None:
    """The scheduler as it is reached from the worker whose task this is; None outside of a task."""
    from distributed import get_worker

    try:
        return str(get_worker().scheduler.address)
    except ValueError:
        return None


@contextmanager
def _place_given_up() -> Iterator[None]:
    """Leave the threads of the worker for the time of the block, if this is a task."""
    from distributed import rejoin, secede

    if not is_task():
        yield
        return
    secede()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        rejoin()  # type: ignore[no-untyped-call]
