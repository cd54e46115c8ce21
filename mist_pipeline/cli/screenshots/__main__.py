"""``make screenshots``: take the pictures of the documentation anew."""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from mist_pipeline.cli.clock import clock_of
from mist_pipeline.cli.screenshots.chromium import NothingToShowError, find_chromium, photograph
from mist_pipeline.cli.screenshots.live_screen import pictures
from mist_pipeline.cli.serving.ports import free_port
from mist_pipeline.overview.orders import chosen_sites
from mist_pipeline.settings import load_settings
from mist_pipeline.workflows.present.actions import ScreenActions
from mist_pipeline.workflows.present.overview import overview

if TYPE_CHECKING:
    from mist_pipeline.overview.model import Now
    from mist_pipeline.settings import Settings

IMAGES = Path(__file__).parents[3] / "docs" / "images"
SCREEN = (118, 36)
PHONE = 360
"""Width of a phone, in pixels."""
_SECONDS = 60.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Take them; what is missing is said in a line, exit code 1."""
    parser = argparse.ArgumentParser(prog="python -m mist_pipeline.cli.screenshots", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("data/demo"), help="data folder of a demonstration")
    data = parser.parse_args(arguments).data
    try:
        chromium = find_chromium()
        report = newest_report(data)
        _take(data, chromium, report)
        take_mails(chromium, first_mail(data), IMAGES)
    except NothingToShowError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def newest_report(data: Path) -> Path:
    """The newest report of a data folder.

    Raises:
        NothingToShowError: There is none.
    """
    found = sorted((data / "reports" / "history").glob("*/*.html"))
    if not (data / "scene.json").exists() or not found:
        raise NothingToShowError(f"There is no finished demonstration in {data}: run `make demo` first.")
    return found[-1]


def first_mail(data: Path) -> Path:
    """The page of the first message about the first incident that people were told of.

    Raises:
        NothingToShowError: Nobody was told of any.
    """
    found = sorted((data / "messages").glob("*/*-first-*.html"))
    if not found:
        raise NothingToShowError(f"No message is in {data / 'messages'}: run `make demo` first.")
    return found[0]


def take_mails(chromium: str, mail: Path, images: Path) -> None:
    """A message as a wide window shows it, on a phone, and to who prefers dark pages."""
    address = mail.resolve().as_uri()
    photograph(chromium, address, images / "mail.png", width=720, height=1000)
    photograph(chromium, address, images / "mail-phone.png", width=PHONE, height=1400)
    photograph(chromium, address, images / "mail-dark.png", width=PHONE, height=1400, is_dark=True)
    for name in ("mail", "mail-phone", "mail-dark"):
        _tell(images / f"{name}.png")


def _take(data: Path, chromium: str, report: Path) -> None:
    settings = load_settings(data / "config.yaml", {"MIST_PIPELINE_DATA": str(data)})
    clock, _ = clock_of(settings, None)
    questions = overview(settings)
    IMAGES.mkdir(parents=True, exist_ok=True)
    for name, svg in pictures(questions, ScreenActions(settings, "ada"), clock, SCREEN).items():
        (IMAGES / f"{name}.svg").write_text(svg, encoding="utf-8")
        _tell(IMAGES / f"{name}.svg")
    shots = {"report": report.resolve().as_uri()}
    with tempfile.TemporaryDirectory() as folder, _console(settings) as address:
        page = Path(folder) / "replay.html"
        _replay(settings, page)
        photograph(chromium, page.as_uri(), IMAGES / "replay.png", height=1200)
        _tell(IMAGES / "replay.png")
        shots |= {name: f"{address}{page}" for name, page in _pages(questions.now(clock())).items()}
        for name, place in shots.items():
            photograph(chromium, place, IMAGES / f"{name}.png")
            _tell(IMAGES / f"{name}.png")


def _replay(settings: "Settings", page: Path) -> None:
    """The page of a replay of the demonstration's last four weeks under every sensitivity."""
    command = [
        sys.executable,
        "-m",
        "mist_pipeline.cli",
        "replay",
        "--sensitivity",
        "low,normal,high",
        "--page",
        str(page),
    ]
    environment = {**os.environ, "MIST_PIPELINE_DATA": str(settings.data)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NothingToShowError(f"The replay ended with {done.returncode}: {done.stderr.strip()[-400:]}")


def _pages(now: "Now") -> dict[str, str]:
    """Picture → page of the console: now, the worst incident, the worst site."""
    pages = {"console": "/"}
    if now.incidents:
        pages["console-incident"] = f"/incident/{now.incidents[0].incident_id}"
    if now.sites:
        pages["console-site"] = f"/site/{chosen_sites(now.sites, {}, '', 'status')[0].site_id}"
    return pages


@contextmanager
def _console(settings: "Settings") -> Iterator[str]:
    """The console of the demonstration, as long as the block lasts."""
    import time

    import requests

    port = free_port()
    command = [sys.executable, "-m", "mist_pipeline.cli", "web", "--port", str(port), "--read-only"]
    environment = {**os.environ, "MIST_PIPELINE_DATA": str(settings.data)}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            address = f"http://127.0.0.1:{port}"
            end = time.monotonic() + _SECONDS
            while process.poll() is None and time.monotonic() < end:
                try:
                    requests.get(address, timeout=10)
                except requests.ConnectionError:
                    time.sleep(0.1)
                else:
                    break
            else:
                said = process.stderr.read().strip().splitlines()[-1:] if process.stderr else []
                raise NothingToShowError(f"The console does not answer: {' '.join(said)}")
            yield address
        finally:
            process.terminate()
            process.wait(20)


def _tell(picture: Path) -> None:
    print(f"wrote {picture.name}, {picture.stat().st_size / 1024:.0f} kB")


if __name__ == "__main__":
    sys.exit(main())
