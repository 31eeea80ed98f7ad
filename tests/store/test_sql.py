"""SQL over a store answers queries, and reaches nothing else."""

from __future__ import annotations

import datetime as dt
import threading

import pytest

from omskit import LumiMask, Store
from omskit.errors import MaskError, UsageError
from omskit.store.sql import Asking


def value(table):
    return table.arrow.column(0)[0].as_py()


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    from omskit import Client

    store = Store(tmp_path_factory.mktemp("sql") / "store", fsync=False)
    with Client("demo") as oms:
        store.sync(oms, "lumisections,l1triggerrates@run,downtimes", (297050, 297056))
    return store


def test_every_resource_is_a_view(kept):
    """What was synced can be joined, by plain names or quoted ones."""
    count = "select count(*) from lumisections join runs using (run_number)"
    assert value(kept.sql(count)) == value(
        kept.sql("select count(*) from lumisections")
    )
    assert value(kept.sql("select count(*) from l1triggerrates_run")) == 7
    assert value(kept.sql('select count(*) from "l1triggerrates@run"')) == 7
    assert value(kept.sql("select count(*) from downtimes")) == 64


def test_no_variable_of_python_is_a_table(kept):
    """Neither here nor in a cursor, which has settings of its own."""
    import pyarrow as pa

    secret = pa.table({"n": [1]})
    assert secret.num_rows == 1
    with pytest.raises(UsageError, match="no table secret"):
        kept.sql("select * from secret")
    cursor = kept._asking._connection.cursor()
    word = "current_setting('python_enable_replacements')"
    assert cursor.sql(f"select {word}").fetchall() == [(False,)]


def test_numbers_are_in_canonical_units(kept):
    """A sum in SQL is the sum that the client gives, and the comment says the unit."""
    from omskit import Client

    with Client(f"store:{kept.path}") as oms:
        table = oms.query("lumisections", 297050).options(audit=False).fetch()
    there = sum(table["recorded_lumi_per_lumisection"].to_pylist())
    found = kept.sql(
        "select sum(recorded_lumi_per_lumisection) from lumisections "
        "where run_number = 297050"
    )
    assert value(found) == pytest.approx(there)
    comment = kept.sql(
        "select comment from duckdb_columns() where table_name = 'runs' "
        "and column_name = 'recorded_lumi' and 1 <= (select count(*) from runs)"
    )
    assert value(comment).startswith("[/pb] ")


def test_answers_are_typed_tables(kept):
    """Times are UTC, integers stay integers, and simulated rows say so."""
    found = kept.sql("select min(start_time), sum(run_number), count(*) from runs")
    assert found.simulated
    first, total, count = (
        next(iter(found.to_records()[0].values())),
        *list(found.to_records()[0].values())[1:],
    )
    assert first.tzinfo is not None
    assert first.utcoffset() == dt.timedelta(0)
    assert (type(total), count) == (int, 7)
    assert value(kept.sql("select 170141183460469231731687303715884105727::hugeint"))


def test_masks_are_table_functions(kept, tmp_path):
    """A mask in a file, or one that is given, picks lumisections."""
    path = tmp_path / "it's golden.json"
    path.write_text('{"297050": [[1, 5], [7, 8]], "999999": [[1, 1]]}')
    text = str(path).replace("'", "''")
    join = "select count(*) from lumisections join mask('{}') using "
    join += "(run_number, lumisection_number)"
    assert value(kept.sql(join.format(text))) == 7
    given = {"mine": LumiMask({297050: [(1, 3)]})}
    assert value(kept.sql(join.format("mine"), masks=given)) == 3


def test_masks_without_meaning_are_refused(kept, tmp_path):
    """A mask that is not there, is open, or has no plain name is no empty table."""
    with pytest.raises(MaskError, match=r"nothing\.json"):
        kept.sql("select * from mask('nothing.json')")
    with pytest.raises(UsageError, match="written out"):
        kept.sql("select * from mask('a' || 'b')")
    with pytest.raises(MaskError, match="close"):
        kept.sql(
            "select * from mask('open')",
            masks={"open": LumiMask.from_json({"1": [[5, 0]]})},
        )
    with pytest.raises(UsageError, match="files may not be named"):
        Asking(kept._kept, files=False).ask("from mask('/etc/passwd')", {})


