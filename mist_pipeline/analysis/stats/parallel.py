"""Spreading chunks of work over processes of this machine, through joblib, or over a Dask cluster.

Here: the choice of engine, chunk boundaries, live workers, progress. Not here: the cluster (`cluster`), any method. Functions handed to
`parallel_map` must be importable by their module, because the workers import them.

>>> series = list(range(5))
>>> pieces = slices(len(series), 3)
>>> parallel_map(sum, [series[piece] for piece in pieces[:1]], [3], LOCAL, what="sums")
[3]
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal, TypeVar

import joblib

from mist_pipeline.analysis.stats.cluster import is_task, spread

Chunk = TypeVar("Chunk")
Result = TypeVar("Result")
Progress = Callable[[int, int], None]
"""Called with (series done, series in all) in the order of the chunks."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Compute:
    """Where the work runs.

    Attributes:
        engine: ``processes`` of this machine, or ``dask``, a ``dask.distributed`` cluster.
        workers: Number of processes, None for one a core. A cluster knows its own.
        scheduler: Address of the cluster's scheduler, such as ``tcp://10.0.0.5:8786``; needed for ``dask``.
    """

    engine: Literal["processes", "dask"] = "processes"
    workers: int | None = None
    scheduler: str | None = None

    def __post_init__(self) -> None:
        if self.engine == "dask" and not self.scheduler:
            raise ValueError(
                "compute engine 'dask' needs the address of a scheduler, such as tcp://10.0.0.5:8786"
            )


LOCAL = Compute()
"""One process a core of this machine."""


def slices(total: int, size: int) -> list[slice]:
    """Consecutive slices of at most ``size`` that cover ``range(total)``."""
    return [slice(start, min(start + size, total)) for start in range(0, total, size)]


def parallel_map(
    function: Callable[[Chunk], Result],
    chunks: Sequence[Chunk],
    weights: Sequence[int],
    compute: Compute,
    *,
    what: str,
    progress: Progress | None = None,
) -> list[Result]:
    """Run ``function`` on every chunk and return the results in the order of the chunks.

    A single chunk runs right here: starting workers would cost more than it saves. The pool of processes is kept
    between calls (joblib reuses it for five minutes), so that its imports are paid once.

    Args:
        function: A module-level function of one chunk.
        chunks: Picklable pieces of work.
        weights: Number of series in each chunk, for progress.
        compute: The engine.
        what: What is being done, for the log.
        progress: Called with (done, total) after every chunk.
    """
    total, done = sum(weights), 0
    results: list[Result] = []
    with _results(function, chunks, compute) as stream:
        for result, weight in zip(stream, weights, strict=True):
            results.append(result)
            done += weight
            log.info("%s: %d of %d series", what, done, total)
            if progress is not None:
                progress(done, total)
    return results


@contextmanager
def _results(
    function: Callable[[Chunk], Result], chunks: Sequence[Chunk], compute: Compute
) -> Iterator[Iterator[Result]]:
    if len(chunks) <= 1 and (compute.engine == "processes" or is_task()):
        yield map(function, chunks)
        return
    if compute.engine == "dask":
        with spread(function, chunks, str(compute.scheduler)) as results:
            yield results
        return
    with joblib.parallel_config(backend="loky", n_jobs=compute.workers or -1, inner_max_num_threads=1):
        yield joblib.Parallel(return_as="generator")(joblib.delayed(function)(chunk) for chunk in chunks)
