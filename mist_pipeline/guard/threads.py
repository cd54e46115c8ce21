"""How many threads one part of a server may hold: what it waits for holds up no other part."""

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from starlette.concurrency import run_in_threadpool

P = ParamSpec("P")
R = TypeVar("R")

MOST_THREADS = 8
"""Of the 40 that a server has."""


class Threads:
    """The threads of one part, such as the console of one organisation, whose database may not answer.

    Args:
        most: At a time; what comes later waits for one of them.
    """

    def __init__(self, most: int = MOST_THREADS) -> None:
        self._free = asyncio.Semaphore(most)

    async def run(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Do it in a thread."""
        async with self._free:
            return await run_in_threadpool(work, *args, **kwargs)
