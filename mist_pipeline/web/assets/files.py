"""Putting the two files together, once a process."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from mist_pipeline.domain.palette import DARK, LIGHT, PAPER


@dataclass(frozen=True)
class Asset:
    """One file.

    Attributes:
        name: As in its address.
        media_type: For the browser.
        body: What is in it.
    """

    name: str
    media_type: str
    body: bytes

    @property
    def address(self) -> str:
        """Where it is; another one whenever it says something else."""
        return f"/assets/{hashlib.sha256(self.body).hexdigest()[:12]}/{self.name}"


@cache
def assets() -> Mapping[str, Asset]:
    """Every file by its name: ``console.css``, ``console.js``, ``icon.svg``."""
    made = (
        Asset("console.css", "text/css; charset=utf-8", f"{_colours()}{_parts('styles', '.css')}".encode()),
        Asset("console.js", "text/javascript; charset=utf-8", _parts("scripts", ".js").encode()),
        Asset("icon.svg", "image/svg+xml", _ICON.encode()),
    )
    return {asset.name: asset for asset in made}


def _parts(folder: str, ending: str) -> str:
    here = files("mist_pipeline.web.assets") / folder
    names = sorted(entry.name for entry in here.iterdir() if entry.name.endswith(ending))
    return "\n".join((here / name).read_text(encoding="utf-8") for name in names)


def _colours() -> str:
    """The palette as CSS variables: light, dark where the reader's system is, black on white on paper."""
    return (
        f":root{{color-scheme:light dark;{_variables(LIGHT)}}}\n"
        f"@media (prefers-color-scheme:dark){{:root{{{_variables(DARK)}}}}}\n"
        f"@media print{{:root{{color-scheme:light;{_variables(PAPER)}}}}}\n"
    )


def _variables(colours: Mapping[str, str]) -> str:
    return "".join(f"--{name}:{colour};" for name, colour in colours.items())


_ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="'
    + LIGHT["link"]
    + '"/><path d="M6 21l6-9 5 6 4-5 5 8" fill="none" stroke="#fff" stroke-width="3" stroke-linecap="round" '
    'stroke-linejoin="round"/></svg>'
)
