"""How many threads one part of a server may hold: what it waits for holds up no other part."""

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar
from weakref import WeakKeyDictionary

from starlette.concurrency import run_in_threadpool

P = ParamSpec("P")
R = TypeVar("R")

MOST_THREADS = 8
"""Of the 40 that a server has."""


class Threads:
    """The threads of one part, such as the console of one organisation, whose database may not answer.

    Args:
        most: At a time in one event loop, of which a server has one; what comes later waits for one of them.
    """

    def __init__(self, most: int = MOST_THREADS) -> None:
        self._most = most
        # Who waits in one loop would not be woken from another.
        self._free: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()

    async def run(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Do it in a thread."""
        async with self._free.setdefault(asyncio.get_running_loop(), asyncio.Semaphore(self._most)):
            return await run_in_threadpool(work, *args, **kwargs)
