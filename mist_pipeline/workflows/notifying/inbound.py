"""The listener of these settings: what people do with pages in PagerDuty goes into the ledger.

Not here: the application (``notification.inbound``), what a webhook says (``delivery.sinks.pagerduty``), and what follows for
an incident (``alerts.ledger.pages``).
"""

import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from starlette.types import ASGIApp

from mist_pipeline.alerts.ledger.pages import TAKEN_WITHIN, PageNews
from mist_pipeline.delivery.sinks.pagerduty.api import PagerDutyApi, PagerDutyApiError
from mist_pipeline.delivery.sinks.pagerduty.inbound import PageEvent
from mist_pipeline.delivery.sinks.pagerduty.keys import incident_id_of
from mist_pipeline.http_client.secrets import Secret
from mist_pipeline.notification.inbound import AskAgainError, application
from mist_pipeline.settings import Settings, SettingsError
from mist_pipeline.workflows.ledger_access import notification_rules, open_ledger
from mist_pipeline.workflows.notifying.messages import utc_now

_log = logging.getLogger(__name__)

ASK_AGAIN_WITHIN = timedelta(minutes=10)
"""So long PagerDuty is asked to tell again. It does so for twenty minutes, then drops the webhook, and after three dropped
ones it turns the subscription off for a day: what others did must not cost us that."""


def signing_keys(settings: Settings) -> dict[str, list[Secret]]:
    """Sink → signing keys, of all pagers that have one."""
    pagers = settings.notifications.pagers
    keys = {name: pager.signing_keys(settings.secrets) for name, pager in pagers.items()}
    return {name: of_one for name, of_one in keys.items() if of_one}


def apis(settings: Settings) -> dict[str, PagerDutyApi]:
    """Sink → REST API, of all pagers that have a token for it."""
    pagers = settings.notifications.pagers
    asked = {name: pager.api(name, settings.secrets) for name, pager in pagers.items()}
    return {name: api for name, api in asked.items() if api is not None}


def listening(settings: Settings, clock: Callable[[], datetime] = utc_now) -> ASGIApp:
    """The application.

    Args:
        settings: With the signing keys.
        clock: What time it is.

    Raises:
        SettingsError: No pager has a signing key, so no webhook could be verified.
    """
    keys = signing_keys(settings)
    if not keys:
        raise SettingsError(
            "no webhook could be verified: give a sink of type pagerduty signing_keys_from, the variables that hold the signing "
            "keys of its webhook subscriptions"
        )
    asked = apis(settings)
    return application(keys, lambda event: heard(settings, asked, event, clock()))


def heard(settings: Settings, asked: Mapping[str, PagerDutyApi], event: PageEvent, now: datetime) -> str:
    """Write down what happened in PagerDuty; returns what came of it, for the log.

    A signature says who wrote a webhook, not when it was sent: what happened long ago was sent before, and somebody kept it.
    It is accepted and ignored, because PagerDuty turns off a subscription that is refused, and our clock may be wrong.

    Raises:
        AskAgainError: Whose incident it is, only the REST API can say, and it does not answer.
    """
    if abs(now - event.at) > TAKEN_WITHIN:
        _log.warning(
            "ignored a webhook of %s; it is %s here, and they differ by more than %d minutes",
            *(f"{at:%Y-%m-%d %H:%M} UTC" for at in (event.at.astimezone(UTC), now)),
            TAKEN_WITHIN.total_seconds() // 60,
        )
        return "ignored: not of now"
    with open_ledger(settings) as ledger:
        subjects, failure = set(event.subjects), None
        if event.sink in asked and event.act != "opened":
            try:
                keys = asked[event.sink].alert_keys(event.page)
                subjects |= {one for one in map(incident_id_of, keys) if one}
            except PagerDutyApiError as error:
                failure = error
        if failure is not None and not subjects and not ledger.knows_page(event.page):
            if failure.may_heal and now - event.at < ASK_AGAIN_WITHIN:
                raise AskAgainError(str(failure)) from None
            _log.warning("whose incident %s of PagerDuty is, is not known: %s", event.page, failure)
        news = PageNews(
            page=event.page,
            act=event.act,
            at=event.at,
            by=event.by,
            subjects=tuple(sorted(subjects)),
            into=event.into,
            sink=event.sink,
            event_id=event.event_id,
        )
        changed = {one.kind for one in ledger.record_page(news, now) if one.subject == "incident"}
        if changed:
            ledger.notify(notification_rules(settings), now)
        is_ours = ledger.knows_page(event.page)
    if changed:
        return " and ".join(sorted(changed))
    return "noted" if is_ours else "of no incident of ours"
