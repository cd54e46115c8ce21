"""PagerDuty's REST API: which alerts are in an incident of PagerDuty.

PagerDuty may group alerts of several of our incidents into one of its own, and its webhooks name none of them; the alerts
carry the keys that we sent. One question, read only. Not here: sending events (`sink`), webhooks (`inbound`).
"""

from typing import Any

from mist_pipeline.http_client.failures import NoAnswerError, excerpt
from mist_pipeline.http_client.secrets import Secret, Secrets
from mist_pipeline.http_client.session import HeaderAuth, HttpLimits, send
from mist_pipeline.http_client.urls import checked_base_url

LIMITS = HttpLimits(connect_seconds=1.5, read_seconds=2.0, total_seconds=3.0)
"""PagerDuty waits five seconds for the answer to a webhook, in which this question is asked."""

_A_PAGE = 100
_MOST_PAGES = 5


class PagerDutyApiError(Exception):
    """The alerts could not be read.

    Attributes:
        may_heal: Whether asking again may help.
    """

    def __init__(self, text: str, *, may_heal: bool) -> None:
        self.may_heal = may_heal
        super().__init__(text)


class PagerDutyApi:
    """Reads alerts.

    Args:
        name: Of the sink, for errors.
        token: A REST API key; a read-only one suffices.
        url: Of the REST API.
        limits: Of one request.

    Raises:
        ValueError: The address is none, or the token cannot be one.
    """

    def __init__(self, name: str, token: Secret, *, url: str, limits: HttpLimits = LIMITS) -> None:
        text = token.reveal()
        if not text or not text.isascii() or not text.isprintable() or " " in text:
            raise ValueError(
                f"pagerduty of {name}: the API token is empty or holds spaces, line ends or characters beyond ASCII"
            )
        self._url = checked_base_url(url, f"pagerduty api_url of {name}")
        self._token = token
        self._limits = limits

    def alert_keys(self, incident: str) -> list[str]:
        """Keys of the alerts in an incident of PagerDuty, foreign ones included.

        Raises:
            PagerDutyApiError: PagerDuty did not say.
        """
        keys: list[str] = []
        for number in range(_MOST_PAGES):
            document = self._ask(incident, number * _A_PAGE)
            alerts = document.get("alerts")
            if not isinstance(alerts, list):
                raise PagerDutyApiError("PagerDuty's answer lists no alerts", may_heal=False)
            keys += [
                str(one["alert_key"]) for one in alerts if isinstance(one, dict) and one.get("alert_key")
            ]
            if document.get("more") is not True:
                break
        return keys

    def _ask(self, incident: str, offset: int) -> dict[str, Any]:
        try:
            answer = send(
                "GET",
                f"{self._url}/incidents/{incident}/alerts",
                params={"limit": str(_A_PAGE), "offset": str(offset)},
                headers={"Accept": "application/vnd.pagerduty+json;version=2"},
                auth=HeaderAuth(Secret(f"Token token={self._token.reveal()}")),
                limits=self._limits,
            )
        except NoAnswerError as error:
            raise PagerDutyApiError(f"PagerDuty's REST API: {error}", may_heal=True) from None
        document = answer.document()
        if answer.status == 200 and isinstance(document, dict):
            return document
        said = excerpt(Secrets([self._token]).hide(answer.text))
        raise PagerDutyApiError(
            f"PagerDuty's REST API answered {answer.status}: {said}",
            may_heal=answer.status == 429 or answer.status >= 500,
        )
