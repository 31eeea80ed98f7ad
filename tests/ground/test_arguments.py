"""What users give that the types forbid: an OMSError each time, in both worlds."""

from __future__ import annotations

import asyncio
import contextlib
import math
import pickle
from pathlib import Path

import pytest
from tests.support.loopback import serving
from tests.support.smallservice import page

from omskit import (
    AsyncClient,
    BearerToken,
    Client,
    ConfigError,
    LumiMask,
    OMSError,
    OMSWarning,
    Query,
    SelectorError,
    UsageError,
    field,
)
from omskit.flow import Following
from omskit.flow.settings import Settings
from omskit.table.receipt import Receipt

STRANGE = [
    None, 5, -1, "", "x", [], [5], [[5]], [None], b"x", math.nan, {}, {"a": 1},
    object(), True, (1,), len,
]  # fmt: skip
MASK = LumiMask.from_json({"297050": [[1, 2]]})
QUESTION = [
    "fields", "where", "sort", "limit", "granularity", "fill", "era", "since", "until",
    "last", "mask", *Settings.__dataclass_fields__,
]  # fmt: skip
SHORTCUTS = ["runs", "fills", "eras", "l1_rates", "hlt_paths", "hlt_rates"]
NAMED = [("hlt_rates", "paths"), ("l1_algorithms", "bits"), ("l1_algorithms", "names")]
BUILDERS = ["where", "select", "sort", "limit", "include", "group"]
OPERATORS = ["__eq__", "__gt__", "is_in", "like", "matches", "contains", "between"]
SMALL = {"fields": "run_number", "limit": 1}


def built(name):
    """A step of building a query with a value."""
    return lambda oms, value: getattr(oms.query("runs", 297050), name)(value).fetch()


PLACES = {
    **{f"{n}()": lambda oms, v, n=n: getattr(oms, n)(v, limit=1) for n in SHORTCUTS},
    **{f"runs {k}": lambda oms, v, k=k: oms.runs(297050, **{k: v}) for k in QUESTION},
    **{
        f"{n} {k}": lambda oms, v, n=n, k=k: getattr(oms, n)(297050, limit=2, **{k: v})
        for n, k in NAMED
    },
    "l1_algorithms where": lambda oms, v: oms.l1_algorithms(297050, bits=1, where=v),
    "dcs_check run": lambda oms, v: oms.dcs_check(v, MASK),
    "dcs_check mask": lambda oms, v: oms.dcs_check(297050, v),
    "replay": lambda oms, v: oms.replay(v),
    "meta": lambda oms, v: oms.meta(v),
    "query": lambda oms, v: oms.query(v).limit(1).fetch(),
    "query which": lambda oms, v: oms.query("runs", v).limit(1).fetch(),
    **{f"query.{n}": built(n) for n in BUILDERS},
    "group key": lambda oms, v: oms.query("runs", 297050).group(a=v).fetch(),
    "custom key": lambda oms, v: oms.query("runs", 297050).custom(v, "x").fetch(),
    "custom value": lambda oms, v: oms.query("runs", 297050).custom("k", v).fetch(),
    "field": lambda oms, v: oms.query("runs", 297050).where(field(v) == 1).fetch(),
    **{
        f"field.{n}": lambda oms, v, n=n: (
            oms.query("runs", 297050)
            .where(getattr(field("l1_menu"), n)(*[v] * (1 + (n == "between"))))
            .fetch()
        )
        for n in OPERATORS
    },
}


BUILT = ("query", "field", "group", "custom")
AWAITED = [name for name in PLACES if not name.startswith(BUILT)]
"""Where nothing is built, which complains where it is built."""


@pytest.mark.filterwarnings("ignore::omskit.errors.OMSWarning")
@pytest.mark.parametrize("place", PLACES)
def test_nothing_but_our_errors_leaves_a_client(place):
    """Strange values are refused by an OMSError, or they are good for something."""
    with Client("demo", progress=False) as oms:
        for value in STRANGE:
            with contextlib.suppress(OMSError):
                PLACES[place](oms, value)


