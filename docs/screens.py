"""Take the screenshots of panels and alerts (`make pictures ARGS=--screens`). It takes about ten minutes.

Each trouble is provoked on a `LocalCluster` under load, and a real Prometheus scrapes it each second. Then
Chromium, without a window, opens Prometheus' own page of each panel's query at the time of its trouble. The
queries are recorded as ``panel:…``, so that the page shows a short name. Grafana is no part of it.
"""

from __future__ import annotations

import math
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

ROOT: Final = Path(__file__).resolve().parent.parent
PICTURES: Final = ROOT / "docs" / "screens"
WINDOW: Final = "50s"
SIZE: Final = (1000, 1100)
QUALITY: Final = 60
LEFT_S: Final = 5.0
"""How much before and after a trouble a picture shows."""


def slug(title: str) -> str:
    """Return the name of a panel's or an alert's picture, without its ending."""
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")


def recorded(title: str) -> str:
    """Return the name under which a panel's queries are recorded."""
    return f"panel:{slug(title).replace('-', '_')}"


def panel_rules(clients: Mapping[str, str]) -> dict[str, Any]:
    """Return the rules that record panels' queries, with the legend as a label.

    Args:
        clients: the client that each panel shows, by the panel's title.
    """
    from aerospike_resilience.telemetry.dashboard import ROWS

    rules = []
    for panel in (one for row in ROWS.values() for one in row if one.title in clients):
        chosen = {"$job": ".*", "$client": clients[panel.title], "$__rate_interval": "10s"}
        for legend, query in panel.queries.items():
            expression = query
            for name, value in chosen.items():
                expression = expression.replace(name, value)
            shows = {"shows": word} if (word := _plain(legend)) else {}
            rules.append({"record": recorded(panel.title), "expr": expression, "labels": shows})
    return {"name": "panels", "rules": rules}


def _plain(legend: str) -> str:
    return re.sub(r"\{\{\w+\}\}", "", legend).strip()


def provoke(server: Any, troubles: Any) -> Iterator[tuple[str, float, float]]:
    """Provoke each trouble; yield each title with the time of its trouble, in seconds since 1970."""
    for trouble, titles in troubles.items():
        began = time.time()
        trouble(server)
        print(f"{trouble.__name__}: {time.time() - began:.0f} s", flush=True)
        for title in titles:
            yield title, began, time.time()


def right_edge(ended: float) -> int:
    """Return the time at which a picture ends. Prometheus' page knows whole minutes only."""
    return math.ceil((ended + LEFT_S) / 60) * 60


def page(url: str, title: str, began: float, ended: float) -> str:
    """Return the address of Prometheus' page of a panel or an alert at the time of its trouble."""
    is_alert = title.startswith("Aerospike")
    query = f'ALERTS{{alertname="{title}"}}' if is_alert else recorded(title)
    until = right_edge(ended)
    asked = {
        "g0.expr": query,
        "g0.tab": 0,
        "g0.range_input": f"{round(until - began + LEFT_S)}s",
        "g0.end_input": time.strftime("%Y-%m-%d %H:%M", time.gmtime(until)),
        "g0.step_input": 1,
    }
    return f"{url}/graph?{urlencode(asked)}"


def photograph(address: str, target: Path, size: tuple[int, int] = SIZE) -> None:
    """Have Chromium open a page, and write what it shows as WebP, without the empty space below."""
    from PIL import Image, ImageChops

    with tempfile.TemporaryDirectory() as folder:
        shot = Path(folder) / "shot.png"
        subprocess.run(
            [
                *(_chromium(), "--headless", "--disable-gpu", "--hide-scrollbars"),
                *(["--no-sandbox"] if os.geteuid() == 0 else []),
                *(f"--user-data-dir={folder}/profile", "--virtual-time-budget=8000"),
                *(f"--window-size={size[0]},{size[1]}", f"--screenshot={shot}", address),
            ],
            check=True,
            timeout=120,
            capture_output=True,
        )
        with Image.open(shot) as found:
            picture = found.convert("RGB")
    background = Image.new("RGB", picture.size, "white")
    box = ImageChops.difference(picture, background).getbbox()
    bottom = min(box[3] + 12, picture.height) if box else picture.height
    picture.crop((0, 0, picture.width, bottom)).save(target, quality=QUALITY, method=6)


def _chromium() -> str:
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("chrome")
    if found is None:
        raise SystemExit("Chromium is needed for screenshots (Debian package: chromium)")
    return found


def main(only: Callable[[str], bool] = lambda _title: True) -> None:
    """Provoke the troubles and take every picture."""
    sys.path[:0] = [str(ROOT), str(ROOT / "docs")]
    from troubles import TROUBLES

    from aerospike_resilience.telemetry.rules import rules
    from tests.telemetry.prometheus_server import PROMETHEUS, prometheus
    from tests.waiting import until

    _chromium()
    if PROMETHEUS is None:
        raise SystemExit("Prometheus is needed for screenshots (Debian package: prometheus)")
    PICTURES.mkdir(exist_ok=True)
    wanted = {trouble: titles for trouble, titles in TROUBLES.items() if any(map(only, titles))}
    found = rules(WINDOW)
    clients = {title: one.__name__ for one, titles in wanted.items() for title in titles}
    found["groups"].append(panel_rules(clients))
    with tempfile.TemporaryDirectory() as folder, prometheus(Path(folder), found) as server:
        until(lambda: server.query("up == 1"))  # Prometheus finds its targets after some seconds
        times = list(provoke(server, wanted))
        time.sleep(
            max(right_edge(times[-1][2]) - time.time(), 0)
        )  # what is not yet is drawn as before
        for title, began, ended in times:
            target = PICTURES / f"{slug(title)}.webp"
            photograph(page(server.url, title, began, ended), target)
            print(target.relative_to(ROOT), flush=True)


if __name__ == "__main__":
    names = sys.argv[1:]
    main((lambda title: title in names) if names else (lambda _title: True))
