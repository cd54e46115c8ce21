"""Which kinds of sinks there are: every folder of ``delivery.sinks`` and ``delivery.tickets`` with its ``config.py``.

Here: finding the configuration classes. Nobody lists them: a new sink is a new folder. Not here: what a class has to look
like (``delivery.config.SinkConfig``), and choosing among them by ``type`` (``settings``).

>>> [config.type_name() for config in sink_configs()][:3]
['mail', 'slack', 'slack_webhook']
"""

import importlib
import pkgutil
from collections.abc import Sequence
from types import ModuleType
from typing import Literal, get_origin

from mist_pipeline.delivery.config import SinkConfig

PACKAGES = ("mist_pipeline.delivery.sinks", "mist_pipeline.delivery.tickets")
"""Packages whose sub-packages are kinds of sinks."""


class NoSinkConfigError(ImportError):
    """A folder for a sink has no configuration that can be used, or two have the same ``type``."""


def sink_configs(packages: Sequence[str] = PACKAGES) -> tuple[type[SinkConfig], ...]:
    """The configuration classes of all kinds of sinks, in the order of ``SinkConfig.position``, then by type.

    Imports every ``config.py``, hence these import no library that only sending needs.

    Raises:
        NoSinkConfigError: A sub-package has no ``config.py``, or one that is no Python, or no class with a ``type`` and a
            ``build`` in it, or a type occurs twice.
    """
    found: dict[str, type[SinkConfig]] = {}
    for package in packages:
        where = importlib.import_module(package)
        for folder in pkgutil.iter_modules(where.__path__, f"{package}."):
            if not folder.ispkg:
                continue
            for config in _configs_of(folder.name):
                other = found.setdefault(config.type_name(), config)
                if other is not config:
                    raise NoSinkConfigError(
                        f"{other.__module__} and {config.__module__} both define a sink of type {config.type_name()!r}"
                    )
    return tuple(sorted(found.values(), key=lambda config: (config.position, config.type_name())))


def _configs_of(folder: str) -> list[type[SinkConfig]]:
    """The configuration classes that one folder defines; most define one."""
    try:
        module = importlib.import_module(f"{folder}.config")
    except ModuleNotFoundError as error:
        if error.name != f"{folder}.config":
            raise
        raise NoSinkConfigError(f"{folder} has no config.py; a sink needs its section there") from None
    except SyntaxError as error:
        raise NoSinkConfigError(f"the folder of the sink {folder}: {no_python(error)}") from None
    configs = [one for one in vars(module).values() if _is_config_of(one, module)]
    if not configs:
        raise NoSinkConfigError(
            f"{module.__name__} defines no sub-class of SinkConfig with a `type`, a Literal of one text"
        )
    for config in configs:
        if lacking := sorted(config.__abstractmethods__):
            raise NoSinkConfigError(
                f"{module.__name__}: {config.__name__} lacks {', '.join(lacking)}; define it as SinkConfig in "
                f"{SinkConfig.__module__} does, or remove the folder"
            )
    return configs


def no_python(error: SyntaxError) -> str:
    """Where a module of a sink is no Python, and what to do. The line is not quoted: a secret may stand in it."""
    return f"{error.filename}, line {error.lineno}: {error.msg}; correct that line, or remove the folder"


def _is_config_of(value: object, module: ModuleType) -> bool:
    return (
        isinstance(value, type)
        and issubclass(value, SinkConfig)
        and value.__module__ == module.__name__
        and "type" in value.model_fields
        and get_origin(value.model_fields["type"].annotation) is Literal
    )
