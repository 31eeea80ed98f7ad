"""Random URLs: the parser understands them or raises one of omskit's usage errors.

Run by ``make fuzz``; stops after ``-runs=N`` or ``-max_total_time=SECONDS``.
"""

import sys

import atheris

with atheris.instrument_imports(include=["omskit.query"]):
    from omskit.errors import UsageError
    from omskit.query.url import encode, parse
    from omskit.schema import bundled

CATALOGUE = bundled()
PARTS = (
    "runs?",
    "lumisections?",
    "l1triggerrates?",
    "hltconfigdata?",
    "filter[",
    "][EQ]=",
    "][LIKE]=",
    "][ge]=",
    "run_number",
    "start_time",
    "2017-06-16T20:50:33Z",
    "null",
    "true",
    "sort=",
    "-",
    ",",
    "fields=",
    "page[offset]=",
    "page[limit]=",
    "include=",
    "group[granularity]=",
    "&",
    "%5B",
    "\x00",
    "%",
    "9" * 30,
    "1e400",
    "nan",
    "[",
    "]",
    "=",
    "'; DROP TABLE runs; --",
    # Whole parameters, which pieces would seldom make.
    "&filter[run_number][EQ]=297050",
    "&filter[run_number]=297051",
    "&filter[run_number][GE]=1",
    "&filter[runs][l1_rate][LT]=1e3",
    "&filter[config_name][LIKE]=%25a_",
    "&filter[start_time][GT]=2017-06-16+20:50",
    "&filter[end_time][NEQ]=null",
    "&filter[components][CT]=DT",
    "&filter[cms_active]=True",
    "&sort=-run_number,start_time",
    "&fields[runs]=era%2Crun_number",
    "&fields=l1a_total",
    "&include=meta,dataonly",
    "&group[granularity]=run",
    "&page[offset]=100&page[limit]=100",
)


def test_one(data):
    """What is understood can be said again, and means the same."""
    provider = atheris.FuzzedDataProvider(data)
    text = PARTS[provider.ConsumeIntInRange(0, 3)]
    for _ in range(provider.ConsumeIntInRange(0, 12)):
        if provider.ConsumeBool():
            text += PARTS[provider.ConsumeIntInRange(0, len(PARTS) - 1)]
        else:
            text += provider.ConsumeUnicodeNoSurrogates(8)
    try:
        query, page = parse(text, CATALOGUE)
        said = encode(query, page.offset, page.limit)
    except UsageError:
        return
    assert parse(said, CATALOGUE) == (query, page), (text, said)


if __name__ == "__main__":
    atheris.Setup(sys.argv, test_one)
    atheris.Fuzz()
