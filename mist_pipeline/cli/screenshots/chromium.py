"""Pages as small pictures: Chromium draws them, a palette of 128 colours makes them small."""

import io
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

COLOURS = 128
"""Of a picture: pages have few, and text stays sharp."""

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_SECONDS = 90


class NothingToShowError(Exception):
    """Something that pictures need is not there; says what, and how to get it."""


def find_chromium() -> str:
    """The program.

    Raises:
        NothingToShowError: There is none.
    """
    named = os.environ.get("CHROMIUM", "")
    found = next((path for name in (named, *_NAMES) if name and (path := shutil.which(name))), None)
    if found is None:
        raise NothingToShowError(
            "Chromium is not here: pictures of pages need it. Install it (Debian: apt-get install chromium), or name it in CHROMIUM."
        )
    return found


def photograph(
    chromium: str, address: str, target: Path, *, width: int = 1200, height: int = 800, is_dark: bool = False
) -> None:
    """Take a picture of the top of a page.

    Args:
        chromium: The program.
        address: Of the page.
        target: The picture; replaced.
        width: Of the window, in pixels.
        height: Of the window, in pixels.
        is_dark: Whether the reader prefers dark pages.

    Raises:
        NothingToShowError: Chromium made no picture; says what it said.
    """
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder) / "page.png"
        # Root has no sandbox to give.
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
        colours = ["--blink-settings=preferredColorScheme=0"] if is_dark else []
        ended = subprocess.run(
            [
                *(
                    chromium,
                    "--headless",
                    *sandbox,
                    *colours,
                    "--disable-gpu",
                    "--hide-scrollbars",
                    "--no-first-run",
                ),
                *(f"--user-data-dir={folder}/profile", f"--window-size={width},{height}", "--timeout=5000"),
                *(f"--screenshot={raw}", address),
            ],
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        if not raw.exists():
            said = ended.stderr.strip().splitlines()[-1:] or ["nothing"]
            raise NothingToShowError(f"Chromium made no picture of {address}; it said: {said[0]}")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(small(raw.read_bytes()))


def small(png: bytes) -> bytes:
    """The same picture with a palette."""
    from PIL import Image

    packed = io.BytesIO()
    with Image.open(io.BytesIO(png)) as picture:
        few = picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
        few.save(packed, "PNG", optimize=True)
    return packed.getvalue()
