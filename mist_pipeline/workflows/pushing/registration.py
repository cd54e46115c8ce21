"""The webhook of the organisation: made, looked at, pinged and removed over the cloud's API.

Not here: what arrives (`receive`), words and colours (``cli``). A webhook of ours is known by its address, or by its name where
the address has changed.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal
from urllib.parse import urlsplit

from mist_pipeline.domain.text import clean
from mist_pipeline.http_client.secrets import Secret
from mist_pipeline.http_client.session import as_json
from mist_pipeline.http_client.urls import checked_url
from mist_pipeline.mist import endpoints
from mist_pipeline.mist.client import MistClient
from mist_pipeline.mist.parsers import Webhook, WebhookDelivery, parse_webhook_deliveries, parse_webhooks
from mist_pipeline.settings import Settings, SettingsError
from mist_pipeline.workflows.ledger_access import open_pushes
from mist_pipeline.workflows.pushing.receive import webhook_secrets

NAME = "mist-pipeline"
"""What our webhook is called in the cloud."""

TOPICS = ("alarms", "audits", "device-events", "device-updowns")
"""What it tells; the cloud allows no service levels in a webhook of an organisation."""

LOOK_BACK = timedelta(days=1)
PING_PATIENCE_SECONDS = 20.0
"""How long a ping may take; the cloud says that messages arrive within about five seconds."""

_READ_ONLY = ("id", "org_id", "site_id", "created_time", "modified_time", "for_site")


@dataclass(frozen=True)
class Wanted:
    """The webhook as it has to be.

    Attributes:
        url: Where the cloud is to send to.
        secret: What it is to sign with.
    """

    url: str
    secret: Secret


def wanted(settings: Settings, url: str | None, *, is_real: bool) -> Wanted:
    """The webhook that these settings need.

    Args:
        settings: With the secrets.
        url: Address; None: ``/mist`` of `web.console_url`.
        is_real: Whether the cloud is one of Mist's, which reaches https alone.

    Raises:
        SettingsError: There is no secret, no address, or the cloud cannot reach it.
    """
    secrets, variable = webhook_secrets(settings), settings.mist.webhook_secret_from
    if not secrets:
        raise SettingsError(
            f'{variable} is not set: export {variable}="$(openssl rand -hex 24)", '
            "and give it to `mist-pipeline web` or `daemon`, too"
        )
    if url is None and settings.web.console_url is None:
        raise SettingsError(
            "where is the cloud to send to? Give --url, such as --url https://mist.example.com/mist, or set web.console_url"
        )
    given = url or f"{(settings.web.console_url or '').rstrip('/')}/mist"
    try:
        address = checked_url(given, "--url" if url else "web.console_url")
    except ValueError as error:
        raise SettingsError(str(error)) from None
    if is_real and urlsplit(address).scheme != "https":
        raise SettingsError(
            f"the cloud reaches https alone, not {clean(address)}: see docs/webhooks.md for the proxy"
        )
    return Wanted(address, secrets[0])


def found(client: MistClient, url: str) -> Webhook | None:
    """Our webhook: the one with this address, else the one with our name.

    Raises:
        MistError: The cloud did not say.
    """
    org_id = client.resolve_org().id
    pages = [page.document for page in client.pages(endpoints.webhooks(org_id))]
    every = parse_webhooks(*pages)
    same = [one for one in every if one.url.strip() == url]
    named = [one for one in every if one.name == NAME]
    return next(iter(sorted(same, key=lambda one: not one.is_enabled)), None) or next(iter(named), None)


Change = Literal["made", "changed", "unchanged"]


def register(client: MistClient, wish: Wanted) -> Change:
    """Make our webhook, or bring it up to date; doing it twice is fine.

    Raises:
        Forbidden: The token may read and not write.
        MistError: The cloud did not do it, or nobody knows whether it did: the same again looks first.
    """
    org_id = client.resolve_org().id
    is_there = found(client, wish.url)
    if is_there is None:
        body = {
            "name": NAME,
            "type": "http-post",
            "url": wish.url,
            "secret": wish.secret.reveal(),
            "verify_cert": True,
            "enabled": True,
            "topics": list(TOPICS),
        }
        client.change(endpoints.add_webhook(org_id, as_json(body)))
        return "made"
    if not differences(is_there, wish):
        return "unchanged"
    kept = {name: value for name, value in is_there.document.items() if name not in _READ_ONLY}
    body = {
        **kept,
        "name": is_there.name or NAME,
        "type": "http-post",
        "url": wish.url,
        "secret": wish.secret.reveal(),
        "enabled": True,
        "topics": sorted({*is_there.topics, *TOPICS}),
    }
    client.change(endpoints.replace_webhook(org_id, is_there.id, as_json(body)))
    return "changed"


def differences(is_there: Webhook, wish: Wanted) -> list[str]:
    """What of a webhook is not as it has to be, in words; secrets are compared and not shown."""
    missing = [topic for topic in TOPICS if topic not in is_there.topics]
    secret = is_there.document.get("secret")
    said = {
        f"it is of type {clean(is_there.kind)}, not http-post": is_there.kind != "http-post",
        "it is switched off": not is_there.is_enabled,
        "it sends to another address": is_there.url.strip() != wish.url,
        f"it does not tell {', '.join(missing)}": bool(missing),
        # A token that may only read is not shown the secret.
        "it signs with another secret than this installation has": isinstance(secret, str)
        and bool(secret.strip("*"))
        and secret != wish.secret.reveal(),
        "it does not sign: it has no secret": secret == "",
    }
    return [words for words, is_so in said.items() if is_so]


def remove(client: MistClient, webhook: Webhook) -> None:
    """End a webhook.

    Raises:
        Forbidden: The token may read and not write.
        MistError: The cloud did not do it.
    """
    client.change(endpoints.remove_webhook(client.resolve_org().id, webhook.id))


@dataclass(frozen=True)
class Results:
    """What came of the messages of a day, as the cloud saw it.

    Attributes:
        taken: How many were taken.
        failed: How many were not.
        last_taken_at: The last that was.
        last_failed: The last that was not.
    """

    taken: int = 0
    failed: int = 0
    last_taken_at: datetime | None = None
    last_failed: WebhookDelivery | None = field(default=None)


def results(client: MistClient, webhook: Webhook, now: datetime) -> Results:
    """What the cloud says came of the newest messages of the last day (a hundred at most).

    Raises:
        MistError: The cloud did not say.
    """
    end = int(now.timestamp()) + 1
    call = endpoints.webhook_deliveries(
        client.resolve_org().id, webhook.id, end - int(LOOK_BACK.total_seconds()), end
    )
    (page,) = client.pages(call)
    return summed(parse_webhook_deliveries(page.document))


def summed(deliveries: Sequence[WebhookDelivery]) -> Results:
    """Results of messages, in any order."""
    taken = [one for one in deliveries if one.is_success]
    failed = [one for one in deliveries if not one.is_success]
    last = max((one.timestamp for one in taken), default=None)
    return Results(
        taken=len(taken),
        failed=len(failed),
        last_taken_at=None if last is None else datetime.fromtimestamp(last, UTC),
        last_failed=max(failed, key=lambda one: one.timestamp, default=None),
    )


def pinged(
    client: MistClient,
    settings: Settings,
    webhook: Webhook,
    *,
    timer: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> float | None:
    """Let the cloud ping the webhook, and wait for it in our own ledger.

    Args:
        client: Asks.
        settings: Where the ledger is.
        webhook: What is pinged.
        timer: Seconds that pass.
        sleep: Waits so many seconds.

    Returns:
        Seconds until it was there; None: it did not come.

    Raises:
        Forbidden: The token may read and not write.
        MistError: The cloud did not ping.
    """
    before = _pings(settings)
    begun = timer()
    client.change(endpoints.ping_webhook(client.resolve_org().id, webhook.id))
    while timer() - begun < PING_PATIENCE_SECONDS:
        if _pings(settings) > before:
            return timer() - begun
        sleep(0.25)
    return None


def _pings(settings: Settings) -> int:
    """How many pings have arrived, whatever came of them: what is too old for us has arrived, too."""
    with open_pushes(settings) as pushes:
        return sum(one.number for one in pushes.counts() if one.topic == "ping")
