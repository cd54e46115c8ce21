"""Updates while one looks: a version whenever it is another one, one look for all."""

import asyncio

from starlette.requests import Request

from mist_pipeline.web.live import MOST_STREAMS, Changes, Streams


def request() -> Request:
    async def receive() -> dict[str, object]:
        await asyncio.Event().wait()
        return {}

    return Request({"type": "http", "headers": []}, receive)


def test_every_stream_is_told_once_of_every_version_by_one_look() -> None:
    looks: list[int] = []

    def version() -> str:
        looks.append(1)
        return f"v{len(looks) // 3}"

    async def told() -> list[list[str]]:
        streams = Streams(every=0.02, lasts=0.2)
        changes = Changes(version, streams)

        async def one() -> list[str]:
            return [line async for line in streams.events(request(), changes.newest)]

        return list(await asyncio.gather(one(), one()))

    streams = asyncio.run(told())
    for stream in streams:
        versions = [line for line in stream if line.startswith("event: version")]
        assert len(versions) == len(set(versions)) >= 2
    assert len(looks) < sum(map(len, streams))


def test_too_many_streams_are_refused() -> None:
    streams = Streams()
    streams._open = MOST_STREAMS
    assert asyncio.run(Changes(lambda: "v", streams).stream(request())).status_code == 503