HOSTILE = {
    "read text": "select * from read_text('/etc/passwd')",
    "read csv": "select * from read_csv('/etc/passwd')",
    "read blob": "select * from read_blob('{store}/omskit-store.json')",
    "file": "from '/etc/passwd'",
    "list": "select * from glob('{store}/*')",
    "network": "from 'http://127.0.0.1:1/x.parquet'",
    "s3": "from 's3://bucket/x.parquet'",
    "copy": "copy (select 1) to '{store}/x.csv'",
    "export": "export database '{store}/x'",
    "explain copy": "explain analyze copy (select 1) to '{store}/x.csv'",
    "attach": "attach '{store}/x.db'",
    "install": "install httpfs",
    "load": "load httpfs",
    "set": "set enable_external_access = true",
    "reset": "reset allowed_paths",
    "pragma": "pragma enable_profiling",
    "create": "create table x as select 1",
    "drop": "drop view runs",
    "insert": "insert into runs select * from runs",
    "insert in a query": "with x as (insert into runs select 1 returning 1) from x",
    "delete": "delete from runs",
    "call": "call enable_logging()",
    "logging": "select * from enable_logging()",
    "two": "select 1; drop view runs",
    "prepare": "prepare p as select 1",
    "python": "select * from kept",
    "sniff": "select * from sniff_csv('/etc/passwd')",
    "database": "select * from read_duckdb('/tmp/x.db')",
    "secrets": "select * from duckdb_secrets()",
    "extensions": "select * from duckdb_extensions()",
    "environment": "select getenv('HOME')",
    "query in a query": "select * from query('copy (select 1) to ''{store}/x''')",
    "parquet": "from read_parquet('{store}/coverage/*/*.parquet')",
    "nothing": "",
    "no sql": "make me a sandwich",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_sql_is_refused(kept, text):
    """No file, network, extension, setting or write is reached from SQL."""
    before = sorted(str(path) for path in kept.path.rglob("*"))
    with pytest.raises(UsageError):
        kept.sql(text.format(store=kept.path))
    assert sorted(str(path) for path in kept.path.rglob("*")) == before
    assert value(kept.sql("select count(*) from runs")) == 7


def test_what_hostile_sql_leaves_behind_is_gone(kept):
    """Each query has a session of its own, which ends with it."""
    with pytest.raises(UsageError):
        kept.sql("create temp table t as select 1")
    with pytest.raises(UsageError, match="no table t"):
        kept.sql("select * from t")


def test_errors_say_what_there_is(kept):
    """A name that is none gets the nearest, and all that there are."""
    with pytest.raises(UsageError, match="Did you mean 'lumisections'") as caught:
        kept.sql("select * from lumisection")
    assert "downtimes" in str(caught.value)
    with pytest.raises(UsageError, match="cannot be answered: Binder Error"):
        kept.sql("select no_such_column from runs")


def test_new_rows_are_seen(store, oms):
    """SQL sees the newest version, and an old store the versions of then."""
    store.sync(oms, "runs", 297050)
    assert value(store.sql("select count(*) from runs")) == 1
    store.sync(oms, "runs", 297051)
    assert value(store.sql("select count(*) from runs")) == 2
    with pytest.raises(UsageError):
        store.at("2000-01-01").sql("select count(*) from runs")


def test_a_folder_without_store_is_named(tmp_path):
    """Where nothing was synced, the command that does is named."""
    with pytest.raises(UsageError, match="oms sync"):
        Store(tmp_path / "none").sql("select 1")


def test_threads_ask_at_once(kept):
    """Queries of several threads do not meet."""
    found = []

    def ask():
        found.append(value(kept.sql("select count(*) from runs")))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [7] * 4
