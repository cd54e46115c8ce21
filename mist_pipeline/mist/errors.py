"""What can go wrong with a call of the Mist API: one small tree of exceptions, split by "can it heal?".

Here belong the types and the wording; `responses` and `client` decide which one is raised, `collect` decides what to do
about it. A message says what was asked, what came back and how to fix it. It never holds a token: text of the cloud goes
through `http_client.secrets.Secrets.hide` before it becomes a detail.
"""

from datetime import UTC, datetime
from typing import Any

from mist_pipeline.http_client.failures import excerpt


def at_time(epoch: float) -> str:
    """An epoch second as people read it (``2026-02-03 04:00:00 UTC``)."""
    return f"{datetime.fromtimestamp(epoch, UTC):%Y-%m-%d %H:%M:%S} UTC"


class MistError(Exception):
    """A call of the Mist API was not answered.

    Attributes:
        reason: One sentence: what happened, and how to fix it where that is known.
        method: HTTP method, or '' where no request was made.
        path: Path and query below the base URL, or ''.
        status: HTTP status, or None where no answer arrived.
        attempt: How many attempts had been made, 0 where none was.
        detail: A short excerpt of what the cloud said, printable, without tokens.
        retry_at: Epoch seconds from which on it makes sense to ask again, or None where unknown.
    """

    def __init__(
        self,
        reason: str,
        *,
        method: str = "",
        path: str = "",
        status: int | None = None,
        attempt: int = 0,
        detail: str = "",
        retry_at: float | None = None,
    ) -> None:
        self.reason = reason
        self.method = method
        self.path = path
        self.status = status
        self.attempt = attempt
        self.detail = excerpt(detail)
        self.retry_at = retry_at
        super().__init__(reason)

    def __str__(self) -> str:
        parts = [self.reason]
        if self.path:
            asked = f"{self.method} {self.path}".strip()
            status = "no answer" if self.status is None else f"status {self.status}"
            parts.append(f"[{asked}: {status}, attempt {self.attempt}]" if self.attempt else f"[{asked}]")
        if self.detail:
            parts.append(f"The cloud said: {self.detail}")
        return " ".join(parts)

    def __reduce__(self) -> tuple[Any, ...]:
        """Errors cross process borders (Dagster, joblib), so they must survive pickling with all attributes."""
        return (_rebuild, (type(self), dict(self.__dict__)))


def _rebuild(kind: type[MistError], state: dict[str, Any]) -> MistError:
    error = kind.__new__(kind)
    error.__dict__.update(state)
    error.args = (error.reason,)
    return error


class TransientFailure(MistError):  # noqa: N818 - the two halves of the tree
    """It may heal by itself: asking again later makes sense."""


class PermanentFailure(MistError):  # noqa: N818 - the two halves of the tree
    """Asking again gives the same answer until something is changed."""


class RateLimited(TransientFailure):
    """429 on every attempt: the token's calls of this hour are used up (`retry_at` says until when)."""


class BudgetExhausted(TransientFailure):
    """Our own call budget has no room: nothing was sent (`retry_at` says when there is room again)."""


class Unavailable(TransientFailure):
    """5xx, time-out, reset connection or an unreadable body on every attempt."""


class Inconsistent(TransientFailure):
    """The pages of one list contradict each other: it changed while it was read."""


class Unauthorized(PermanentFailure):
    """401: the token is wrong, expired or revoked."""


class RefusedForNow(TransientFailure):
    """401 on every attempt for a token that the cloud accepted minutes ago: revoked, or the cloud's own sign-in is in trouble."""


class Forbidden(PermanentFailure):
    """403, or no privilege on the wanted organisation."""


class NotFound(PermanentFailure):
    """404: no such object."""


class BadRequest(PermanentFailure):
    """Any other 4xx: the request itself is wrong."""


class NotSupported(PermanentFailure):
    """The site does not know this metric (404 or 400 at a metric's own endpoint): an outcome, not a fault."""


class Redirected(PermanentFailure):
    """3xx: never followed, because the token must not travel to another host."""


class UnexpectedShape(PermanentFailure):
    """The document is not what the endpoint promises.

    Attributes:
        where: Path in the document, such as ``sle.samples.total[3]``, or '' for the document as a whole. Names in it may be
            the cloud's.
        endpoint: Which endpoint's document it is.
        what: What was expected and what came, without the place.
    """

    def __init__(self, reason: str, *, where: str = "", endpoint: str = "", **asked: Any) -> None:
        self.where = excerpt(where)
        self.endpoint = endpoint
        self.what = reason
        place = f"{endpoint}: {self.where or 'the document'}: " if endpoint or where else ""
        super().__init__(f"{place}{reason}", **asked)


class OrganisationUnclear(PermanentFailure):
    """The token sees several organisations, or none, and none is configured."""


class BudgetUnavailable(PermanentFailure):
    """The budget file cannot be used (locked for too long, unreadable, damaged)."""
