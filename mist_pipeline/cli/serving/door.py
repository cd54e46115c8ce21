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
    from mist_pipeline.settings import SettingsError
    from mist_pipeline.web.access import Access, Proxy

    web = settings.web
    if web.access == "none" and not is_local(host):
        raise SettingsError(
            f"web.access is none, which is for this machine alone, and {host} is reached from others. Set it to token (with "
            "MIST_PIPELINE_WEB_TOKEN) or to proxy (with web.proxies), or listen on 127.0.0.1"
        )
    linked = urlsplit(web.console_url or "").netloc
    names = [*allowed_hosts, *([linked] if linked else [])]
    try:
        rules = Rules(hosts=names_of(host, names), shown_at=named(names), takes_forms=True)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--allowed-host") from None
    is_encrypted = (web.console_url or "").startswith("https://")
    if web.access == "token":
        return Door(Access(signing_in=_sign_in(variables), is_encrypted=is_encrypted), rules)
    if web.access == "proxy":
        proxy = Proxy.of(web.proxies, web.user_header)
        return Door(Access(proxy=proxy, is_encrypted=is_encrypted), rules)
    return Door(None if has_webhooks else Access(who=who), rules)


def _sign_in(variables: Mapping[str, str]) -> "SignIn":
    from mist_pipeline.guard.sign_in import SignIn
    from mist_pipeline.http_client.secrets import Secret, from_environment
    from mist_pipeline.settings import SettingsError
    from mist_pipeline.settings.web import TOKEN_VARIABLE

    token = from_environment(variables.get(TOKEN_VARIABLE, ""), TOKEN_VARIABLE)
    if not token:
        raise SettingsError(
            f"web.access is token, and {TOKEN_VARIABLE} is not set; `openssl rand -hex 24` makes a good one"
        )
    try:
        return SignIn(Secret(token))
    except ValueError as error:
        raise SettingsError(f"{TOKEN_VARIABLE} {error}") from None
