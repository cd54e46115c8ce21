"""Deciding: each decision has a page that says what it does, and a form on it that does it.

Nothing is decided by following a link. Not here: what a decision does (``workflows.notifying.decisions``).
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import get_args

from starlette.responses import Response

from mist_pipeline.domain.console_links import is_signed
from mist_pipeline.domain.text import clean, instant, span_of
from mist_pipeline.overview.actions import ActionFailedError, Actions, Verdict
from mist_pipeline.overview.model import IncidentDetail
from mist_pipeline.web.address import BadAddressError
from mist_pipeline.web.context import Context, Done, Page
from mist_pipeline.web.pages.incident import detail_of

VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
LENGTHS = ("1h", "2h", "4h", "8h", "1d", "3d", "1w")
"""Lengths of a silence that are offered; others can be typed."""
_MOST_COMMENT = 400

WORDS = {
    "acknowledge": ("Acknowledge this incident", "You take it: nobody else is called for it, and people who heard of it are told.", "Acknowledge"),
    "resolve": ("Close this incident", "It is over, with all of its alerts; people who heard of it are told. It comes back if it fires again.", "Close it"),
    "feedback": ("What do you think of this incident?", "It counts in the scorecard; days of planned work leave the baselines. Nobody is notified.", "Keep"),
}  # fmt: skip
"""Decision → its title, what it does, and the word on its button."""


def asking(decision: str) -> Callable[[Context], Response]:
    """The page of a decision about an incident."""

    def page(context: Context) -> Response:
        verdict, until, signature = (context.address.text(name) for name in ("verdict", "until", "signature"))
        context.address.finish()
        detail = detail_of(context)
        if not (verdict or until or signature):
            return _page(context, decision, detail)
        wrong = _link_trouble(context, decision, detail.incident.incident_id, verdict, until, signature)
        return _page(context, decision, detail, wrong, chosen="" if wrong else verdict, is_linked=True)

    return page


def doing(decision: str) -> Callable[[Context], Response]:
    """What carries a decision about an incident out."""

    def act(context: Context) -> Response:
        detail = detail_of(context)
        name = detail.incident.incident_id
        try:
            words = _decided(decision, _actions(context), name, context)
        except ActionFailedError as error:
            return _page(context, decision, detail, str(error))
        return Done(words, context.path_of("incident", name))

    return act


def _link_trouble(
    context: Context, decision: str, incident_id: str, verdict: str, until: str, signature: str
) -> str:
    """Why a link to an answer is not followed; '' where it is one of our messages and not too old."""
    is_ours = is_signed(context.console.link_key, incident_id, verdict, until, signature)
    if decision != "feedback" or not is_ours:
        return "this link is of no message of ours, or was changed on its way"
    ended = datetime.fromtimestamp(int(until), UTC)
    return "" if context.at < ended else f"this link was good until {instant(ended)}"


def _decided(decision: str, actions: Actions, name: str, context: Context) -> str:
    if decision == "acknowledge":
        return actions.acknowledge(name, context.at)
    if decision == "resolve":
        return actions.resolve(name, context.at)
    verdict = next((one for one in VERDICTS if one == context.form.get("verdict")), None)
    if verdict is None:
        raise ActionFailedError("choose one of the answers")
    return actions.feedback(name, verdict, context.form.get("comment", "")[:_MOST_COMMENT], context.at)


def _page(
    context: Context,
    decision: str,
    detail: IncidentDetail,
    wrong: str = "",
    *,
    chosen: str = "",
    is_linked: bool = False,
) -> Response:
    title, does, button = WORDS[decision]
    status = 200 if not wrong else 403 if is_linked else 409
    return context.page(
        "decision.html.j2", title=title, status=status, decision=decision, does=does, button=button,
        incident=detail.incident, wrong=wrong, verdicts=VERDICTS, chosen=chosen,
    )  # fmt: skip


def _actions(context: Context) -> Actions:
    if not (context.visitor.name or context.visitor.typed):
        raise ActionFailedError("say who you are: every decision is kept with a name")
    return context.actions


def silence_page(context: Context) -> Response:
    """A silence with what it would cover, before anybody says yes."""
    address = context.address
    matchers, length, comment = (
        address.text("matchers"),
        address.text("for") or LENGTHS[1],
        address.text("comment"),
    )
    incident_id = address.text("incident")
    address.finish()
    try:
        span_of(length)
    except ValueError as error:
        raise BadAddressError("for", length, str(error)) from None
    return _silence(context, matchers, length, comment, incident_id)


def silence(context: Context) -> Response:
    """What makes the silence."""
    form = context.form
    matchers, length = form.get("matchers", "").strip(), form.get("for", "").strip()
    comment, incident_id = form.get("comment", "")[:_MOST_COMMENT], form.get("incident", "")
    try:
        words = _actions(context).silence(matchers, _span(length), comment, context.at)
    except ActionFailedError as error:
        return _silence(context, matchers, length, comment, incident_id, str(error))
    return Done(
        words, context.path_of("incident", incident_id) if incident_id else context.path_of("incidents")
    )


def _span(length: str) -> timedelta:
    try:
        return span_of(length)
    except ValueError as error:
        raise ActionFailedError(str(error)) from None


def _silence(
    context: Context, matchers: str, length: str, comment: str, incident_id: str, wrong: str = ""
) -> Response:
    covers = ""
    if matchers and not wrong and context.may_act:
        try:
            # Anybody's name does: nothing is written.
            covers = context.console.actions_of(context.visitor.name or "preview").preview(
                matchers, context.at
            )
        except ActionFailedError as error:
            wrong = str(error)
    return context.page(
        "silence.html.j2", title="Silence", status=409 if wrong and context.form else 200, matchers=clean(matchers, 400),
        length=length, lengths=LENGTHS, comment=comment, incident_id=incident_id, covers=covers, wrong=wrong,
    )  # fmt: skip


PAGES = (
    *(
        Page(f"/incident/{{incident_id}}/{decision}", asking(decision), under="Incidents")
        for decision in WORDS
    ),
    *(
        Page(f"/incident/{{incident_id}}/{decision}", doing(decision), under="Incidents", is_action=True)
        for decision in WORDS
    ),
    Page("/silence", silence_page, under="Incidents"),
    Page("/silence", silence, under="Incidents", is_action=True),
)
