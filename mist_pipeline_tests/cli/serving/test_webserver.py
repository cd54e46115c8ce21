"""A page of somebody else, open in a real browser beside Dagster's UI: without the guard it changes what it likes."""

import http.server
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import requests
import uvicorn
from dagster import DagsterInstance

from mist_pipeline.cli.serving.webserver import guarded, rules_of
from mist_pipeline.guard.asgi import Guard
from mist_pipeline_tests.support.chromium import CHROMIUM, FLAGS, needs_chromium

pytestmark = pytest.mark.slow

STOP = 'mutation{setConcurrencyLimit(concurrencyKey:"%s",limit:0)}'
"""Everything of this pool waits for ever."""

PAGE = """<!doctype html><body><script>
const ui = "http://127.0.0.1:PORT/graphql", stop = key => `STOP`;
const address = key => ui + "?query=" + encodeURIComponent(stop(key));
const loaded = element => new Promise(done => {
  element.onload = element.onerror = done; document.body.append(element); setTimeout(done, 5000);
});
const picture = () => { const it = new Image(); it.src = address("picture"); return loaded(it); };
const posted = (key, type) => fetch(ui, {method: "POST", mode: "no-cors",
  headers: {"Content-Type": type}, body: JSON.stringify({query: stop(key)})});
const json = () => fetch(ui, {method: "POST", headers: {"Content-Type": "application/json"},
  body: JSON.stringify({query: stop("json")})});
const form = () => {
  const frame = document.createElement("iframe"), it = document.createElement("form");
  frame.name = "hidden"; it.target = "hidden"; it.method = "post"; it.action = address("form");
  const done = loaded(frame); document.body.append(it); it.submit(); return done;
};
const listening = () => new Promise(done => {
  const it = new WebSocket(ui.replace("http", "ws"), "graphql-ws");
  it.onopen = () => done("open"); it.onerror = () => done("refused");
});
(async () => {
  await Promise.allSettled([picture(), posted("text", "text/plain; application/json"), json(), form()]);
  await fetch("/done?" + await listening());
})();
</script></body>"""


@contextmanager
def served(app: object) -> Iterator[int]:
    """The port at which an ASGI application is served."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        bound.listen()
        server = uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="off"))  # type: ignore[arg-type]
        thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]})
        thread.start()
        try:
            yield bound.getsockname()[1]
        finally:
            server.should_exit = True
            server.force_exit = True
            thread.join()


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DagsterInstance]:
    with DagsterInstance.local_temp(str(tmp_path_factory.mktemp("dagster"))) as made:
        yield made


@contextmanager
def dagster_ui(instance: DagsterInstance, *, is_read_only: bool = False) -> Iterator[Guard]:
    """Dagster's UI behind the guard, without any code."""
    with ExitStack() as stack:
        app = guarded(instance, None, rules_of("127.0.0.1", [], is_read_only=is_read_only), None, stack)
        assert isinstance(app, Guard)
        yield app


def visited(port: int, profile: Path) -> str:
    """Somebody opens the foreign page; what its WebSocket came to."""
    ended, became = threading.Event(), []
    page = PAGE.replace("PORT", str(port)).replace("STOP", STOP.replace("%s", "${key}"))

    class Foreign(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(page.encode() if self.path == "/" else b"")
            if self.path.startswith("/done"):
                became.append(self.path.partition("?")[2])
                ended.set()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its parent's name
            """Keep the test's output clean."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Foreign) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        address = f"http://127.0.0.1:{server.server_address[1]}/"
        command = [CHROMIUM or "", *FLAGS, f"--user-data-dir={profile}", "--remote-debugging-port=0", address]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as browser:
            try:
                assert ended.wait(60), "the page did not come to its end"
            finally:
                browser.terminate()
                browser.wait(20)
        server.shutdown()
        thread.join()
    return became[0]


@needs_chromium
def test_a_page_that_the_operator_has_open_changes_nothing_in_dagster(
    instance: DagsterInstance, tmp_path: Path
) -> None:
    storage = instance.event_log_storage
    with dagster_ui(instance) as app:
        with served(app) as port:
            assert visited(port, tmp_path / "first") == "refused"
        assert storage.get_concurrency_keys() == set()
        # Without the guard all of it gets through but what browsers themselves ask about first.
        with served(app._app) as port:
            assert visited(port, tmp_path / "second") == "open"
    changed = storage.get_concurrency_keys()
    for key in changed:
        storage.delete_concurrency_limit(key)
    assert changed == {"picture", "text", "form"}


def test_read_only_answers_questions_and_changes_nothing(instance: DagsterInstance) -> None:
    with dagster_ui(instance, is_read_only=True) as app, served(app) as port:

        def asked(query: str) -> str:
            return requests.post(f"http://127.0.0.1:{port}/graphql", json={"query": query}, timeout=20).text

        assert "Unauthorized" in asked(STOP % "by-hand")
        assert '"version"' in asked("{version}")
        report = requests.post(f"http://127.0.0.1:{port}/report_asset_materialization/a", json={}, timeout=20)
        assert report.status_code == 403
    assert instance.event_log_storage.get_concurrency_keys() == set()


def test_the_page_itself_works_behind_the_guard(instance: DagsterInstance) -> None:
    with dagster_ui(instance) as app, served(app) as port:
        page = requests.get(f"http://127.0.0.1:{port}/runs", timeout=20)
        assert (page.status_code, '<div id="root">' in page.text) == (200, True)
        assert "script-src" in page.headers["Content-Security-Policy"]
