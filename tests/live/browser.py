"""A real browser without a window, driven through its debugging pipe."""

from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

from tests.waiting import PATIENCE_S

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)


class Browser:
    """One page in Chromium."""

    def __init__(self, home: Path) -> None:
        to_browser, self._out = os.pipe()
        self._in, from_browser = os.pipe()
        # It reads descriptor 3 and writes descriptor 4.
        script = f'exec "$0" "$@" 3<&{to_browser} 4>&{from_browser}'
        self._process = subprocess.Popen(
            [
                *("bash", "-c", script, CHROMIUM),
                *(
                    "--headless",
                    "--hide-scrollbars",
                    "--no-sandbox",
                    "--disable-gpu",
                    "--remote-debugging-pipe",
                ),
                *("--disable-dev-shm-usage", "--no-first-run", f"--user-data-dir={home}"),
                "about:blank",
            ],
            pass_fds=(to_browser, from_browser),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_browser)
        os.close(from_browser)
        self._rest = b""
        self._number = 0
        self._session: str | None = None
        self.requested: list[str] = []
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.send("Target.attachToTarget", targetId=target, flatten=True)[
            "sessionId"
        ]
        self.send("Network.enable")
        self.send("Page.enable")

    def send(self, method: str, **params: Any) -> Any:
        """Send a command and return its result."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while True:
            told = self._next()
            if told.get("method") == "Network.requestWillBeSent":
                self.requested.append(told["params"]["request"]["url"])
            elif told.get("method") == "Page.javascriptDialogOpening":
                self._answer_dialog()
            elif told.get("id") == message["id"]:
                assert "error" not in told, told
                return told["result"]

    def _answer_dialog(self) -> None:
        self._number += 1
        answer = {
            "id": self._number,
            "sessionId": self._session,
            "method": "Page.handleJavaScriptDialog",
            "params": {"accept": True, "promptText": "new disk"},
        }
        os.write(self._out, json.dumps(answer).encode() + b"\0")

    def _next(self) -> Any:
        ends = time.monotonic() + PATIENCE_S
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._in], [], [], max(ends - time.monotonic(), 0))
            assert ready, "the browser says nothing"
            read = os.read(self._in, 1 << 16)
            assert read, "the browser has ended"
            self._rest += read
        message, _, self._rest = self._rest.partition(b"\0")
        return json.loads(message)

    def open(self, url: str, *, width: int = 1280, height: int = 900, dark: bool = False) -> None:
        """Open a page."""
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.send("Emulation.setEmulatedMedia", features=scheme)
        self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 500,
        )
        self.send("Page.navigate", url="about:blank")
        self.requested.clear()
        self.send("Page.navigate", url=url)

    def value(self, expression: str) -> Any:
        """Return what an expression is in the page."""
        found = self.send("Runtime.evaluate", expression=expression, returnByValue=True)
        return found["result"].get("value")

    def screenshot(self) -> str:
        """Return a picture of the page as base64 of a PNG."""
        return str(self.send("Page.captureScreenshot", format="png")["data"])

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._out)
        os.close(self._in)
