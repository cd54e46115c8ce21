"""Reading from and writing to a ticket system in JSON, and what its answer means for a message.

Here: the difference between a question, which may be asked again without harm, and a write, which is `Unknown` where it
may have been carried out; and reading into documents that others wrote:

>>> text_of({"fields": {"status": {"id": 3}}}, "fields", "status", "id")
'3'
>>> rows_of({"issues": None}, "issues")
[]

Not here: the request itself (``http_client``), and what is asked (`jira`, `servicenow`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from mist_pipeline.delivery.http_outcome import no_answer, refusal
from mist_pipeline.delivery.sink import Refused, Retry, Unknown
from mist_pipeline.delivery.tickets.system import StoppedError
from mist_pipeline.http_client.failures import NoAnswerError, excerpt
from mist_pipeline.http_client.secrets import Secret, Secrets
from mist_pipeline.http_client.session import HttpAnswer, HttpLimits, as_json, basic, bearer, send
from mist_pipeline.http_client.urls import checked_base_url


@dataclass(frozen=True)
class Answer:
    """An answer that is no failure: its status and its JSON document (None for an empty body)."""

    status: int
    document: object = field(repr=False)


class TicketClient:
    """Sends single requests; safe to share between threads, never repeats anything by itself.

    Args:
        system: Name of the ticket system, for error texts.
        base_url: ``https://…`` (``http`` on this machine only), without the API's path.
        user: Who we are (for Jira Cloud the mail address); empty: the secret is a token that says so itself.
        secret: Password, API token, personal access token or OAuth token.
        limits: Limits of one request.

    Raises:
        ValueError: For an address that would send the credentials in the clear, or is none.
    """

    def __init__(
        self, system: str, base_url: str, user: str, secret: Secret, limits: HttpLimits | None = None
    ) -> None:
        self._system = system
        self.base_url = checked_base_url(base_url, f"{system.lower()}: base_url")
        self._secrets = [secret]
        self._auth = basic(user, secret) if user else bearer(secret)
        self._limits = limits

    def said(self, text: str) -> str:
        """What the system said, for people: one line, without our secret."""
        return excerpt(Secrets(self._secrets).hide(text))

    def query(
        self,
        path: str,
        params: Mapping[str, str] | None = None,
        body: object = None,
        *,
        also: frozenset[int] = frozenset(),
    ) -> Answer:
        """A question: GET, or POST where it has a body.

        Args:
            path: Path with its leading slash.
            params: Query.
            body: JSON body.
            also: Statuses besides 2xx that are answers, such as 404.

        Raises:
            StoppedError: With `Retry` or `Refused`.
        """
        method: Literal["GET", "POST"] = "GET" if body is None else "POST"
        what = f"{self._system}: {method} {path}"
        try:
            answer = self._send(method, path, params, body)
        except NoAnswerError as error:
            failure: Retry | Refused | None = Retry(f"{what}: {error}")
        else:
            if answer.status not in also:
                failure = refusal(answer, what, self._secrets)
                if failure is None and not _is_json(answer):
                    failure = Retry(f"{what} answered {answer.status}{_NOT_JSON}")
            else:
                failure = None
        if failure is not None:
            raise StoppedError(failure)
        return Answer(answer.status, answer.document())

    def write(self, method: Literal["POST", "PUT", "PATCH"], path: str, body: object) -> Answer:
        """A write.

        Raises:
            StoppedError: With `Retry` where it surely was not carried out, `Unknown` where it may have been, or
                `Refused`.
        """
        what = f"{self._system}: {method} {path}"
        try:
            answer = self._send(method, path, None, body)
        except NoAnswerError as error:
            raise StoppedError(no_answer(error, what)) from None
        failure: Retry | Unknown | Refused | None = refusal(answer, what, self._secrets)
        if isinstance(failure, Retry) and answer.status >= 500 and answer.status != 503:
            # A gateway that gave up waiting, or a server that failed late, may have carried it out.
            failure = Unknown(failure.error, after_seconds=failure.after_seconds)
        if failure is None and not _is_json(answer):
            failure = Unknown(f"{what} answered {answer.status}{_NOT_JSON}")
        if failure is not None:
            raise StoppedError(failure, answer.document())
        return Answer(answer.status, answer.document())

    def _send(
        self,
        method: Literal["GET", "POST", "PUT", "PATCH"],
        path: str,
        params: Mapping[str, str] | None,
        body: object,
    ) -> HttpAnswer:
        return send(
            method,
            self.base_url + path,
            body=None if body is None else as_json(body),
            params=params,
            auth=self._auth,
            limits=self._limits,
        )


_NOT_JSON = " with something else than JSON (a login page, a sleeping instance, a proxy?)"


def _is_json(answer: HttpAnswer) -> bool:
    return not answer.body.strip() or answer.document() is not None


def dig(document: object, *path: str) -> object:
    """The value under nested keys, None where one is missing."""
    for key in path:
        if not isinstance(document, Mapping):
            return None
        document = document.get(key)
    return document


def text_of(document: object, *path: str) -> str:
    """The text under nested keys (numbers as text), empty where there is none."""
    value = dig(document, *path)
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""


def rows_of(document: object, *path: str) -> list[object]:
    """The list under nested keys, empty where there is none."""
    value = dig(document, *path)
    return value if isinstance(value, list) else []
