"""Which token pays for the next call: fills in the call budget, waits for room in it, and blocks a token that is refused.

Not here: the counting (`budget`) and the sending (`client`). The one call that this policy needs, a token's usage, is
given to it as `ask_usage`.
"""

import logging
import threading
from collections.abc import Callable, Mapping
from datetime import datetime

from mist_pipeline.http_client.secrets import Secret
from mist_pipeline.mist.budget import CallBudget
from mist_pipeline.mist.errors import BudgetExhausted, Forbidden, MistError, Unauthorized, at_time
from mist_pipeline.mist.parsers import Usage
from mist_pipeline.mist.responses import Request

log = logging.getLogger(__name__)

_REFUSALS_OF_AN_HOUR = 10
"""So many 429 in a row, without `Retry-After` and without a success in between, mean that the hour is used up."""

UNKNOWN_USAGE = Usage(None, None)
"""What `ask_usage` returns when the cloud gave no numbers."""


class TokenScheduler:
    """The tokens of a client and their budget; safe to share between threads.

    Args:
        tokens: Tokens by fingerprint, in the configured order.
        budget: The budget of exactly these tokens.
        patience_seconds: How long one call may wait for room.
        ask_usage: Asks the cloud for a token's count (fingerprint, the request that needs it); may raise `Unauthorized`.
        pause: Waits this many seconds, or raises where the request is no longer wanted.
        clock: The present instant.
        random: Uniform in [0, 1).

    Raises:
        ValueError: The budget is for other tokens.
    """

    def __init__(
        self,
        tokens: Mapping[str, Secret],
        budget: CallBudget,
        *,
        patience_seconds: float,
        ask_usage: Callable[[str, Request], Usage],
        pause: Callable[[float, Request], None],
        clock: Callable[[], datetime],
        random: Callable[[], float],
    ) -> None:
        if set(tokens) != set(budget.tokens):
            raise ValueError("the call budget is for other tokens or another cloud than this client")
        self._tokens = tokens
        self._budget = budget
        self._patience = patience_seconds
        self._ask_usage = ask_usage
        self._pause = pause
        self._clock = clock
        self._random = random
        self._seeding = threading.Lock()
        self._seeded_hour: dict[str, int] = {}
        self._refused_in_a_row = dict.fromkeys(tokens, 0)
        self._announced_wait = 0.0

    def take_call(self, request: Request) -> str:
        """Fingerprint of a token with room in the budget; waits for it as long as allowed.

        Raises:
            BudgetExhausted: No room within that time.
            Unauthorized: The cloud does not accept a token.
        """
        waited = 0.0
        while True:
            try:
                self._seed(request)
                return self._budget.acquire(request.lane)
            except BudgetExhausted as error:
                wait = max(0.0, (error.retry_at or 0.0) - self._clock().timestamp())
                if waited + wait > self._patience:
                    raise
                wait += self._random()  # so that not all threads come back in the same moment
                self._announce_wait(error)
                waited += wait
            self._pause(wait, request)

    def succeeded(self, token: str) -> None:
        """The cloud has answered a call of this token."""
        self._refused_in_a_row[token] = 0

    def refused(self, token: str, error: MistError, asked_seconds: float | None) -> bool:
        """Take in a 429; returns whether the token is blocked now, for all processes.

        It is blocked for as long as the cloud asks for. Where the cloud does not say, it is blocked until the next hour
        once so many refusals came in a row that it is no burst. `error.retry_at` is set to the end of the block.
        """
        if asked_seconds is not None:
            error.retry_at = self._clock().timestamp() + asked_seconds
            self._budget.block(token, error.retry_at)
            return True
        self._refused_in_a_row[token] += 1
        if self._refused_in_a_row[token] < _REFUSALS_OF_AN_HOUR:
            return False
        error.retry_at = self._budget.block_for_the_hour(token)
        return True

    def with_token_named(self, error: MistError, token: str) -> MistError:
        """The error, with the number of the refused token where there are several."""
        if len(self._tokens) > 1 and isinstance(error, Unauthorized | Forbidden):
            number = list(self._tokens).index(token) + 1
            error.reason += f" (token {number} of {len(self._tokens)}, in the configured order)"
        return error

    def _announce_wait(self, error: BudgetExhausted) -> None:
        """Log once per moment, not once per thread, that all calls wait."""
        retry_at = error.retry_at or 0.0
        if retry_at > self._announced_wait:
            self._announced_wait = retry_at
            log.warning("%s Waiting until %s.", error.reason, at_time(retry_at))

    def _seed(self, request: Request) -> None:
        """Once per hour and token, one thread asks the cloud how many calls it has counted already."""
        hour = int(self._clock().timestamp() // 3600)
        if all(self._seeded_hour.get(token) == hour for token in self._tokens):
            return
        with self._seeding:
            for token in self._tokens:
                if self._seeded_hour.get(token) == hour:
                    continue
                if self._budget.needs_seed(token):
                    usage = self._ask_usage(token, request)
                    self._budget.seed(token, requests=usage.requests, request_limit=usage.request_limit)
                self._seeded_hour[token] = hour