@pytest.mark.filterwarnings("ignore::omskit.errors.OMSWarning")
@pytest.mark.parametrize("name", AWAITED)
def test_nothing_but_our_errors_is_awaited(name):
    """What a shortcut complains of comes when it is awaited, and not before."""

    async def all_of():
        async with AsyncClient("demo", progress=False) as oms:
            asked = [PLACES[name](oms, value) for value in STRANGE]
            return await asyncio.gather(*asked, return_exceptions=True)

    failed = [e for e in asyncio.run(all_of()) if isinstance(e, BaseException)]
    assert failed
    assert all(isinstance(e, OMSError) for e in failed)


@pytest.mark.parametrize("instance", ["demo", "http://127.0.0.1:9/agg/api/v1"])
@pytest.mark.parametrize(
    "name",
    [
        "credentials", "verify", "proxy", "catalogue", "sender", "settings",
        *Settings.__dataclass_fields__,
    ],
)  # fmt: skip
def test_the_demo_checks_its_arguments_too(name, instance):
    """Arguments of a client are checked alike whomever it asks, before it asks."""
    for value in (5.5, [5], b"x", {"a": 1}, object()):
        with pytest.raises(OMSError):
            Client(instance, **{name: value})


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Client("demo", timeouts=5), r"timeouts=5; .*Timeouts\(read_s=5\)"),
        (lambda: Client("demo", audit="no"), "audit='no'; it is True or False"),
        (lambda: Client("demo", verify="/no/such.pem"), "No CA certificates in"),
        (lambda: Client("demo", sender=5), "sender=5"),
        (lambda: Client(5), "instance=5; it is the name or the URL"),
        (lambda: Client("demo").runs(1, fields=[5]), "fields=5; it is names"),
        (lambda: Client("demo").runs(1, sort=5), "sort=5; it is names"),
        (lambda: Client("demo").runs(1, mask=5), "mask=5 is no mask"),
        (lambda: Client("demo").hlt_rates(1, paths=5), "paths=5 names nothing"),
        (lambda: Client("demo").l1_algorithms(1, bits=["a"]), r"bits=\['a'\]: level-1"),
        (lambda: Client("demo").meta(None), "resource=None; it is the name of"),
        (lambda: Client("demo").replay(None), "A NoneType is no receipt"),
        (lambda: Client("demo").replay(5), "A int is no receipt"),
        (lambda: Client("demo").replay("no.json"), "'no.json' cannot be read: No such"),
        (lambda: Following(every_s="5"), "every_s='5'; it is a number of seconds"),
        (lambda: Following(look_back=2.5), "look_back=2.5; it is a whole number"),
        (lambda: Query(b"runs"), "resource=<bytes>; it is the name of a resource"),
        (lambda: Query("runs", fields=(5,)), "fields= holds 5; it is a tuple of names"),
        (lambda: field(5), "field=5; it is the name of a field"),
    ],
)
def test_messages_name_what_was_given_and_what_would_do(make, said):
    """One line says which argument is wrong, and what it should be."""
    with pytest.raises(UsageError, match=said) as caught:
        make()
    assert "\n" not in str(caught.value)


def test_bits_of_numpy_are_numbers():
    """Level-1 bits may come from an array."""
    with Client("demo") as oms:
        bit = oms.l1_algorithms(297050, limit=1)["bit"]
        table = oms.l1_algorithms(297050, bits=bit.to_numpy(), limit=1)
        assert table["bit"].to_pylist() == bit.to_pylist()


def test_one_wrong_question_does_not_end_the_others():
    """gather() with return_exceptions gets the error of each question in its place."""

    async def several():
        async with AsyncClient("demo") as oms:
            asked = [oms.runs("many"), oms.runs(297050), oms.l1_algorithms(1, bits=-1)]
            return await asyncio.gather(*asked, return_exceptions=True)

    wrong, right, worse = asyncio.run(several())
    assert (type(wrong), len(right), type(worse)) == (SelectorError, 1, SelectorError)


def one_run(_asked):
    """A service with one run."""
    row = {"id": "1", "type": "runs", "attributes": {"run_number": 1}}
    return page(data=[row], meta={"totalResourceCount": 1})


