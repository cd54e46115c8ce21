"""Buttons of Slack: who presses one takes an incident, or says what he thinks of it.

Not here: the application (``notification.slack_inbound``), what a request says (``delivery.sinks.slack.inbound``), what a decision does
(`decisions`).
"""

from collections.abc import Callable
from datetime import datetime

from starlette.types import ASGIApp

from mist_pipeline.alerts.ledger.database import LedgerUnavailableError
from mist_pipeline.alerts.ledger.reader import NoSuchSubjectError
from mist_pipeline.delivery.sinks.slack.config import SlackConfig
from mist_pipeline.delivery.sinks.slack.inbound import Press, answer
from mist_pipeline.http_client.secrets import Secret
from mist_pipeline.notification.slack_inbound import NotNowError, application
from mist_pipeline.settings import Settings
from mist_pipeline.workflows.ledger_access import open_ledger
from mist_pipeline.workflows.notifying import decisions
from mist_pipeline.workflows.notifying.messages import utc_now


def signing_secrets(settings: Settings) -> dict[str, Secret]:
    """Sink → signing secret, of all bots whose messages have buttons."""
    bots = {
        name: sink for name, sink in settings.notifications.sinks.items() if isinstance(sink, SlackConfig)
    }
    found = {name: bot.signing_secret(settings.secrets) for name, bot in bots.items()}
    return {name: secret for name, secret in found.items() if secret is not None}


def pressing(
    settings: Settings,
    clock: Callable[[], datetime] = utc_now,
    answering: Callable[[str, str], str] = answer,
) -> ASGIApp | None:
    """The application; None where no bot has buttons.

    Args:
        settings: With the signing secrets.
        clock: What time it is.
        answering: Sends the answer to whoever pressed (`delivery.sinks.slack.inbound.answer`).
    """
    secrets = signing_secrets(settings)
    if not secrets:
        return None
    return application(secrets, lambda press: pressed(settings, press, clock()), answering, clock)


def pressed(settings: Settings, press: Press, now: datetime) -> str:
    """Do what a press asks for; returns what came of it, for the person who pressed, '' for a press that is known already.

    Raises:
        NotNowError: The ledger cannot be written.
    """
    try:
        with open_ledger(settings) as ledger:
            sink = next(
                (one for one in press.sinks if _has_posted(ledger.reference(one, press.incident_id), press)),
                None,
            )
            if sink is None:
                # Of another workspace of the same app, forged by somebody in one, or of a ledger that was begun anew.
                return "This message is of no incident that is known here; nothing was kept."
            if not ledger.hear(sink, press.event_id, now):
                return ""
            about = press.incident_id
            # The message of an incident that was merged is still there; its alerts are where it went.
            while into := ledger.incident(about)[0].merged_into:
                about = into
            if press.action == "acknowledge":
                decided = decisions.acknowledge(settings, ledger, about, press.who, now)
                if not decided.is_changed:
                    return "Somebody has taken this incident already, or it is over; nothing changes."
                return "You have taken this incident: nobody else is called for it."
            ledger.add_feedback(press.action, press.who, now, incident_id=about)
            return f"Thank you. Kept in your name: {press.action}."
    except NoSuchSubjectError:
        return "This incident is not in the ledger any more; nothing was kept."
    except LedgerUnavailableError as error:
        raise NotNowError(str(error)) from None


def _has_posted(reference: dict[str, str], press: Press) -> bool:
    """Whether the button is on a message that we have posted about this incident."""
    return press.message in reference.values()
