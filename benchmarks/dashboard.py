"""How quick is the dashboard, and what do twenty viewers cost?

The dashboard runs in a process of its own, on the demo or on what --instance names.
Pages are asked cold (nothing is remembered) and warm, zooms of a run and of the heat
map as well; then twenty viewers ask for pages at once. Where chromium and playwright
are, first paint and the time from the end of a drag to the new figures are measured
in the browser.

    $ python benchmarks/dashboard.py --json dashboard.json
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path
from urllib.request import urlopen

from _bench import machine, say, show_machine

VIEWERS = 20
PAGES = {
    "now": "/now",
    "run 297050": "/run/297050",
    "run 386694": "/run/386694",
    "fill 5839": "/fill/5839",
    "trigger, all paths": "/trigger?run={wide}&pattern=*",
    "heat map, all paths": "/trigger/heat.png?run={wide}&pattern=*",
    "masks": "/masks",
    "ask 793 rows": "/ask?resource=lumisections&runs=297050",
}
ZOOMS = {
    "zoom of run 386694": "/run/386694?from={a}&to={b}",
    "zoom of the heat map": "/trigger/heat.png?run={wide}&pattern=*&from={a}&to={b}",
}
ARGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


def serve(instance: str) -> None:
    """The dashboard, until stdin ends; then its memory is told."""
    from omskit import Client, OMSWarning
    from omskit.cli.output import encoders
    from omskit.dashboard import Asker, running

    warnings.simplefilter("ignore", OMSWarning)
    with (
        Client(instance) as oms,
        running(Asker(oms), encoders(), every_s=10) as (
            url,
            _,
        ),
    ):
        say(url)
        sys.stdin.read()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        usage = resource.getrusage(resource.RUSAGE_SELF)
        cpu = usage.ru_utime + usage.ru_stime
        say(json.dumps({"peak_mb": peak / 1024, "cpu_s": cpu}))


def ask(url: str) -> tuple[float, int]:
    """Seconds and bytes of an answer."""
    began = time.perf_counter()
    with urlopen(url) as answer:
        size = len(answer.read())
    return time.perf_counter() - began, size


def rss_mb(pid: int) -> float:
    """Memory of a process now; 0 where the system does not say."""
    try:
        pages = Path(f"/proc/{pid}/statm").read_text("ascii").split()[1]
    except OSError:
        return 0.0
    return int(pages) * os.sysconf("SC_PAGE_SIZE") / 2**20


def pages(url: str, wide: int, repeats: int) -> list[dict[str, object]]:
    """Each page cold and warm, each zoom at places that nobody asked for before."""
    found: list[dict[str, object]] = []
    for name, path in PAGES.items():
        address = url + path.format(wide=wide)
        cold, size = ask(address)
        warm = [ask(address)[0] for _ in range(repeats)]
        found.append(
            {
                "what": name,
                "cold_ms": 1000 * cold,
                "warm_ms": 1000 * statistics.median(warm),
                "worst_ms": 1000 * max(warm),
                "kB": size / 1000,
            }
        )
    for name, path in ZOOMS.items():
        times, size = [], 0
        for n in range(repeats):
            address = url + path.format(wide=wide, a=10 + n, b=700 - n)
            seconds, size = ask(address)
            times.append(seconds)
        found.append(
            {
                "what": name,
                "cold_ms": 1000 * times[0],
                "warm_ms": 1000 * statistics.median(times),
                "worst_ms": 1000 * max(times),
                "kB": size / 1000,
            }
        )
    return found


def viewers(url: str, wide: int, seconds: float) -> dict[str, float]:
    """Twenty viewers who each ask for a page, look for half a second, and go on."""
    until = time.perf_counter() + seconds
    times: list[float] = []

    def view(number: int) -> None:
        paths = [p for n, p in PAGES.items() if n != "trigger, all paths"]
        while time.perf_counter() < until:
            number += 1
            path = paths[number % len(paths)].format(wide=wide)
            times.append(ask(url + path)[0])
            time.sleep(0.5)

    threads = [threading.Thread(target=view, args=(n,)) for n in range(VIEWERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    times.sort()
    return {
        "viewers": VIEWERS,
        "pages": len(times),
        "pages_per_s": len(times) / seconds,
        "median_ms": 1000 * statistics.median(times),
        "p95_ms": 1000 * times[int(0.95 * len(times))],
    }


def browser(url: str, wide: int) -> list[dict[str, object]]:
    """First paint, and a drag until the new figures stand, in chromium."""
    chromium = os.environ.get("OMSKIT_CHROMIUM") or shutil.which("chromium")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        chromium = None
    if not chromium:
        say("No chromium, or no playwright to drive it: nothing is measured in it.")
        return []
    paint = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
    found: list[dict[str, object]] = []
    with sync_playwright() as playwright:
        program = playwright.chromium.launch(executable_path=chromium, args=ARGS)
        tab = program.new_page(viewport={"width": 1280, "height": 900})
        for name, path in PAGES.items():
            if "heat" in name:
                continue
            tab.goto(url + path.format(wide=wide))
            tab.wait_for_function(f"() => {paint} > 0")
            ready = "performance.getEntriesByType('navigation')[0].domInteractive"
            found.append(
                {
                    "what": name,
                    "first_paint_ms": tab.evaluate(paint),
                    "interactive_ms": tab.evaluate(ready),
                }
            )
        for name, path, figure in (
            ("drag on run 386694", "/run/386694", "#plots .plot .area"),
            ("drag on the heat map", PAGES["trigger, all paths"], "#heat"),
        ):
            tab.goto(url + path.format(wide=wide))
            found.append({"what": name, "drag_ms": drag(tab, figure)})
        program.close()
    return found


def drag(tab: object, figure: str) -> float:
    """Milliseconds from the end of a drag to the figures that it zooms to."""
    box = tab.locator(figure).first.bounding_box()  # type: ignore[attr-defined]
    tab.evaluate(  # type: ignore[attr-defined]
        """() => {
          const now = () => performance.now();
          addEventListener("pointerup", () => { window.ended = now(); }, true);
          const drawn = () => { window.took = now() - window.ended; };
          const next = (f) => () => requestAnimationFrame(f);
          document.addEventListener("omskit:shown", next(next(drawn)));
        }"""
    )
    mouse = tab.mouse  # type: ignore[attr-defined]
    y = box["y"] + 20
    mouse.move(box["x"] + 0.2 * box["width"], y)
    mouse.down()
    mouse.move(box["x"] + 0.5 * box["width"], y, steps=3)
    mouse.up()
    tab.wait_for_function("() => window.took > 0")  # type: ignore[attr-defined]
    return float(tab.evaluate("window.took"))  # type: ignore[attr-defined]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--instance", default="demo")
    parser.add_argument("--wide", type=int, default=297050, help="run of the heat map")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        serve(given.instance)
        return
    about = machine()
    show_machine(about)
    command = [sys.executable, __file__, "--serve", "--instance", given.instance]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        repeats, seconds = (2, 2.0) if given.quick else (10, 20.0)
        found = {"pages": pages(url, given.wide, repeats)}
        before = rss_mb(process.pid)
        found["viewers"] = viewers(url, given.wide, seconds)
        after = rss_mb(process.pid)
        found["browser"] = browser(url, given.wide)
        process.stdin.close()
        found["memory"] = json.loads(process.stdout.readline()) | {
            "before_viewers_mb": before,
            "after_viewers_mb": after,
        }
    for part, rows in found.items():
        say(f"\n{part}")
        for row in rows if isinstance(rows, list) else [rows]:
            told = (
                f"{k} {v:.0f}" if isinstance(v, float) else f"{k} {v}"
                for k, v in row.items()
            )
            say("  " + "  ".join(told))
    if given.json is not None:
        text = json.dumps({"machine": about, **found}, indent=1)
        given.json.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
