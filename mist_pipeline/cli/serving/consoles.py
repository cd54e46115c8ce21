"""What stands at the one port: the console of an organisation, or those of several with the list of them; beside them their webhooks.

Not here: who may come in (`door`), the socket (`web`), the pages (``web``).
"""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mist_pipeline.cli.clock import clock_of
from mist_pipeline.cli.place import need_data_folder

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from mist_pipeline.settings import Settings
    from mist_pipeline.web.access import Access
    from mist_pipeline.web.app import Application
    from mist_pipeline.web.live import Streams
    from mist_pipeline.web.several.application import SeveralConsoles
    from mist_pipeline.workflows.pushing.follow import PushFollower


@dataclass(frozen=True)
class Way:
    """How people come here, as the command was told.

    Attributes:
        host: Address that it listens on.
        allowed_hosts: Names by which people reach it.
        who: Whoever runs it.
        is_read_only: Whether nobody decides anything here.
    """

    host: str
    allowed_hosts: Sequence[str] = ()
    who: str = ""
    is_read_only: bool = False


@dataclass(frozen=True)
class Stand:
    """What stands at a port.

    Attributes:
        pages: The consoles; None where nobody could be told apart.
        app: The same behind its guard.
        webhooks: Path → what takes the webhooks that come there.
        followers: What follows them.
        left_out: Sentences about organisations that are not served.
    """

    pages: "Application | SeveralConsoles | None"
    app: "ASGIApp | None"
    webhooks: "Mapping[str, ASGIApp]"
    followers: "Sequence[PushFollower]" = ()
    left_out: Sequence[str] = ()


def one_console(settings: "Settings", way: Way, as_of: datetime | None = None) -> Stand:
    """The console of the only organisation, at the top.

    Raises:
        SettingsError: Somebody could come in who should not, or the data folder is not one.
    """
    from mist_pipeline.cli.serving.door import door

    need_data_folder(settings)
    clock, stands = clock_of(settings, as_of)
    webhooks, followers = _webhooks(settings, stands=stands)
    found = door(settings, way.host, way.allowed_hosts, way.who, os.environ, has_webhooks=bool(webhooks))
    if found.access is None:
        return Stand(None, None, webhooks, followers)
    pages = console_app(settings, found.access, clock, stands=stands, is_read_only=way.is_read_only)
    return Stand(pages, found.access.guarded(pages, found.rules), webhooks, followers)


def several_consoles(
    served: "Sequence[Settings]", wrong: Mapping[str, str], way: Way, as_of: datetime | None = None
) -> Stand:
    """The consoles of several organisations, each below its key, and the list of them at the top.

    Args:
        served: Their settings.
        wrong: Key → why those of another cannot be used.
        way: How people come here.
        as_of: The instant that was asked for, if any.

    Raises:
        SettingsError: Somebody could come in who should not; or there is nothing to serve.
    """
    from mist_pipeline.cli.serving.door import door_of_all
    from mist_pipeline.cli.serving.served import refuse_common_ledger
    from mist_pipeline.overview.organisations.reader import Standings
    from mist_pipeline.settings import SettingsError
    from mist_pipeline.web.several.application import Entrance, SeveralConsoles
    from mist_pipeline.workflows.present.overview import member

    left_out = [f"{key} is not served: {why}" for key, why in wrong.items()]
    usable = []
    for settings in served:
        try:
            need_data_folder(settings)
            usable.append(settings)
        except SettingsError as error:
            left_out.append(f"{settings.organisation.key} is not served: {error}")
    if not usable:
        raise SettingsError("\n".join(left_out))
    refuse_common_ledger(usable)
    webhooks: dict[str, ASGIApp] = {}
    followers: list[PushFollower] = []
    for settings in usable:
        own, following = _webhooks(settings, stands=clock_of(settings, as_of)[1])
        webhooks |= {f"/{settings.organisation.key}{path}": app for path, app in own.items()}
        followers += following
    door = door_of_all(usable, way.host, way.allowed_hosts, way.who, os.environ, has_webhooks=bool(webhooks))
    left_out += door.left_out
    if door.front.access is None:
        return Stand(None, None, webhooks, followers, left_out)

    def entrance(settings: "Settings", access: "Access") -> Entrance:
        clock, stands = clock_of(settings, as_of)
        prefix, is_read_only = f"/{settings.organisation.key}", way.is_read_only

        def make(streams: "Streams") -> "Application":
            return console_app(
                settings,
                access,
                clock,
                stands=stands,
                is_read_only=is_read_only,
                prefix=prefix,
                streams=streams,
            )

        return Entrance(access, make)

    open_to_some = [one for one in usable if one.organisation.key in door.entrances]
    entrances = {
        one.organisation.key: entrance(one, door.entrances[one.organisation.key]) for one in open_to_some
    }
    clock: Callable[[], datetime] = (lambda: as_of) if as_of else (lambda: datetime.now(UTC))
    standings = Standings(map(member, open_to_some), clock)
    pages = SeveralConsoles(entrances, standings, clock, stands_still=as_of is not None, left_out=left_out)
    return Stand(pages, door.front.access.guarded(pages, door.front.rules), webhooks, followers, left_out)


