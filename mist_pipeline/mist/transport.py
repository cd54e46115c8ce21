"""Single GET requests to one Mist cloud, over connections that stay open.

The policy of a request is that of `http_client.session`. A request is never repeated here, and no endpoint is known:
`client` does that.
"""

from collections import deque
from collections.abc import Mapping
from urllib.parse import urlsplit

import requests

from mist_pipeline.http_client.failures import NoAnswerError
from mist_pipeline.http_client.secrets import Secret
from mist_pipeline.http_client.session import HeaderAuth, HttpAnswer, HttpLimits, open_session, send

MIST_LIMITS = HttpLimits(connect_seconds=10.0, read_seconds=60.0, total_seconds=180.0, max_bytes=64 << 20)
"""Limits of one attempt: a page of a large organisation takes its time."""


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

    def get(self, path: str, query: Mapping[str, str], token: Secret) -> HttpAnswer:
        """One GET request.

        Raises:
            NoAnswerError: Time-out, reset, truncated or oversized body; names the cloud that was asked.
        """
        try:
            session = self._idle.pop()
        except IndexError:
            session = open_session(self._base_url)
        try:
            answer = send(
                "GET",
                self._base_url + path,
                params=query,
                auth=HeaderAuth(Secret(f"Token {token.reveal()}")),
                limits=self._limits,
                session=session,
            )
        except NoAnswerError as failed:
            session.close()
            # Which cloud it was is no secret, and the first thing that somebody who reads it has to know.
            where = urlsplit(self._base_url).netloc
            raise NoAnswerError(f"{where}: {failed}", may_have_arrived=failed.may_have_arrived) from None
        except BaseException:
            session.close()
            raise
        self._idle.append(session)
        return answer

    def close(self) -> None:
        """Close all idle connections."""
        while self._idle:
            self._idle.pop().close()
