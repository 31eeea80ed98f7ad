"""``oms fields`` and ``oms get`` on what rows do not show."""

import csv
import io


def test_fields_tells_what_is_only_filtered_by(oms):
    """The run of a prescale set is listed with its type, as filter and not shown."""
    out = oms("fields", "hltprescalesets", "-f", "csv").out
    rows = {row["field"]: row for row in csv.DictReader(io.StringIO(out))}
    assert list(rows) == ["path_name", "prescales", "run_number"]
    assert rows["run_number"]["use"] == "where =, not shown"
    assert rows["run_number"]["type"] == "int"


def test_get_takes_one_run(oms):
    """A run that rows do not show selects them, as argument and as condition."""
    get = ("get", "hltprescalesets", "--count")
    assert oms(*get, "297050").out.strip() == "278"
    assert oms(*get, "--where", "run_number = 297050").out.strip() == "278"
    refused = oms(*get, "297050-297056")
    assert refused.code == 2
    assert "one of them at a time" in refused.err
