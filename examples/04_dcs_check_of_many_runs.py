"""In which runs does ``cms_active`` differ from the DCS-only file?

The file is yours; without one, the demo's. Several runs are asked side by side, which
is what the asynchronous client is for.

Usage: ``python examples/04_dcs_check_of_many_runs.py [FILE]``
"""

from __future__ import annotations

import asyncio
import sys
from importlib.resources import files

from omskit import AsyncClient
from omskit.lumi.files import read_mask

RUNS = (297050, 297056, 306458)


async def main(path: str | None = None) -> None:
    folder = files("omskit.demo") / "certification"
    mask = read_mask(path or str(folder / "json_DCSONLY_2017.txt"))
    async with AsyncClient() as oms:
        checks = await asyncio.gather(*(oms.dcs_check(run, mask) for run in RUNS))
    for check in checks:
        print(check)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:2]))
