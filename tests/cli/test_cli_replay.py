"""``oms replay`` and ``oms follow`` where something is wrong: files, hosts, outages."""

from __future__ import annotations

import json

import pytest
from tests.support.loopback import serving
from tests.support.smallservice import page, refusal

from omskit import Client
from omskit.config import find_instance

EMPTY = page(data=[], meta={"totalResourceCount": 0})


def test_a_file_whose_rows_were_cut(oms, tmp_path):
    """Rows that are not those of the receipt beside them are told, with exit code 1."""
    from pyarrow import parquet

    path = tmp_path / "runs.parquet"
    oms("runs", "297050-297056", "-o", path, "--quiet")
    whole = parquet.read_table(path)
    parquet.write_table(whole.slice(0, 3), path)
    done = oms("replay", path)
    assert done.code == 1
    assert "  not as written: the file has 3 rows, 7 in the receipt: 4 removed" in (
        done.out
    )
    document = json.loads(oms("replay", path, "--json").out)
    assert (document["same"], "4 removed" in document["file_altered"]) == (True, True)
    parquet.write_table(whole.drop_columns(["era"]), path)
    assert "column era gone" in oms("replay", path).out


@pytest.mark.parametrize("resource", ["runs", "lumisections", "hltpathinfo", "fills"])
def test_every_kind_of_column_comes_back_from_a_file(oms, tmp_path, resource):
    """Rows that nobody touched are those of their receipt, whatever their types."""
    path = tmp_path / "rows.parquet"
    fills = resource == "fills"
    oms("get", resource, "5839" if fills else "297050", "-o", path, "--quiet")
    done = oms("replay", path)
    assert (done.code, done.out.endswith(" rows, as before\n")) == (0, True)


def test_a_damaged_file_is_called_so(oms, tmp_path):
    """A file of omskit that breaks off is damaged, not somebody else's."""
    path = tmp_path / "runs.parquet"
    oms("runs", 297050, "-o", path, "--quiet")
    path.write_bytes(path.read_bytes()[:-100])
    done = oms("replay", path)
    assert (done.code, "is damaged, or was cut" in done.err) == (2, True)


def test_a_receipt_cannot_name_who_gets_the_token(oms, tmp_path, monkeypatch):
    """The service of a receipt is asked only where the user knows it or names it."""
    path = tmp_path / "evil.json"
    with Client("demo") as client:
        text = client.runs(297050).receipt.to_json()
    monkeypatch.setenv("OMSKIT_TOKEN", "not for strangers")
    path.write_text(text)
    assert oms("replay", path).code == 0
    with serving(lambda _asked: EMPTY) as server:
        host = server.base.removesuffix("/agg/api/v1")
        path.write_text(text.replace("https://demo.invalid", host))
        done = oms("replay", path)
        assert (done.code, server.asked) == (2, [])
        assert len(done.err.splitlines()) == 1
        assert "give --instance URL" in done.err
        # Named by the user it is asked, here by the configuration.
        config = tmp_path / "config.toml"
        config.write_text(f'[instances.mine]\nbase_url = "{server.base}"\n')
        monkeypatch.setenv("OMSKIT_CONFIG", str(config))
        oms("replay", path)
        assert server.asked
        assert f"asked at {find_instance('demo').base_url}" in (
            oms("replay", path, "--instance", "demo").out
        )


def test_follow_says_at_once_that_nothing_is_there(oms):
    """A wrong address is an error at the first look, not after an outage."""
    with serving(lambda _asked: refusal(404, "nothing")) as server:
        done = oms("follow", 297050, "--instance", server.base, "--every", 3600)
    assert (done.code, done.out) == (4, "")


def test_follow_tells_of_an_outage(oms):
    """An outage is one line on stderr when it begins, and one when it is over."""
    run = {"run_number": 1, "end_time": None, "last_lumisection_number": 1}
    over = {**run, "end_time": "2017-06-16T23:00:00Z"}
    row = {"run_number": 1, "lumisection_number": 1, "end_time": over["end_time"]}
    first = iter([[run], [], None, [over], [row]])

    def answer(_asked):
        rows = next(first)
        if rows is None:
            return refusal(500, "broken")
        ids = ["1_1" if "lumisection_number" in r else "1" for r in rows]
        data = [{"id": i, "attributes": r} for i, r in zip(ids, rows, strict=True)]
        return page(data=data, meta={"totalResourceCount": len(data)})

    with serving(answer) as server:
        done = oms("follow", 1, "-i", server.base, "--every", 0.05, "--fields", "news")
    assert (done.code, done.out) == (0, '{"news":"new"}\n')
    told = [x for x in done.err.splitlines() if "Following run 1" in x]
    assert ["status 500: broken" in x for x in told] == [True, False]
