"""One part of a server does not hold the threads of another."""

import asyncio
from threading import Event

from mist_pipeline.guard.threads import MOST_THREADS, Threads

SERVER_THREADS = 40


def test_a_part_that_waits_for_its_database_leaves_threads_to_the_others() -> None:
    answers = Event()

    async def asked() -> tuple[str, int]:
        waits, works, begun = Threads(), Threads(), []

        def wait() -> None:
            begun.append(1)
            answers.wait(10)

        waiting = [asyncio.create_task(waits.run(wait)) for _ in range(SERVER_THREADS)]
        try:
            answer = await asyncio.wait_for(works.run(str.upper, "answered"), 5)
            return answer, len(begun)
        finally:
            answers.set()
            await asyncio.gather(*waiting)

    answer, number = asyncio.run(asked())
    assert (answer, number <= MOST_THREADS) == ("ANSWERED", True)
