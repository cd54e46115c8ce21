"""The console in the browser: who may come in, and where people find it."""

import re
from ipaddress import ip_network
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from mist_pipeline.delivery.config import Variable
from mist_pipeline.domain.config_section import Section

TOKEN_VARIABLE = "MIST_PIPELINE_WEB_TOKEN"  # noqa: S105 - its name
_HEADER = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,60}")


class Web(Section):
    """The console in the browser (docs/web.md)."""

    access: Literal["none", "token", "proxy"] = Field(
        "none",
        description="Who may come in: whoever reaches the loopback address of this machine; whoever knows the token of "
        "`token_from`; whom an authenticating proxy names.",
    )
    proxies: tuple[str, ...] = Field(
        (),
        description="Addresses or networks from which that proxy connects, as in 10.0.0.5 or 10.0.0.0/24; nobody else is answered.",
    )
    user_header: str = Field(
        "X-Forwarded-User",
        description="Header in which the proxy says who somebody is; it has to set or remove it in every request.",
    )
    users: tuple[str, ...] = Field(
        (),
        description="Whom that proxy names and who may come in, exactly as it names them; empty: everybody whom it names.",
    )
    token_from: Variable = Field(
        TOKEN_VARIABLE,
        description="Variable with the token that `access: token` asks for; of several organisations each may have its own.",
    )
    read_only: bool = Field(False, description="Nobody decides anything in the console.")
    console_url: str | None = Field(
        None,
        description="Address at which people reach the console, for links in messages, tickets and reports; of several organisations "
        "its part below the key, as in https://mist.example.com/acme, follows from it.",
    )
    link_key_from: str = Field(
        "",
        description="Environment variable with the key, 16 characters or more, that signs links to an answer (right, wrong, known, planned) "
        "in mail and webhooks; empty: no such links. Needs `console_url`.",
    )

    @field_validator("proxies")
    @classmethod
    def _are_networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for one in value:
            try:
                network = ip_network(one)
            except ValueError:
                raise ValueError(f"{one!r} is no address or network, as in 10.0.0.5 or 10.0.0.0/24") from None
            if network.prefixlen == 0:
                raise ValueError(
                    f"{one!r} is everybody, whose header would be believed: name the proxy's address"
                )
        return value

    @field_validator("user_header")
    @classmethod
    def _is_a_header(cls, value: str) -> str:
        if not _HEADER.fullmatch(value):
            raise ValueError("is no name of a header, as in X-Forwarded-User")
        return value

    @field_validator("console_url")
    @classmethod
    def _is_a_link(cls, value: str | None) -> str | None:
        from mist_pipeline.domain.text import safe_url

        if value is not None and (safe_url(value) is None or "?" in value or "#" in value):
            raise ValueError(
                "must be a whole web address without user, password, ? and #, as in https://mist.example.com"
            )
        return value

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.access == "proxy" and not self.proxies:
            raise ValueError("access proxy needs web.proxies, the addresses from which it connects")
        if self.users and self.access != "proxy":
            raise ValueError("users are named by a proxy: they need access proxy")
        if self.link_key_from and self.console_url is None:
            raise ValueError("link_key_from needs web.console_url, which the links lead to")
        return self
