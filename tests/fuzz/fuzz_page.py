"""Damaged pages: the decoder reads them or raises one of omskit's errors.

Run by ``make fuzz``; stops after ``-runs=N`` or ``-max_total_time=SECONDS``.
"""

import json
import sys

import atheris

with atheris.instrument_imports(include=["omskit.jsonapi"]):
    from omskit.errors import OMSError
    from omskit.jsonapi import decode
    from omskit.schema import bundled

RUNS = bundled()["runs"]
ROW = {
    "id": "297050",
    "type": "runs",
    "attributes": {
        "run_number": 297050,
        "l1_rate": 49130.85,
        "era": "2017B",
        "components": ["DAQ", "TRG"],
        "start_time": "2017-06-16T20:50:33Z",
        "delivered_lumi": 106.1,
        "stable_beam": True,
    },
    "meta": {"row": {"delivered_lumi": {"units": "pb^{-1}"}}},
}
PAGE = json.dumps({"data": [ROW, ROW], "meta": {"totalResourceCount": 2}}).encode()
PIECES = (
    b"null",
    b"[]",
    b"{}",
    b"12.0",
    b'"x"',
    b"1e999",
    b"-0",
    b"9" * 25,
    b"\xff",
    b"\x00",
    b'"data"',
    b'"attributes"',
    b"true",
    b"NaN",
    b"\xef\xbb\xbf",
    b"<html>",
    b'{"errors":[]}',
)


def test_one(data):
    """A page with pieces cut out and others put in."""
    provider = atheris.FuzzedDataProvider(data)
    body = PAGE
    for _ in range(provider.ConsumeIntInRange(0, 6)):
        start = provider.ConsumeIntInRange(0, len(body))
        length = provider.ConsumeIntInRange(0, 24)
        if provider.ConsumeBool():
            piece = PIECES[provider.ConsumeIntInRange(0, len(PIECES) - 1)]
        else:
            piece = provider.ConsumeBytes(6)
        body = body[:start] + piece + body[start + length :]
    try:
        rows = decode(body, RUNS)
    except OMSError:
        return
    assert rows.table.num_rows >= 0


if __name__ == "__main__":
    atheris.Setup(sys.argv, test_one)
    atheris.Fuzz()
