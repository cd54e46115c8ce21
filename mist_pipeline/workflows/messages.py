"""The worker of these settings: what messages say besides the ledger, and who sends them.

Knows nothing of Dagster: the command line uses it as well. Not here: what a message says (``notification.message``), when
rows are due (``alerts.outbox``).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property

from mist_pipeline.alerts.ledger.ledger import Ledger
from mist_pipeline.alerts.ledger.outbox import Outbox
from mist_pipeline.alerts.notify.outcome import Delivery
from mist_pipeline.delivery.message import Message
from mist_pipeline.delivery.rendering.remediation import Remediation
from mist_pipeline.notification.builder import compose, incident_ids, leading_pairs
from mist_pipeline.notification.charts import with_pictures
from mist_pipeline.notification.context import read_background
from mist_pipeline.notification.message_context import Background, Pair, Subject, Surroundings
from mist_pipeline.notification.worker import Worker
from mist_pipeline.report.queries.data import Links
from mist_pipeline.settings import Settings
from mist_pipeline.workflows.cloud import Cloud
from mist_pipeline.workflows.ledger_access import known_sites


def utc_now() -> datetime:
    """The clock of production."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class MessageBuilder:
    """Makes the messages of one run.

    Attributes:
        settings: For addresses, advice and sinks.
        ledger: What messages are about.
        run_id: The Dagster run that sends, '' without one.
    """

    settings: Settings
    ledger: Ledger
    run_id: str = ""

    def message(self, delivery: Delivery) -> Message:
        """The message of a row.

        Raises:
            NoSuchSubjectError: The ledger does not know its incident.
        """
        subjects: dict[str, Subject] = {}
        for incident_id in incident_ids(delivery):
            incident, alerts, _events = self.ledger.incident(incident_id)
            subjects[incident_id] = Subject(incident, tuple(alerts))
        surroundings = Surroundings(
            site_names=self._names,
            site_url=self._links.site,
            report_url=self._report_url,
            run_url=self._run_url,
            remediation=self._advice,
            background=self._background(delivery, subjects),
        )
        return compose(delivery, subjects, surroundings)

    def _background(self, delivery: Delivery, subjects: Mapping[str, Subject]) -> Mapping[Pair, Background]:
        """What the published copy says of the worst alerts, for sinks that show it."""
        kind = self.settings.notifications.sinks.get(delivery.sink)
        if kind is None or not kind.shows_pictures:
            return {}
        pairs = leading_pairs(delivery, subjects, self._names)
        known = read_background(self.settings.published_path, pairs, delivery.created_at)
        return with_pictures(known, pairs, self._thresholds)

    def _thresholds(self, metric: str) -> dict[str, float]:
        bands = self.settings.bands_of(metric)
        return {"critical": bands.critical, "major": bands.major, "warning": bands.warning}

    @cached_property
    def _names(self) -> dict[str, str]:
        return dict(known_sites(self.settings).select("site_id", "name").drop_nulls().iter_rows())

    @cached_property
    def _links(self) -> Links:
        cloud = Cloud(self.settings)
        return Links(manage_url=cloud.people_url, org_id=cloud.organisation.id or None)

    @cached_property
    def _advice(self) -> Remediation:
        return self.settings.notifications.advice()

    @property
    def _report_url(self) -> str | None:
        served = self.settings.notifications.reports_url
        return f"{served.rstrip('/')}/latest.html" if served else None

    @property
    def _run_url(self) -> str | None:
        console = self.settings.notifications.dagster_url
        return f"{console.rstrip('/')}/runs/{self.run_id}" if console and self.run_id else None


def worker(
    settings: Settings, ledger: Ledger, *, clock: Callable[[], datetime] = utc_now, run_id: str = ""
) -> Worker:
    """Who sends what is due to the configured sinks."""
    return Worker(
        Outbox(ledger.engine), settings.sinks(), MessageBuilder(settings, ledger, run_id).message, clock
    )
