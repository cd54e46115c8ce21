"""A run that asks about the incidents that opened, grew worse, go on or ended, and keeps what it learnt in the ledger.

It never holds up a message for more than `DEADLINE_SECONDS` or so, and never fails because the cloud does: what is not
answered says why. Not here: what is asked and read (`answers`).
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from mist_pipeline.alerts.impacts.due import due_incidents, incident_ids
from mist_pipeline.alerts.impacts.measured import Answer, Counts, impacts
from mist_pipeline.alerts.impacts.model import Impact
from mist_pipeline.alerts.impacts.questions import Place, Question, every_question, fitting, places
from mist_pipeline.collect.fetch.spellings import known_spellings
from mist_pipeline.collect.raw.errors import RawDamagedError
from mist_pipeline.http_client.retry import RetryPolicy
from mist_pipeline.http_client.session import HttpLimits
from mist_pipeline.mist import endpoints
from mist_pipeline.mist.budget import LIVE_SHARE
from mist_pipeline.mist.client import Limits, MistClient
from mist_pipeline.mist.endpoints import Call
from mist_pipeline.mist.errors import MistError, Unavailable
from mist_pipeline.mist.page import Page
from mist_pipeline.settings import Settings, SettingsError
from mist_pipeline.storage.files import StoreError
from mist_pipeline.workflows.cloud import Cloud
from mist_pipeline.workflows.impact.answers import NOT_OFFERED, TOO_LATE, answer_of, call_of, names, why
from mist_pipeline.workflows.impact.losses import losses_of
from mist_pipeline.workflows.ledger_access import open_ledger
from mist_pipeline.workflows.shared_files import raw_store

DEADLINE_SECONDS = 30.0
"""Messages wait behind this: what has not come by then is asked again in an hour."""
SHARE_OF_LANE = 0.25
"""Part of the live lane's hour that one run may spend, and never more than half of what is left: polls come first."""
_LIMITS = Limits(
    http=HttpLimits(connect_seconds=3.0, read_seconds=8.0, total_seconds=10.0, max_bytes=8 << 20),
    retry=RetryPolicy(attempts=2, cap_seconds=2.0),
)


@dataclass(frozen=True)
class AskedAbout:
    """What a run learnt.

    Attributes:
        impacts: Of every incident that was due, the whole one.
        calls: Questions that were sent.
        left_out: Questions for which no calls were left.
    """

    impacts: Sequence[Impact] = ()
    calls: int = 0
    left_out: int = 0


def ask_who_is_hit(
    settings: Settings,
    now: datetime,
    *,
    warn: Callable[[str], None],
    elapsed: Callable[[], float] = time.monotonic,
) -> AskedAbout:
    """Learn the size of the incidents that are due, and keep it.

    Args:
        settings: The cloud, the ledger, and whether clients are shown.
        now: The instant.
        warn: Is told what could not be asked.
        elapsed: Seconds that pass, for the deadline.
    """
    with open_ledger(settings) as ledger:
        state = ledger.lifecycle_state(now)
        known = ledger.impacts(incident_ids(state))
    before = {name: own[0] for name, own in known.items() if own and own[0].is_whole}
    due = due_incidents(state, before, now)
    if not due:
        return AskedAbout()
    asked = [places(one, now) for one in due]
    run = _Run(settings, now, warn, elapsed)
    run.ask(asked)
    losses = losses_of(settings, due, now)
    found = [
        impacts(one, own, run.answers, losses.get(one.incident.incident_id), now)
        for one, own in zip(due, asked, strict=True)
    ]
    with open_ledger(settings) as ledger:
        ledger.record_impacts([impact for own in found for impact in own])
    return AskedAbout([own[0] for own in found], run.calls, run.left_out)


