"""Sending with these settings: what messages say besides the ledger, who sends them, and tests.

Here: putting ledger, settings, sinks and the published copy together. Not here: what a message says
(``notification.builder``), when rows are due (``alerts.ledger.outbox``), who is notified (``alerts.notify``).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property

from mist_pipeline.alerts.impacts.model import Impact
from mist_pipeline.alerts.impacts.together import together
from mist_pipeline.alerts.ledger.ledger import Ledger
from mist_pipeline.alerts.ledger.outbox import Done, Outbox
from mist_pipeline.alerts.ledger.sink_health import FailingSink
from mist_pipeline.alerts.notify.outcome import Delivery
from mist_pipeline.delivery.message import Message
from mist_pipeline.delivery.rendering.remediation import Remediation
from mist_pipeline.domain.console_links import answer_urls
from mist_pipeline.domain.severity import Severity
from mist_pipeline.notification.builder import compose, incident_ids, leading_pairs
from mist_pipeline.notification.charts import with_pictures
from mist_pipeline.notification.context import read_background
from mist_pipeline.notification.message_context import Background, Pair, Subject, Surroundings
from mist_pipeline.notification.worker import SinksFailedError, Worker
from mist_pipeline.report.queries.data import Links
from mist_pipeline.settings import Settings
from mist_pipeline.workflows.cloud import Cloud
from mist_pipeline.workflows.impact.losses import loss_together
from mist_pipeline.workflows.ledger_access import failing_sinks, known_sites, open_ledger
from mist_pipeline.workflows.shared_publishing import try_to_fetch


def utc_now() -> datetime:
    """The clock of production."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class SentTest:
    """What became of a test message.

    Attributes:
        sink: Where to.
        state: sent, failed, unknown or dead; pending or sending if another run has it.
        error: Of the sink.
    """

    sink: str
    state: str
    error: str


@dataclass(frozen=True)
class Sent:
    """What a run has sent.

    Attributes:
        done: Every message that was tried, in order.
        defect: What of ours broke; the sinks that it did not hit were served all the same.
        failing: Of all sinks those that fail after it.
    """

    done: Sequence[Done]
    defect: SinksFailedError | None = None
    failing: Sequence[FailingSink] = ()


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
            console_url=self.settings.web.console_url,
            answer_urls=lambda name, at: answer_urls(
                self.settings.web.console_url, name, self.settings.link_key, at
            ),
            run_url=self._page_of_run(self.run_id),
            failed_run_url=self._page_of_run,
            remediation=self._advice,
            background=self._background(delivery, subjects),
            impacts=self._impacts(delivery, subjects),
            device_url=self._links.device,
        )
        return compose(delivery, subjects, surroundings)

    def _impacts(self, delivery: Delivery, subjects: Mapping[str, Subject]) -> Mapping[str, Impact]:
        """How large they are, without the names of clients where they are not to be shown any more; a digest as one."""
        found: dict[str, Impact] = {}
        if delivery.kind == "digest":
            whole = self._together(delivery, subjects)
            found = {} if whole is None else {delivery.incident_id: whole}
        else:
            found = {name: own[0] for name, own in self.ledger.impacts(subjects).items()}
        if self.settings.privacy.show_clients:
            return found
        return {name: replace(impact, clients=()) for name, impact in found.items()}

    def _together(self, delivery: Delivery, subjects: Mapping[str, Subject]) -> Impact | None:
        """How large the incidents of a digest are together; those that were over before they were noticed do not count."""
        told = {
            name: subject
            for name, subject in subjects.items()
            if not subject.is_past
            and subject.incident.state != "merged"
            and any(alert.site_id for alert in subject.alerts)
        }
        sizes = self.ledger.impacts(told)
        alerts = [
            alert
            for subject in told.values()
            for alert in subject.alerts
            if alert.opened_at is not None and alert.site_id
        ]
        return together(
            delivery.incident_id,
            {name: sizes.get(name, []) for name in told},
            {alert.site_id for alert in alerts if alert.is_active} or {alert.site_id for alert in alerts},
            loss_together(self.settings, alerts, delivery.created_at),
        )

    def _background(self, delivery: Delivery, subjects: Mapping[str, Subject]) -> Mapping[Pair, Background]:
        """What the published copy says of the worst alerts, for sinks that show it."""
        kind = self.settings.notifications.sinks.get(delivery.sink)
        if kind is None or not kind.shows_pictures:
            return {}
        pairs = leading_pairs(delivery, subjects, self._names)
        onsets = {
            (alert.site_id, alert.metric): alert.began_at or alert.opened_at or alert.pending_since
            for subject in subjects.values()
            for alert in subject.alerts
        }
        try_to_fetch(self.settings)
        files = (self.settings.published_path, self.settings.published_live_path)
        known = read_background(*files, pairs, delivery.created_at, onsets)
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

    def _page_of_run(self, run_id: str) -> str | None:
        console = self.settings.notifications.dagster_url
        return f"{console.rstrip('/')}/runs/{run_id}" if console and run_id else None


def worker(
    settings: Settings, ledger: Ledger, *, clock: Callable[[], datetime] = utc_now, run_id: str = ""
) -> Worker:
    """The worker that sends what is due to the configured sinks."""
    return Worker(
        Outbox(ledger.engine),
        settings.sinks(),
        MessageBuilder(settings, ledger, run_id).message,
        clock,
        secrets=settings.known_secrets(),
    )


def send_due(
    settings: Settings,
    ledger: Ledger,
    sinks: Iterable[str],
    *,
    clock: Callable[[], datetime] = utc_now,
    run_id: str = "",
) -> Sent:
    """Send what is due to these sinks; each fails alone."""
    defect = None
    try:
        done: Sequence[Done] = worker(settings, ledger, clock=clock, run_id=run_id).run(sinks)
    except SinksFailedError as error:
        done, defect = error.done, error
    return Sent(done, defect, failing_sinks(settings, ledger, clock()))


def send_tests(
    settings: Settings, ledger: Ledger, sinks: Sequence[str], severity: Severity
) -> list[SentTest]:
    """Put a test for each sink into the outbox and send what waits for these sinks, the tests last.

    Raises:
        SinksFailedError: Something of ours broke; the tests stay in the outbox.
    """
    # By the clock of the machine, whatever instant was asked about: this really happens, and now.
    notices = ledger.send_test(sinks, severity, utc_now())
    worker(settings, ledger).run(sinks)
    found = []
    for notice in notices:
        row = ledger.records(notice.incident_id)["deliveries"][0]
        found.append(SentTest(notice.sink, str(row["state"]), str(row["last_error"])))
    return found


def is_message_due(settings: Settings, now: datetime) -> bool:
    """Whether a message to a configured sink is due."""
    with open_ledger(settings) as ledger:
        return Outbox(ledger.engine).is_waiting(now, settings.notifications.sinks)


def sentence(one: Done) -> str:
    """What became of a message, for the log."""
    delivery = one.delivery
    return f"{delivery.sink}: {delivery.reason} of incident {delivery.incident_id} is {one.state}: {error_of(one)}"


def error_of(one: Done) -> str:
    """Why a message was not sent, or what the sink noted; '' if there is nothing to say."""
    return str(getattr(one.outcome, "error", "") or getattr(one.outcome, "note", ""))
