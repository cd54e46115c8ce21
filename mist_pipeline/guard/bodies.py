"""Reading what a client sends, up to a size and within a time."""

import asyncio

from starlette.types import Receive


class BodyError(Exception):
    """A body is too large or takes too long; ``status`` is the answer."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class ClientGoneError(Exception):
    """Nobody waits for an answer."""


async def read_body(receive: Receive, most_bytes: int, within_seconds: float) -> bytes:
    """The whole body of a request.

    Raises:
        BodyError: More than ``most_bytes``, or not all there ``within_seconds``.
        ClientGoneError: The client has hung up.
    """
    body = bytearray()
    try:
        async with asyncio.timeout(within_seconds):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ClientGoneError
                body += message.get("body", b"")
                if len(body) > most_bytes:
                    raise BodyError(413, f"larger than {most_bytes:,} bytes")
                if not message.get("more_body", False):
                    return bytes(body)
    except TimeoutError:
        raise BodyError(408, f"not all there within {within_seconds:g} seconds") from None
