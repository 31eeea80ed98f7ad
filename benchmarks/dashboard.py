"""How quick is the dashboard, and what do twenty viewers cost?

The dashboard runs in a process of its own, on the demo or on what --instance names.
Pages are asked cold (nothing is remembered) and warm, zooms of a run and of the heat
map as well; then twenty viewers ask for pages at once. Where chromium and playwright
are, first paint and the time from the end of a drag to the new figures are measured
in the browser.

    $ python benchmarks/dashboard.py --json dashboard.json
    $ python benchmarks/dashboard.py --year 2000000

The heat map is also measured on a made-up run of 1354 lumisections x 600 paths.
``--year`` measures on a store of so many made-up lumisections instead of the demo.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.request import urlopen

import numpy as np
import pyarrow as pa
from _bench import machine, say, show_machine

if TYPE_CHECKING:
    from omskit.table import Table

VIEWERS = 20
MADE_UP = 999_999
"""The run of the widest heat map."""
DEMO = {
    "now": "/now",
    "run 297050": "/run/297050",
    "run 386694": "/run/386694",
    "fill 5839": "/fill/5839",
    "trigger, 267 paths x 786": "/trigger?run=297050&pattern=*",
    "trigger, 600 paths x 1354": f"/trigger?run={MADE_UP}&pattern=*",
    "heat map, 600 x 1354": f"/trigger/heat.png?run={MADE_UP}&pattern=*",
    "masks": "/masks",
    "ask 793 rows": "/ask?resource=lumisections&runs=297050",
}
DEMO_ZOOMS = {
    "zoom of run 386694": "/run/386694?from={a}&to={b}",
    "zoom of the heat map": f"/trigger/heat.png?run={MADE_UP}&pattern=*"
    "&from={a}&to={b}",
}
DRAGS = {
    "run 386694": "#plots .plot .area",
    "run 302500": "#plots .plot .area",
    "trigger, 600 paths x 1354": "#heat",
}
YEAR = {
    "now": "/now",
    "run 302500": "/run/302500",
    "fill 30250": "/fill/30250",
    "masks": "/masks",
    "ask 400 rows": "/ask?resource=lumisections&runs=302500",
    "trigger, 600 paths x 1354": f"/trigger?run={MADE_UP}&pattern=*",
}
YEAR_ZOOMS = {"zoom of run 302500": "/run/302500?from={a}&to={b}"}
ARGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


def serve(instance: str) -> None:
    """The dashboard, until stdin ends; then its memory is told."""
    from omskit import Client, OMSWarning
    from omskit.cli.dashboard import newest_in
    from omskit.config import find_instance
    from omskit.dashboard import Asker, running

    class Wide(Asker):
        """An asker that knows one more run."""

        def hlt(self, run: int, pattern: str) -> Table:
            return wide() if run == MADE_UP else super().hlt(run, pattern)

    warnings.simplefilter("ignore", OMSWarning)
    newest = newest_in(find_instance(instance).base_url)
    with Client(instance, progress=False) as oms:
        asker = Wide(oms, newest=newest)
        with running(asker, every_s=10) as (url, _):
            say(url)
            sys.stdin.read()
        usage = resource.getrusage(resource.RUSAGE_SELF)
        cpu = usage.ru_utime + usage.ru_stime
        say(json.dumps({"peak_mb": usage.ru_maxrss / 1024, "cpu_s": cpu}))


@cache
def wide(paths: int = 600, lumisections: int = 1354) -> Table:
    """Made-up rates of many paths in a long run."""
    from omskit.table import Table

    dice = np.random.default_rng(1)
    mean = np.repeat(dice.gamma(1.0, 20.0, paths), lumisections)
    names = pa.array([f"HLT_MadeUp{n:03d}_v1" for n in range(paths)])
    index = pa.array(np.repeat(np.arange(paths), lumisections))
    number = np.tile(np.arange(1, lumisections + 1), paths)
    rate = pa.array(dice.poisson(23.3 * mean) / 23.3)
    schema = pa.schema(
        [
            pa.field("path_name", pa.string()),
            pa.field("first_lumisection_number", pa.int64()),
            pa.field("rate", pa.float64(), metadata={"unit": "Hz"}),
        ]
    )
    columns = [names.take(index), pa.array(number), rate]
    return Table(pa.table(columns, schema=schema))


def year(rows: int, folder: Path) -> str:
    """A store of made-up lumisections, with their runs and fills."""
    from omskit import Store
    from omskit.schema import bundled
    from omskit.store.chunks import Chunk
    from omskit.store.coverage import Coverage, Finality
    from omskit.store.fetching import Fetched, Judge, commit, entries
    from omskit.store.kept import Kept
    from omskit.store.layout import OPEN, layout_of
    from omskit.store.rows import stored
    from store import FIRST, LENGTH, fill_store

    store = Store(folder / "store")
    fill_store(store, rows)
    now, layout = dt.datetime.now(dt.UTC), layout_of("fills", bundled())
    first, last = FIRST // 10, (FIRST + rows // LENGTH - 1) // 10
    numbers = np.arange(first, last + 1)
    names = {"first_run_number": 10 * numbers, "last_run_number": 10 * numbers + 9}
    made = stored(pa.table({"fill_number": numbers, **names}), layout)
    chunk = Chunk(((0, OPEN),))
    came = Fetched([made], now, len(numbers), 0, simulated=True, receipt="{}")
    told = entries(made, layout, chunk, Judge(Finality(), {}, now), Coverage())
    kept = Kept(store.path, bundled())
    kept.record({layout.name: commit(kept, layout, chunk, came, told)})
    store.compact()
    return f"store:{store.path}"


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


def pages(
    url: str, paths: dict[str, str], zooms: dict[str, str], repeats: int
) -> list[dict[str, object]]:
    """Each page cold and warm, each zoom at places that nobody asked for before."""
    found: list[dict[str, object]] = []
    for name, path in paths.items():
        address = url + path
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
    for name, path in zooms.items():
        times, size = [], 0
        for n in range(repeats):
            address = url + path.format(a=10 + n, b=390 - n)
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


def viewers(url: str, pages: dict[str, str], seconds: float) -> dict[str, float]:
    """Twenty viewers who each ask for a page, look for half a second, and go on."""
    until = time.perf_counter() + seconds
    times: list[float] = []

    def view(number: int) -> None:
        paths = [p for n, p in pages.items() if "trigger" not in n]
        while time.perf_counter() < until:
            number += 1
            times.append(ask(url + paths[number % len(paths)])[0])
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


def browser(url: str, paths: dict[str, str]) -> list[dict[str, object]]:
    """First paint, drags, and frames of a zoom and a pan, in chromium."""
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
        for name, path in paths.items():
            if "heat" in name:
                continue
            tab.goto(url + path)
            tab.wait_for_function(f"() => {paint} > 0")
            ready = (
                "performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd"
            )
            found.append(
                {
                    "what": name,
                    "first_paint_ms": tab.evaluate(paint),
                    "interactive_ms": tab.evaluate(ready),
                }
            )
        for name, figure in DRAGS.items():
            if name in paths:
                tab.goto(url + paths[name])
                found.append({"what": f"drag on {name}", **drag(tab, figure)})
                tab.goto(url + paths[name])
                found.append({"what": f"frames on {name}", **frames(tab, figure)})
        program.close()
    return found


def drag(tab: Any, figure: str) -> dict[str, float]:
    """From the end of a drag to the scaled figures, and to those of the server, in ms.

    Both end two frames later, when what was drawn is on the screen.
    """
    tab.locator(figure).first.scroll_into_view_if_needed()
    box = tab.locator(figure).first.bounding_box()
    tab.evaluate(
        """() => {
          const ended = {};
          addEventListener("pointerup", () => { ended.at = performance.now(); }, true);
          for (const kind of ["scaled", "shown"]) {
            const told = () => { window[kind] ??= performance.now() - ended.at; };
            const next = (f) => () => requestAnimationFrame(f);
            document.addEventListener(`omskit:${kind}`, next(next(told)));
          }
        }"""
    )
    y = box["y"] + min(box["height"], 400) / 2
    tab.mouse.move(box["x"] + 0.2 * box["width"], y)
    tab.mouse.down()
    tab.mouse.move(box["x"] + 0.5 * box["width"], y, steps=3)
    tab.mouse.up()
    tab.wait_for_function("() => window.shown > 0")
    told = tab.evaluate("[window.scaled, window.shown]")
    return dict(zip(("seen_ms", "exact_ms"), told, strict=True))


def frames(tab: Any, figure: str, seconds: float = 2.0) -> dict[str, float]:
    """Frames per second while the wheel zooms in and pans, one turn a frame."""
    return tab.evaluate(
        """([figure, length]) => new Promise((done) => {
          const area = document.querySelector(figure);
          area.scrollIntoView();
          const box = area.getBoundingClientRect();
          const begun = performance.now();
          const took = [];
          let last = begun;
          const turn = (now) => {
            took.push(now - last);
            last = now;
            if (now - begun > length) {
              took.sort((a, b) => a - b);
              done({
                frames_per_s: 1000 * took.length / (now - begun),
                worst_frame_ms: took.at(-1),
              });
              return;
            }
            const zooms = now - begun < length / 2;
            const there = Math.floor((now - begun) / 250) % 2 ? 1 : -1;
            area.dispatchEvent(new WheelEvent("wheel", {
              bubbles: true, cancelable: true, ctrlKey: zooms, shiftKey: !zooms,
              clientX: box.left + box.width / 2, clientY: box.top + 20,
              deltaY: zooms ? -8 : 10 * there,
            }));
            requestAnimationFrame(turn);
          };
          requestAnimationFrame(turn);
        })""",
        [figure, 1000 * seconds],
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--instance", default="demo")
    parser.add_argument(
        "--year", type=int, metavar="ROWS", help="a store of so many lumisections"
    )
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        serve(given.instance)
        return
    about = machine()
    show_machine(about)
    with tempfile.TemporaryDirectory(prefix="omskit-bench-") as folder:
        is_demo = given.year is None
        instance = given.instance if is_demo else year(given.year, Path(folder))
        chosen = (DEMO, DEMO_ZOOMS) if is_demo else (YEAR, YEAR_ZOOMS)
        found = measured(instance, *chosen, quick=given.quick)
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


def measured(
    instance: str, paths: dict[str, str], zooms: dict[str, str], *, quick: bool
) -> dict[str, Any]:
    """All that is measured, of a dashboard in a process of its own."""
    command = [sys.executable, __file__, "--serve", "--instance", instance]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        repeats, seconds = (2, 2.0) if quick else (10, 20.0)
        found: dict[str, Any] = {"pages": pages(url, paths, zooms, repeats)}
        before = rss_mb(process.pid)
        found["viewers"] = viewers(url, paths, seconds)
        after = rss_mb(process.pid)
        found["browser"] = browser(url, paths)
        process.stdin.close()
        found["memory"] = json.loads(process.stdout.readline()) | {
            "before_viewers_mb": before,
            "after_viewers_mb": after,
        }
    return found


if __name__ == "__main__":
    main()