@pytest.mark.filterwarnings("ignore::omskit.errors.OMSWarning")
def test_a_client_belongs_to_one_loop():
    """In a second event loop the client says so, on the demo as over a network."""
    oms = AsyncClient("demo")
    assert len(asyncio.run(oms.runs(297050))) == 1
    with pytest.raises(UsageError, match="another event loop"):
        asyncio.run(oms.runs(297050))
    with pytest.raises(UsageError, match="another event loop"):
        asyncio.run(oms.query("runs", 297050).count())

    async def closed(client, run):
        async with client:
            several = await asyncio.gather(*(client.runs(run) for _ in range(9)))
            return len(several)

    with serving(one_run) as server:
        client = AsyncClient(server.base, concurrency=1)
        # In each loop there are tasks that wait for the one request that is allowed.
        assert [asyncio.run(closed(client, 1)) for _ in range(2)] == [9, 9]


def test_the_wrong_kind_of_with():
    """Each client says which 'with' it takes."""
    with pytest.raises(UsageError, match="'async with', not by 'with'"), AsyncClient():
        pass

    async def wrong():
        async with Client("demo"):
            pass

    with pytest.raises(UsageError, match="takes an AsyncClient"):
        asyncio.run(wrong())


def test_a_receipt_by_its_path(tmp_path):
    """A receipt can be given as a path or its text, and a Parquet file by its path."""
    path = tmp_path / "r.json"
    with Client("demo") as oms:
        receipt = oms.runs(297050).receipt
        path.write_text(receipt.to_json())
        forms = (path, str(path), receipt, path.read_text(), path.read_bytes())
        assert all(oms.replay(form).same for form in forms)
        with pytest.raises(UsageError, match="cannot be read"):
            oms.replay(Path("no.json"))
        with pytest.raises(UsageError, match="no receipt that omskit wrote"):
            oms.replay("{}")


def test_a_file_with_other_rows_warns(tmp_path, monkeypatch):
    """Rows that are not those of their receipt are warned of, where Python replays."""
    from pyarrow import parquet

    from omskit.cli.app import run

    monkeypatch.setenv("OMSKIT_INSTANCE", "demo")
    path = tmp_path / "runs.parquet"
    assert run(["runs", "297050-297056", "-o", str(path), "--quiet"]) == 0
    with Client("demo") as oms:
        assert oms.replay(path).same
        parquet.write_table(parquet.read_table(path).slice(2), path)
        with pytest.warns(OMSWarning, match="5 rows, 7 in the receipt: 2 removed"):
            assert oms.replay(path).same


def test_a_replay_asks_the_service_of_its_client():
    """Whatever service a receipt names, the client's own is asked, and that is told."""
    with Client("demo") as oms:
        receipt = oms.runs(297050).receipt
        elsewhere = receipt.to_json().replace("demo.invalid", "oms.stranger.test")
        found = oms.replay(elsewhere)
        assert (found.same, found.asked_at) == (True, oms.instance.base_url)
        assert (
            f"asked at {oms.instance.base_url}, the receipt is of https://oms.str"
            in (str(found))
        )
        assert "asked at" not in str(oms.replay(receipt))


def test_pickles_advise_what_the_job_needs():
    """A client with a fixed token names the variable of fixed tokens."""
    oms = Client("http://127.0.0.1:9/agg/api/v1", credentials=BearerToken("a b c"))
    with pytest.raises(UsageError, match="Set OMSKIT_TOKEN where"):
        pickle.dumps(oms)


def test_a_stranger_s_question_is_held_against_the_types():
    """A receipt whose question holds what no query can is refused as such."""
    with Client("demo") as oms:
        text = oms.runs(297050, fields="run_number").receipt.to_json()
        broken = text.replace(r"\"fields\": [\"run_number\"]", r"\"fields\": [5]")
        assert broken != text
        with pytest.raises(UsageError, match="no query that omskit wrote"):
            oms.replay(Receipt.from_json(broken))


def test_a_proxy_without_sense_is_refused_on_the_demo():
    """An address that is none is an error where the client is made."""
    with pytest.raises(ConfigError, match="proxy"):
        Client("demo", proxy="ftp://nowhere")
