"""What the configuration of every sink has in common: a section with a ``type``, and secrets by the name of a variable.

Here: the base class `SinkConfig`, and how a section names secrets. The section of one kind of sink is in the ``config.py``
of its folder (``delivery.sinks.<name>``, ``delivery.tickets.<name>``). Not here: which kinds there are
(`discovery`), and reading files and the environment (``settings``).

Imports stay light: the whole configuration is loaded by every command, also where nothing is sent.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, ClassVar, get_args

from pydantic import AfterValidator, Field, SecretStr

from mist_pipeline.delivery.sink import Sink
from mist_pipeline.domain.config_section import Place, Section
from mist_pipeline.http_client.secrets import Secret

SecretValues = Mapping[str, SecretStr]
"""Environment variable → its value, for those that the configuration names."""


def _variable(name: str) -> str:
    # What is not a name may be the secret itself, pasted into the wrong place: it is not quoted. If small letters were
    # allowed, a secret could not be distinguished from a name.
    if not re.fullmatch(r"[A-Z_][A-Z0-9_]*", name, re.ASCII):
        raise ValueError(
            "is no name of a variable (capital letters, digits and _); the secret itself stands in that variable, not here"
        )
    return name


Variable = Annotated[str, AfterValidator(_variable)]
"""Name of an environment variable that holds a secret."""

Text = Annotated[str, Field(coerce_numbers_to_str=True)]
"""An id, which most people write without quotes."""


class SinkConfig(Section, ABC):
    """One entry of ``notifications.sinks``: the keys of one type of sink.

    A sub-class has a ``type`` (a ``Literal`` of one text), its keys with descriptions, and a docstring of one line that the
    documentation shows. A key that ends in ``_from`` names an environment variable, or is a mapping to such names.
    """

    position: ClassVar[int] = 100
    """Where messages and the documentation list it among all types: the smallest first, those of one number by name."""

    @classmethod
    def type_name(cls) -> str:
        """The value of ``type`` that chooses this section."""
        name: str = get_args(cls.model_fields["type"].annotation)[0]
        return name

    @abstractmethod
    def build(self, name: str, secrets: SecretValues, data: Path) -> Sink:
        """The sink.

        Args:
            name: Its name in the configuration.
            secrets: Values of all variables that `variables` gives.
            data: The data folder.

        Raises:
            ValueError: A value is wrong that only the sink can check, such as a secret.
        """

    def variables(self) -> Iterator[tuple[Place, str]]:
        """Keys, and the environment variables that they name, for every secret."""
        for key, value in self:
            if key.endswith("_from") and isinstance(value, str):
                yield (key,), value
            elif key.endswith("_from") and isinstance(value, dict):
                yield from (((key, name), variable) for name, variable in value.items())

    @property
    def sends_to(self) -> tuple[str, ...]:
        """Where its messages go, as people know the places; never a secret, and none where only a secret says it."""
        return ()

    @property
    def is_ticket(self) -> bool:
        """Whether its messages become tickets that people work on."""
        return False

    @property
    def is_pager(self) -> bool:
        """Whether its messages call people."""
        return False

    @property
    def shows_pictures(self) -> bool:
        """Whether charts are worth drawing for it."""
        return False


def secret_of(secrets: SecretValues, variable: str) -> Secret:
    """The value of a variable as a secret that does not show itself."""
    return Secret(secrets[variable].get_secret_value())
