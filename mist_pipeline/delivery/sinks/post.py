"""One HTTP request to a receiver of messages: time limits, no redirects, and whether it can have arrived.

Here: the request, the two ways of getting no answer, and what a status means for a sink. Not here: what is sent and
what the body of an answer says; every sink knows that of its own receiver.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3.exceptions import (
    HTTPError,
)

from mist_pipeline.delivery.sink import Refused, Retry, is_worth_a_retry
from mist_pipeline.http_client.failures import (
    _NEVER_SENT,
    HttpLimits,
    NoAnswerError,
    _chain,
    _in_words,
    excerpt,
)
from mist_pipeline.http_client.secrets import Secret, Secrets
from mist_pipeline.http_client.session import USER_AGENT, HttpAnswer, _read, _use_machine_settings
from mist_pipeline.http_client.urls import _cannot_be_made


def send(
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"],
    url: str,
    *,
    body: bytes | None = None,
    params: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    auth: AuthBase | None = None,
    limits: HttpLimits | None = None,
) -> HttpAnswer:
    """One request on a connection of its own; any status is an answer, redirects are not followed.

    Args:
        method: HTTP method.
        url: Checked by `checked_url`.
        body: As it goes out.
        params: Query.
        headers: Beside ``User-Agent``; ``Content-Type`` is JSON where there is a body and none is given.
        auth: `bearer`, `basic`, or None.
        limits: Defaults of `HttpLimits`.

    Raises:
        NoAnswerError: Says whether the request can have arrived; never quotes URL, headers or body.
    """
    limits = limits or HttpLimits()
    given = dict(headers or {})
    if body is not None and not any(name.lower() == "content-type" for name in given):
        given["Content-Type"] = "application/json"
    with requests.Session() as session:
        session.headers.update({"User-Agent": USER_AGENT, "Accept": "application/json"})
        # No second connection attempt behind our back: it would hide that the first may have arrived.
        session.mount("https://", HTTPAdapter(max_retries=0))
        session.mount("http://", HTTPAdapter(max_retries=0))
        _use_machine_settings(session, url)
        is_made = False
        try:
            request = session.prepare_request(
                requests.Request(method, url, data=body, params=params, headers=given, auth=auth)
            )
            is_made = True
            response = session.send(
                request,
                stream=True,
                timeout=(limits.connect_seconds, limits.read_seconds),
                allow_redirects=False,
            )
            with response:
                return HttpAnswer(
                    status=response.status_code,
                    headers={name.lower(): value for name, value in response.headers.items()},
                    body=_read(response, limits),
                )
        except (requests.RequestException, HTTPError, OSError, ValueError) as error:
            failure = _failure(error, limits) if is_made else _cannot_be_made(error)
    # Raised outside of the handler: the error of `requests` holds the request, and that holds the secrets.
    raise failure


def refusal(answer: HttpAnswer, receiver: str, secrets: Sequence[Secret] = ()) -> Retry | Refused | None:
    """What an answer means for a sink; None for 2xx.

    Args:
        answer: Any answer.
        receiver: Who answered, for people.
        secrets: Taken out of what the receiver said, should it repeat them.
    """
    if answer.is_success:
        return None
    said = excerpt(Secrets(secrets).hide(answer.text))
    text = f"{receiver} answered {answer.status}" + (f": {said}" if said else "")
    if is_worth_a_retry(answer.status):
        return Retry(text, answer.retry_after_seconds)
    if 300 <= answer.status < 400:
        return Refused(f"{text} (redirects are not followed: configure the final address)")
    return Refused(text)


def _failure(error: Exception, limits: HttpLimits) -> NoAnswerError:
    never_sent = any(isinstance(part, _NEVER_SENT) for part in _chain(error))
    return NoAnswerError(_in_words(error, limits, never_sent=never_sent), may_have_arrived=not never_sent)
