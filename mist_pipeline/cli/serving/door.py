"""Who may come to the console of these settings, decided before anything is served. Pure: settings and environment in.

Not here: letting them in (``web.access``, ``guard``), serving (`web`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import typer

from mist_pipeline.guard.rules import Rules, is_local, named, names_of

if TYPE_CHECKING:
    from mist_pipeline.guard.sign_in import SignIn
    from mist_pipeline.settings import Settings
    from mist_pipeline.web.access import Access


@dataclass(frozen=True)
class Door:
    """How the console is reached.

    Attributes:
        access: Who may come in; None: nobody, since webhooks from outside come to the same port and nothing tells people apart.
        rules: Which requests are forged.
    """

    access: "Access | None"
    rules: Rules


def door(
    settings: "Settings",
    host: str,
    allowed_hosts: Sequence[str],
    who: str,
    variables: Mapping[str, str],
    *,
    has_webhooks: bool,
) -> Door:
    """How the console is reached.

    Args:
        settings: With ``web``.
        host: Address that it listens on.
        allowed_hosts: Names by which people reach it.
        who: Whoever runs it: in their name everybody decides where nothing else is asked.
        variables: Of the environment.
        has_webhooks: Whether webhooks come in at the same port.

    Raises:
        SettingsError: Somebody could come in who should not; says how to mend it.
        BadParameter: As `names_of`.
    """
    from mist_pipeline.web.access import Access

    web, rules = settings.web, _rules([settings], host, allowed_hosts)
    if web.access == "none":
        return Door(None if has_webhooks else Access(who=who), rules)
    return Door(access_of(settings, variables), rules)


def _rules(served: "Sequence[Settings]", host: str, allowed_hosts: Sequence[str]) -> Rules:
    """Which requests are forged, at a port at which these are served."""
    from mist_pipeline.settings import SettingsError

    web = served[0].web
    if web.access == "none" and not is_local(host):
        raise SettingsError(
            f"web.access is none, which is for this machine alone, and {host} is reached from others. Set it to token (with "
            "MIST_PIPELINE_WEB_TOKEN) or to proxy (with web.proxies), or listen on 127.0.0.1"
        )
    linked = [urlsplit(one.web.console_url or "").netloc for one in served]
    names = [*dict.fromkeys([*allowed_hosts, *filter(None, linked)])]
    try:
        return Rules(hosts=names_of(host, names), shown_at=named(names), takes_forms=True)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--allowed-host") from None


def access_of(settings: "Settings", variables: Mapping[str, str]) -> "Access":
    """Who may come in where that is not everybody.

    Raises:
        SettingsError: Somebody could come in who should not.
    """
    from mist_pipeline.web.access import Access, Proxy

    web = settings.web
    is_encrypted = (web.console_url or "").startswith("https://")
    if web.access == "token":
        return Access(signing_in=_sign_in(web.token_from, variables), is_encrypted=is_encrypted)
    proxy = Proxy.of(web.proxies, web.user_header)
    return Access(proxy=proxy, users=frozenset(web.users), is_encrypted=is_encrypted)


@dataclass(frozen=True)
class DoorOfAll:
    """How the consoles of several organisations are reached.

    Attributes:
        front: The one door, and which requests are forged.
        entrances: Key → who of those who passed it may enter.
        left_out: Sentences about those that nobody could enter safely.
    """

    front: Door
    entrances: "Mapping[str, Access]"
    left_out: Sequence[str] = ()


def door_of_all(
    served: "Sequence[Settings]",
    host: str,
    allowed_hosts: Sequence[str],
    who: str,
    variables: Mapping[str, str],
    *,
    has_webhooks: bool,
) -> DoorOfAll:
    """How the consoles of several organisations are reached; as `door`, of whose arguments these are those of all.

    Raises:
        SettingsError: As `door`; or none of them can be entered.
        BadParameter: As `names_of`.
    """
    from mist_pipeline.guard.sign_in import AnySignIn, SignIn
    from mist_pipeline.settings import SettingsError
    from mist_pipeline.web.access import Access

    rules = _rules(served, host, allowed_hosts)
    if served[0].web.access == "none":
        everybody = Access(who=who)
        shut = Door(None if has_webhooks else everybody, rules)
        return DoorOfAll(shut, {one.organisation.key: everybody for one in served})
    entrances, wrong = {}, []
    for one in served:
        try:
            entrances[one.organisation.key] = access_of(one, variables)
        except SettingsError as error:
            wrong.append(f"the console of {one.organisation.key} is not served: {error}")
    if not entrances:
        raise SettingsError("\n".join(wrong))
    is_encrypted = all(one.is_encrypted for one in entrances.values())
    tokens = [one.signing_in for one in entrances.values() if isinstance(one.signing_in, SignIn)]
    proxy = next(iter(entrances.values())).proxy
    # Whom the proxy names comes in here, and then sees what is open to them.
    front = Access(signing_in=AnySignIn(tokens) if tokens else None, proxy=proxy, is_encrypted=is_encrypted)
    return DoorOfAll(Door(front, rules), entrances, wrong)


def _sign_in(variable: str, variables: Mapping[str, str]) -> "SignIn":
    from mist_pipeline.guard.sign_in import SignIn
    from mist_pipeline.http_client.secrets import Secret, from_environment
    from mist_pipeline.settings import SettingsError

    try:
        token = from_environment(variables.get(variable, ""), variable)
    except ValueError as error:
        raise SettingsError(str(error)) from None
    if not token:
        raise SettingsError(
            f"web.access is token, and {variable} is not set; `openssl rand -hex 24` makes a good one"
        )
    try:
        return SignIn(Secret(token))
    except ValueError as error:
        raise SettingsError(f"{variable} {error}") from None
