"""."""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from mist_pipeline.delivery.sink import Sink
from mist_pipeline.domain.config_section import Place, Section
from mist_pipeline.http_client.secrets import Secret

Secrets = Mapping[str, SecretStr]
"""Variable of the environment → its value, for those that the configuration names."""


def _variable(name: str) -> str:
    # What is no name may be the secret itself, pasted into the wrong place: it is not quoted. Nor would it be told from a
    # name if small letters were allowed.
    if not re.fullmatch(r"[A-Z_][A-Z0-9_]*", name, re.ASCII):
        raise ValueError(
            "is no name of a variable (capital letters, digits and _); the secret itself stands in that variable, not here"
        )
    return name


Variable = Annotated[str, AfterValidator(_variable)]
"""Name of a variable of the environment."""


Text = Annotated[str, Field(coerce_numbers_to_str=True)]
"""An id, which most people write without quotes."""


class _Kind(Section, ABC):
    """What all kinds have in common."""

    @abstractmethod
    def build(self, name: str, secrets: Secrets, data: Path) -> "Sink":
        """The sink.

        Raises:
            ValueError: A value that only its kind can judge is wrong.
        """

    def variables(self) -> Iterator[tuple[Place, str]]:
        """Keys, and the variables of the environment that they name, for every secret."""
        for key, value in self:
            if key.endswith("_from") and isinstance(value, str):
                yield (key,), value
            elif key.endswith("_from") and isinstance(value, dict):
                yield from (((key, name), variable) for name, variable in value.items())

    @property
    def is_ticket(self) -> bool:
        """Whether its messages become tickets that people work on."""
        return False

    @property
    def shows_pictures(self) -> bool:
        """Whether charts are worth drawing for it."""
        return False


def _secret(secrets: Secrets, variable: str) -> "Secret":
    from mist_pipeline.http_client.secrets import Secret

    return Secret(secrets[variable].get_secret_value())