class _Run:
    """One round of questions, and what came of them."""

    def __init__(
        self, settings: Settings, now: datetime, warn: Callable[[str], None], elapsed: Callable[[], float]
    ) -> None:
        self._settings = settings
        self._now = now
        self._warn = warn
        self._elapsed = elapsed
        self._ends = elapsed() + DEADLINE_SECONDS
        self._shows_clients = settings.privacy.show_clients
        self._named: dict[str, Mapping[str, str | None] | str] = {}
        """Site → what it calls its service levels, or why that is not known."""
        self.answers: dict[Question, Answer] = {}
        self.calls = 0
        self.left_out = 0

    def ask(self, asked: Sequence[Sequence[Place]]) -> None:
        """Ask about these places, the worst incident first; every question gets an answer, or why it has none."""
        everything = every_question(asked, shows_clients=self._shows_clients)
        if not everything:
            return
        if not self._settings.tokens:
            self.answers |= dict.fromkeys(everything, "not asked: no API token is configured")
            return
        cloud = Cloud(self._settings)
        try:
            with cloud.client(patience_seconds=1.0, limits=_LIMITS) as client:
                room = _room(client)
                self._named |= self._known_names()
                affordable = fitting(everything, room, self._named)
                self.left_out = len(everything) - len(affordable)
                self._put(client, affordable)
                missing = [place for place in _places(affordable) if self._lacks_users(place)]
                room = min(room - self.calls, _room(client))
                self._put(client, [Question(place, "people") for place in missing][: max(0, room)])
            rest = f"not asked: {self.calls} calls could be spent on {len(everything)} questions, worst incidents first"
        except SettingsError as error:
            rest = "not asked: this data folder cannot ask this cloud"
            self._warn(f"Who is hit was not asked: {error}")
        except (MistError, OSError) as error:
            rest = why(error)
            self._warn(f"Who is hit could not be asked: {error}")
        for question in everything:
            self.answers.setdefault(question, rest)

    def _lacks_users(self, place: Place) -> bool:
        counts = self.answers.get(Question(place, "counts"))
        return isinstance(counts, Counts) and counts.num_users is None and not self._shows_clients

    def _put(self, client: MistClient, wanted: Sequence[Question]) -> None:
        """Send questions and keep their answers."""
        if not wanted:
            return
        self._learn_names(client, {question.place.site_id for question in wanted} - self._named.keys())
        by_call: dict[Call, list[Question]] = {}
        for question in wanted:
            spelled = self._named[question.place.site_id]
            if isinstance(spelled, str):
                self.answers[question] = spelled
                continue
            spelling = spelled.get(question.place.metric)
            if spelling is None or not endpoints.is_plain_id(spelling):
                self.answers[question] = NOT_OFFERED
            else:
                by_call.setdefault(call_of(question, spelling), []).append(question)
        for call, result in self._sent(client, list(by_call)):
            answer = answer_of(by_call[call][0], result, shows_clients=self._shows_clients)
            self.answers |= dict.fromkeys(by_call[call], answer)

    def _known_names(self) -> Mapping[str, Mapping[str, str | None]]:
        try:
            return known_spellings(raw_store(self._settings), self._now)
        except (RawDamagedError, StoreError) as error:
            self._warn(f"Names of service levels are asked again: {error}")
            return {}

    def _learn_names(self, client: MistClient, sites: set[str]) -> None:
        """Ask what these sites call their service levels."""
        calls = [endpoints.sle_metrics(site) for site in sorted(sites)]
        for call, result in self._sent(client, calls):
            self._named[call.site_id] = names(result)

    def _sent(
        self, client: MistClient, calls: Sequence[Call]
    ) -> Iterator[tuple[Call, list[Page] | MistError]]:
        """Calls with their answers, until the deadline; those that were not sent say so."""
        left = dict.fromkeys(calls)
        if calls and self._elapsed() < self._ends:
            answers = client.fetch_many(calls, lane="live")
            try:
                for call, result in answers:
                    self.calls += 1
                    left.pop(call, None)
                    yield call, result
                    if self._elapsed() >= self._ends:
                        break
            finally:
                answers.close()
        for call in left:
            yield call, Unavailable(TOO_LATE)


def _room(client: MistClient) -> int:
    """Calls that one run may spend."""
    share = round(client.budget.calls_per_hour("live") * LIVE_SHARE * SHARE_OF_LANE)
    return min(share, client.budget.remaining("live") // 2)


def _places(asked: Sequence[Question]) -> list[Place]:
    return list(dict.fromkeys(question.place for question in asked))
