"""Single requests to one Mist cloud, over connections that stay open.

The policy of a request is that of `http_client.session`. A request is never repeated here, and no endpoint is known:
`client` does that.
"""

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import urlsplit
from weakref import WeakSet

import requests

from mist_pipeline.http_client.deadline import Deadline
from mist_pipeline.http_client.failures import NoAnswerError
from mist_pipeline.http_client.secrets import Secret
from mist_pipeline.http_client.session import HeaderAuth, HttpAnswer, HttpLimits, open_session, send
from mist_pipeline.mist.endpoints import Method

MIST_LIMITS = HttpLimits(connect_seconds=10.0, read_seconds=60.0, total_seconds=180.0, max_bytes=16 << 20)
"""Limits of one attempt: a page of a large organisation takes its time."""

PAGE_TIMES = 4
"""A page of a list may be so many times as large as another answer: it holds up to 1,000 rows, devices with all their state."""


class Transport:
    """Sends to one cloud; safe to share between threads.

    A session is used by one thread at a time: it is borrowed for a request and handed back, so connections stay open
    between calls and between thread pools.

    Args:
        base_url: Checked base URL (see `clouds.base_url`).
        limits: Limits of one request.
    """

    def __init__(self, base_url: str, limits: HttpLimits) -> None:
        self._base_url = base_url
        self._limits = limits
        self._idle: deque[requests.Session] = deque()
        self._under_way: set[tuple[object, Deadline]] = set()
        self._aborted: WeakSet[object] = WeakSet()

    def send(
        self,
        method: Method,
        path: str,
        query: Mapping[str, str],
        token: Secret,
        *,
        body: bytes | None = None,
        is_page: bool = False,
        seconds: float = math.inf,
        owner: object = None,
    ) -> HttpAnswer:
        """One request.

        Args:
            method: HTTP method.
            path: Below the base URL.
            query: Query parameters.
            token: Who asks.
            body: JSON to send along.
            is_page: The answer is a page of a list, which may be larger than others.
            seconds: At most, if less than the limits allow.
            owner: Whose attempt it is, for `abort`.

        Raises:
            NoAnswerError: Time-out, reset, truncated or oversized body; names the cloud that was asked.
        """
        limits = replace(
            self._limits,
            total_seconds=min(self._limits.total_seconds, seconds),
            max_bytes=self._limits.max_bytes * (PAGE_TIMES if is_page else 1),
        )
        attempt = (owner, Deadline(limits.total_seconds))
        try:
            session = self._idle.pop()
        except IndexError:
            session = open_session(self._base_url)
        self._under_way.add(attempt)
        if owner is not None and owner in self._aborted:
            attempt[1].end()  # it was about to begin when its owner aborted all
        try:
            answer = send(
                method,
                self._base_url + path,
                body=body,
                params=query,
                auth=HeaderAuth(Secret(f"Token {token.reveal()}")),
                limits=limits,
                session=session,
                deadline=attempt[1],
            )
        except NoAnswerError as failed:
            session.close()
            # Which cloud it was is no secret, and the first thing that somebody who reads it has to know.
            where = urlsplit(self._base_url).netloc
            raise NoAnswerError(f"{where}: {failed}", may_have_arrived=failed.may_have_arrived) from None
        except BaseException:
            session.close()
            raise
        finally:
            self._under_way.discard(attempt)
        self._idle.append(session)
        return answer

    def abort(self, owner: object) -> None:
        """End the attempts of an owner that are under way; each fails at once, and so does one that begins later."""
        self._aborted.add(owner)
        for whose, deadline in tuple(self._under_way):
            if whose is owner:
                deadline.end()

    def close(self) -> None:
        """Close all idle connections."""
        while self._idle:
            self._idle.pop().close()