def _webhooks(settings: "Settings", *, stands: bool) -> "tuple[dict[str, ASGIApp], list[PushFollower]]":
    """Path → what takes webhooks there, and what follows them; nothing where the clock stands: it would take nothing of now."""
    from mist_pipeline.workflows.pushing.follow import PushFollower

    if stands:
        return {}, []
    follower = PushFollower(settings) if settings.webhook_secrets else None
    return webhooks_of(settings, follower), [follower] if follower else []


def webhooks_of(settings: "Settings", follower: "PushFollower | None") -> "dict[str, ASGIApp]":
    """Path → what takes the webhooks that come there: those that can be verified."""
    from mist_pipeline.notification.inbound import PATH as PAGERDUTY
    from mist_pipeline.notification.slack_inbound import PATH as SLACK
    from mist_pipeline.push.application import PATH as MIST
    from mist_pipeline.workflows.notifying.inbound import listening, signing_keys
    from mist_pipeline.workflows.notifying.pressed import pressing
    from mist_pipeline.workflows.pushing.receive import receiving

    mist = receiving(settings, wake=follower.wake) if follower else None
    pagerduty = listening(settings) if signing_keys(settings) else None
    found = {MIST: mist, PAGERDUTY: pagerduty, SLACK: pressing(settings)}
    return {path: app for path, app in found.items() if app is not None}


def console_app(
    settings: "Settings",
    access: "Access",
    clock: Callable[[], datetime],
    *,
    stands: bool = False,
    is_read_only: bool = False,
    prefix: str = "",
    streams: "Streams | None" = None,
) -> "Application":
    """The console of these settings, not guarded yet.

    Args:
        settings: Of the organisation.
        access: In whose name people decide there.
        clock: What time it is.
        stands: Whether that clock stands.
        is_read_only: Whether nobody decides anything there.
        prefix: Path below which it is, one of several.
        streams: Of the server, where it is one of several.
    """
    from mist_pipeline.web.app import Application
    from mist_pipeline.web.context import Console
    from mist_pipeline.workflows.organisation_pin import organisation_name
    from mist_pipeline.workflows.present.actions import ScreenActions
    from mist_pipeline.workflows.present.overview import overview
    from mist_pipeline.workflows.shared_publishing import keep_fresh

    keep_fresh(settings)
    dagster = settings.notifications.dagster_url
    return Application(
        Console(
            overview=overview(settings),
            actions_of=lambda who: ScreenActions(settings, who),
            clock=clock,
            organisation=organisation_name(settings),
            is_read_only=is_read_only or settings.web.read_only,
            stands_still=stands,
            links={"Dagster": dagster} if dagster else {},
            steps_for=settings.notifications.advice().steps,
            link_key=settings.link_key,
            prefix=prefix,
        ),
        access,
        streams,
    )
