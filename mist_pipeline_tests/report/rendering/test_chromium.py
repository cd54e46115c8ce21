"""The page in a real browser, where there is one: no script runs, nothing is asked of any network."""

import http.server
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from mist_pipeline_tests.support.chromium import CHROMIUM, FLAGS, needs_chromium
from mist_pipeline_tests.support.report.pages import Rendered

pytestmark = [pytest.mark.slow, needs_chromium]


class _Recorder(http.server.BaseHTTPRequestHandler):
    """A proxy that answers nothing and remembers who asked for what."""

    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        self.send_error(404)

    do_CONNECT = do_POST = do_HEAD = do_GET  # noqa: N815 - names that http.server looks for

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its parent's name
        """Keep the test's output clean."""


@pytest.fixture
def proxy() -> Iterator[tuple[str, list[str]]]:
    """Address of a recording proxy, and what it was asked for."""
    asked: list[str] = []
    handler = type("Handler", (_Recorder,), {"asked": asked})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
        server.shutdown()
        thread.join()


def open_page(page: Path, profile: Path, proxy: str) -> tuple[str, str]:
    """The page's document after loading, and the browser's log."""
    assert CHROMIUM
    done = subprocess.run(
        [
            CHROMIUM,
            *FLAGS,
            f"--user-data-dir={profile}",
            f"--proxy-server={proxy}",
            "--dump-dom",
            page.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=90,
        check=True,
    )
    return done.stdout, done.stderr


def test_hostile_names_run_nothing_and_load_nothing(
    hostile: Rendered, tmp_path: Path, proxy: tuple[str, list[str]]
) -> None:
    page = tmp_path / "page.html"
    page.write_text(hostile.html, encoding="utf-8")
    document, log = open_page(page, tmp_path / "profile", proxy[0])
    assert "<title>Fenwick &amp; Sons: network report of 2026-11-22</title>" in document
    assert "owned</title>" not in document
    assert "<script" not in document
    assert "<img" not in document
    assert "Content Security Policy" not in log
    # The browser itself may look for updates; the page may not ask for anything.
    assert [asked for asked in proxy[1] if "google" not in asked] == []


def test_the_policy_blocks_what_a_mistake_in_the_template_would_let_through(
    report: Rendered, tmp_path: Path, proxy: tuple[str, list[str]]
) -> None:
    page = tmp_path / "page.html"
    mistake = "<script>document.title='owned'</script><img src='http://example.test/x.png'><main"
    page.write_text(report.html.replace("<main", mistake, 1), encoding="utf-8")
    document, log = open_page(page, tmp_path / "profile", proxy[0])
    assert "<title>owned</title>" not in document
    assert "Content Security Policy" in log
    assert not any("example.test" in asked for asked in proxy[1])
