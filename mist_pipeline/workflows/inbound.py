"""The listener of these settings: what a person did with a page goes into the ledger.

Not here: the application, and what a signature is (``notification.inbound``).
"""

from starlette.applications import Starlette

from mist_pipeline.alerts.ledger.reader import NoSuchSubjectError
from mist_pipeline.delivery.sinks.pagerduty.inbound import PersonActed
from mist_pipeline.http_client.secrets import Secret
from mist_pipeline.notification.inbound import application
from mist_pipeline.settings import Settings, SettingsError
from mist_pipeline.workflows.ledger_access import notification_rules, open_ledger
from mist_pipeline.workflows.messages import utc_now


def signing_keys(settings: Settings) -> list[Secret]:
    """Keys of all pagers."""
    pagers = settings.notifications.pagers.values()
    return [key for pager in pagers for key in pager.signing_keys(settings.secrets)]


def listening(settings: Settings) -> Starlette:
    """The application.

    Raises:
        SettingsError: No pager has a signing key, so no webhook could be verified.
    """
    keys = signing_keys(settings)
    if not keys:
        raise SettingsError(
            "nothing to listen for: give a sink of type pagerduty signing_keys_from, the variables that hold the signing "
            "keys of its webhook subscriptions"
        )

    def acted(action: PersonActed) -> str:
        """Taken and closed both mean that a person knows; what is over, readings decide."""
        now = utc_now()
        with open_ledger(settings) as ledger:
            try:
                events = ledger.acknowledge(action.incident_id, action.by or "PagerDuty", now)
            except NoSuchSubjectError:
                return "unknown incident"
            if events:
                ledger.notify(notification_rules(settings), now)
            return "acknowledged" if events else "known"

    return application(keys, acted)
