"""What an HTTP answer, or none, means for a delivery: sent again, looked up, or given up.

Here: the reading of statuses and failures that all sinks over HTTP share. Not here: the request itself
(`http_client.session`), and what the body of an answer says; every sink knows that of its own receiver.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from mist_pipeline.delivery.sink import Refused, Retry, Unknown
from mist_pipeline.http_client.failures import NoAnswerError, excerpt
from mist_pipeline.http_client.secrets import Secret, Secrets
from mist_pipeline.http_client.session import HttpAnswer


def no_answer(error: NoAnswerError, request: str = "") -> Retry | Unknown:
    """What it means that no answer came to a request that changes something at the receiver.

    Args:
        error: The failure.
        request: What was asked, for people, where the receiver alone does not say it.
    """
    text = f"{request}: {error}" if request else str(error)
    return Unknown(f"{text}; it may have arrived") if error.may_have_arrived else Retry(text)


def refusal(
    answer: HttpAnswer, receiver: str, secrets: Sequence[Secret] = (), *, now: datetime | None = None
) -> Retry | Refused | None:
    """What an answer means for a sink; None for 2xx.

    Args:
        answer: Any answer.
        receiver: Who answered, for people.
        secrets: Taken out of what the receiver said, should it repeat them.
        now: The present instant, by default of this machine; for a ``Retry-After`` without ``Date``.
    """
    if answer.is_success:
        return None
    said = excerpt(Secrets(secrets).hide(answer.text))
    text = f"{receiver} answered {answer.status}" + (f": {said}" if said else "")
    if _is_worth_a_retry(answer.status):
        return Retry(text, answer.retry_after_seconds(now or datetime.now(UTC)))
    if 300 <= answer.status < 400:
        return Refused(f"{text} (redirects are not followed: configure the final address)")
    return Refused(text)


def _is_worth_a_retry(status: int) -> bool:
    """Whether the same request may be accepted later: 408, 425, 429 and 5xx but 501 and 505."""
    return status in (408, 425, 429) or (status >= 500 and status not in (501, 505))
