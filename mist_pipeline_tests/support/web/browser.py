"""A real browser, spoken to over the DevTools protocol: opens pages, clicks, types, sees what is asked of the network."""

import json
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

from mist_pipeline_tests.support.chromium import CHROMIUM, FLAGS

_SECONDS = 20.0


@dataclass
class Browser:
    """One tab.

    Attributes:
        socket: To it.
        asked: Addresses that pages asked for.
        complaints: What the browser's console said: errors of scripts, and what a policy forbade.
    """

    socket: ClientConnection
    asked: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    _number: int = 0

    def call(self, method: str, **parameters: Any) -> Any:
        """One command of the protocol, and its result."""
        self._number += 1
        self.socket.send(json.dumps({"id": self._number, "method": method, "params": parameters}))
        while True:
            said = json.loads(self.socket.recv(timeout=_SECONDS))
            if said.get("id") == self._number:
                assert "error" not in said, said["error"]
                return said["result"]
            self._hear(said)

    def _hear(self, said: dict[str, Any]) -> None:
        about = said.get("params", {})
        match said["method"]:
            case "Network.requestWillBeSent":
                self.asked.append(about["request"]["url"])
            case "Runtime.exceptionThrown":
                self.complaints.append(str(about["exceptionDetails"]))
            case "Log.entryAdded":
                self.complaints.append(f"{about['entry']['text']} {about['entry'].get('url', '')}")

    def run(self, script: str) -> Any:
        """The value of an expression on the page."""
        found = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def until(self, script: str, seconds: float = _SECONDS) -> None:
        """Wait for an expression to be true, also over the load of a new page."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            found = self.call("Runtime.evaluate", expression=script, returnByValue=True)
            if found["result"].get("value") is True:
                return
            time.sleep(0.05)
        raise AssertionError(
            f"did not become true: {script}\n{self.run('document.body.innerText.slice(0, 1500)')}"
        )

    def open(self, address: str) -> None:
        """A page, until it is there."""
        self.run("window.isOld = true")
        self.call("Page.navigate", url=address)
        self.settled()

    def settled(self) -> None:
        """Until the page is another one than before, and loaded with its files."""
        self.until("!window.isOld && document.readyState === 'complete'")

    def click(self, selector: str) -> None:
        """Click what a selector means, and wait for the page that follows."""
        self.run(f"window.isOld = true; document.querySelector({json.dumps(selector)}).click()")
        self.settled()

    def follow(self, words: str) -> None:
        """Click the link or button that says this, and wait for the page that follows."""
        found = f"[...document.querySelectorAll('a, button')].find(it => it.textContent.trim() === {json.dumps(words)})"
        self.run(f"window.isOld = true; {found}.click()")
        self.settled()

    def type(self, selector: str, text: str) -> None:
        """Type into a field, by the keyboard, and press Enter."""
        self.run(
            f"window.isOld = true; {{ const it = document.querySelector({json.dumps(selector)}); it.focus(); it.select(); }}"
        )
        self.call("Input.insertText", text=text)
        self.press("Enter", 13, "\r")
        self.settled()

    def press(self, key: str, code: int, text: str = "") -> None:
        """A key."""
        for kind in ("keyDown", "keyUp"):
            self.call(
                "Input.dispatchKeyEvent",
                type=kind,
                key=key,
                code=key,
                windowsVirtualKeyCode=code,
                text=text if kind == "keyDown" else "",
            )

    def look(self, *, width: int = 1280, height: int = 900, scheme: str = "light") -> None:
        """The size of the window, and whether the reader's system is dark."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 500,
        )
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def texts(self, selector: str) -> list[str]:
        """What all that a selector means says."""
        found: list[str] = self.run(
            f"[...document.querySelectorAll({json.dumps(selector)})].map(it => it.innerText.trim())"
        )
        return found


@contextmanager
def browser() -> Iterator[Browser]:
    """A browser with a profile of its own, until the end of the block."""
    assert CHROMIUM
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [CHROMIUM, *FLAGS, f"--user-data-dir={profile}", "--remote-debugging-port=0", "about:blank"]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            try:
                with connect(_tab(Path(profile)), max_size=None) as socket:
                    tab = Browser(socket)
                    for domain in ("Page", "Runtime", "Network", "Log"):
                        tab.call(f"{domain}.enable")
                    yield tab
            finally:
                process.terminate()
                process.wait(20)


def _tab(profile: Path) -> str:
    """The address at which its first tab is spoken to."""
    end = time.monotonic() + _SECONDS
    while time.monotonic() < end:
        try:
            port = (profile / "DevToolsActivePort").read_text(encoding="utf-8").split()[0]
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/json", timeout=5) as answer:
                tabs = [one for one in json.load(answer) if one["type"] == "page"]
            if tabs:
                return str(tabs[0]["webSocketDebuggerUrl"])
        except (OSError, IndexError, ValueError):
            pass
        time.sleep(0.05)
    raise AssertionError("the browser does not answer")
