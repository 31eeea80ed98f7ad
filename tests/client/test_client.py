from __future__ import annotations

import asyncio
import inspect
import pickle
import sys
import warnings

import pytest
from tests.support.bothways import both, refused
from tests.support.smallservice import BASE, SmallService, lumis

from omskit import (
    AsyncClient,
    Client,
    ClientCredentials,
    ConfigError,
    LumiMask,
    OMSError,
    OMSWarning,
    Query,
    SelectorError,
    UnknownFieldError,
    UnknownInstanceError,
    UnknownResourceError,
    UsageError,
    field,
)
from omskit.drivers import LocalSender
from omskit.effects import Credential, Secret
from omskit.errors import MaskError
from omskit.flow.settings import Settings
from omskit.login.nobody import Anonymous
from omskit.schema import Catalogue, bundled
from omskit.transport import HttpSender, Timeouts

RUNS = [
    {"run_number": n, "fill_number": 5839, "l1_rate": 1000.0 + n, "era": "2017B"}
    for n in range(1, 8)
]


def small():
    eras = [{"name": "2017B", "start_fill": 5800, "end_fill": None}]
    fills = [{"fill_number": n} for n in (5838, 5839)]
    rows = {"runs": RUNS, "lumisections": lumis(1, 9), "eras": eras, "fills": fills}
    return SmallService(rows)


def client(face=Client, **options):
    return face(BASE, sender=LocalSender(small()), **options)


def answer(_request):
    """A module's function, so that it pickles."""
    return small()(_request)


def runs(table):
    return table["run_number"].to_pylist()


def asked(scenario, **options):
    return both(small, scenario, audit=False, **options)


@pytest.mark.parametrize("face", [Client, AsyncClient])
def test_making_a_client_asks_nothing(face):
    """A client is made without any request, and repeats as it was made."""
    service = small()
    oms = face(BASE, sender=LocalSender(service))
    query = oms.query("runs", 5).where("l1_rate > 3").sort("-run_number").limit(2)
    assert repr(oms) == f"{face.__name__}('{BASE}')"
    asked = "runs where run_number = 5 and l1_rate > 3.0, sorted by -run_number"
    assert asked in repr(query)
    assert repr(query).endswith(f", at most 2 rows on {face.__name__}('{BASE}')>")
    assert oms.instance.base_url == BASE
    assert oms.catalogue is bundled()
    assert service.log == []


def test_a_query_is_built_step_by_step():
    """Each step gives a new query; the one before stays as it was."""
    with client() as oms:
        first = oms.query("runs")
        last = (
            first.where(field.l1_rate > 3, "run_number >= 2")
            .select("run_number", ["era"])
            .sort("-run_number")
            .limit(2)
            .include("meta")
            .group(size=5)
            .custom("x", 1)
        )
        assert first.query == Query("runs")
        assert len(last.query.conditions) == 2
        assert last.query.groups == (("size", "5"),)
        assert last.query.extras == (("x", "1"),)
        assert last.url.startswith(
            f"{BASE}/runs?fields=run_number,era,l1_rate&filter[l1_rate][GT]=3.0&"
            "filter[run_number][GE]=2&sort=-run_number&include=meta&group[size]=5&x=1&"
        )
        assert last.url.endswith("page[offset]=0&page[limit]=2")


def test_the_url_checks_names():
    """Url raises for what cannot be asked, as asking would."""
    with client() as oms:
        with pytest.raises(UnknownFieldError, match="l1_rate"):
            _ = oms.query("runs").where(field.l1_rat > 3).url
        assert (
            oms.query("nobody_knows")
            .where(field.x == 5)
            .url.startswith(f"{BASE}/nobody_knows?filter[x][EQ]=5")
        )
        assert "page[limit]=750" in oms.query("runs").limit(1500).url


@pytest.mark.parametrize(
    ("which", "found"),
    [
        (3, [3]),
        ((3, 5), [3, 4, 5]),
        ((6, None), [6, 7]),
        ([1, 4, 7], [1, 4, 7]),
        ("1, 3-4", [1, 3, 4]),
        (None, list(range(1, 8))),
    ],
)
def test_runs_are_selected_in_many_ways(which, found):
    """A number, a pair, a list, text or nothing select runs."""
    assert runs(asked(lambda oms: oms.runs(which)).value) == found
    assert runs(asked(lambda oms: oms.query("runs", which).fetch()).value) == found
    assert runs(asked(lambda oms: oms.query("runs", runs=which).fetch()).value) == found


def test_fills_and_eras_go_by_their_own_names():
    """The first argument of fills is a fill, that of eras a name, in query() too."""
    for ask in (
        lambda oms: oms.fills(5839),
        lambda oms: oms.query("fills", 5839).fetch(),
    ):
        assert asked(ask).value["fill_number"].to_pylist() == [5839]
    for ask in (
        lambda oms: oms.eras("2017B"),
        lambda oms: oms.query("eras", ["2017B"]).fetch(),
    ):
        assert asked(ask).value["start_fill"].to_pylist() == [5800]


def test_options_of_a_question():
    """Fields, conditions, sort keys and limit go with a shortcut, as text or lists."""
    where = ["l1_rate > 1002", field.run_number <= 6]
    outcome = asked(
        lambda oms: oms.runs(
            where=where, fields=["run_number"], sort=["-era", "-run_number"], limit=2
        )
    )
    assert outcome.value.to_records() == [{"run_number": 6}, {"run_number": 5}]
    one = asked(lambda oms: oms.runs(where="run_number = 2", sort="run_number"))
    assert runs(one.value) == [2]
    pair = asked(lambda oms: oms.runs(where=[field.run_number.between(2, 3)]))
    assert runs(pair.value) == [2, 3]


@pytest.mark.parametrize(
    ("ask", "kind", "said"),
    [
        (lambda oms: oms.runs(filds="x"), UsageError, "'fields'"),
        (lambda oms: oms.runs(pagesize=5), UsageError, "'page_size'"),
        (lambda oms: oms.query("runs").options(unit="raw"), UsageError, "'units'"),
        (lambda oms: oms.query("runs").options(units="SI"), UsageError, "'raw'"),
        (lambda oms: oms.runs(page_size=0), UsageError, "1 to 100000"),
        (lambda oms: oms.runs(concurrency=9), UsageError, "Client(concurrency=9)"),
        (lambda oms: oms.runs(timeouts=Timeouts(1)), UsageError, "Client(timeouts"),
        (lambda oms: oms.query("bunches", 5), UsageError, "no run_number"),
        (lambda oms: oms.eras(5), UsageError, "takes a list"),
        (
            lambda oms: oms.query("nothing").where("x > 5"),
            UnknownResourceError,
            "nothing",
        ),
        (lambda oms: oms.runs(where=5), UsageError, ""),
    ],
)
def test_wrong_options_are_named(ask, kind, said):
    """A misspelt or impossible option raises before any request and names the right."""
    outcome = refused(small, ask)
    assert isinstance(outcome.error, kind)
    assert said in str(outcome.error)
    assert outcome.log == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"pagesize": 5}, "'page_size'"),
        ({"page_size": 100_001}, "page_size=100001"),
        ({"page_size": True}, "page_size=True"),
        ({"concurrency": 0}, "concurrency=0"),
        ({"concurrency": 65}, "1 to 64"),
        ({"retries": -1}, "0 to 100"),
        ({"retries": 1.5}, "retries=1.5"),
        ({"units": "metric"}, "canonical"),
    ],
)
def test_wrong_settings_are_named(options, said):
    """A client that cannot work is not made."""
    with pytest.raises(UsageError) as caught:
        client(**options)
    assert said in str(caught.value)


def test_settings_of_a_question_hold_for_it_alone():
    """options() and keyword arguments change one question, not the client."""

    def ask(oms):
        page_sizes = [
            oms.query("runs").options(page_size=2).fetch().receipt.urls,
            oms.runs(page_size=3).receipt.urls,
            oms.runs().receipt.urls,
        ]
        return list(map(len, page_sizes))

    assert asked(ask).value == [4, 3, 1]


@pytest.mark.parametrize("face", [Client, AsyncClient])
def test_unknown_services_are_not_made(face):
    """A client of a service that nobody knows is not made."""
    with pytest.raises(UnknownInstanceError, match="nonsense"):
        face("nonsense")


def test_warnings_point_at_the_users_line():
    """A warning names the file and line that asked, on every way of asking."""
    line = inspect.currentframe().f_lineno

    def here(oms):
        oms.runs(99)
        oms.query("runs", 99).fetch()
        list(oms.query("runs", 99).pages())

    with warnings.catch_warnings(record=True) as caught, client() as oms:
        warnings.simplefilter("always")
        here(oms)
    assert [w.category for w in caught] == [OMSWarning] * 3
    assert [w.filename for w in caught] == [__file__] * 3
    assert [w.lineno for w in caught] == [line + 3, line + 4, line + 5]


def test_awaited_warnings_point_at_the_users_line():
    """The same holds where the answer is awaited."""

    async def here():
        async with client(AsyncClient) as oms:
            await oms.runs(99)
            await oms.query("runs", 99).fetch()
            async for _ in oms.query("runs", 99).pages():
                pass

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        asyncio.run(here())
    assert {w.filename for w in caught} == {__file__}
    assert len({w.lineno for w in caught}) == 3


def test_a_check_against_a_mask():
    """dcs_check() holds cms_active against a mask, with one request."""
    mask = LumiMask.from_json({"1": [[1, 6], [8, 9]]})
    outcome = both(small, lambda oms: oms.dcs_check(1, mask).differing)
    assert outcome.value == ()
    assert len(outcome.log) == 1
    wrong = LumiMask.from_json({"1": [[1, 9]]})
    assert both(small, lambda oms: oms.dcs_check(1, wrong).differing).value == (7,)


def test_a_check_takes_one_run_and_a_mask():
    """dcs_check() of several runs, or against no mask, is refused."""
    mask = LumiMask.from_json({"1": [[1, 6]]})
    several = refused(small, lambda oms: oms.dcs_check((1, 2), mask))
    assert type(several.error) is SelectorError
    nothing = refused(small, lambda oms: oms.dcs_check(1, {"1": [[1, 6]]}))
    assert type(nothing.error) is MaskError


@pytest.mark.parametrize("face", [Client, AsyncClient])
def test_clients_and_queries_pickle(face):
    """A client pickles as what it was asked to be, a query with its client."""
    oms = face("p5", page_size=7, proxy="http://proxy.test:3128")
    query = oms.query("runs", 5).options(audit=False)
    again = pickle.loads(pickle.dumps(query))
    assert type(again) is type(query)
    assert again.query == query.query
    assert again.url == query.url
    assert "page[limit]=7" in again.url
    assert again._settings == query._settings
    assert repr(again) == repr(query)
    assert again._asker.client._proxy == Secret("http://proxy.test:3128")


def test_a_pickled_query_can_be_asked():
    """A query that comes out of a pickle asks the same service."""
    with Client(BASE, sender=LocalSender(answer), audit=False) as oms:
        again = pickle.loads(pickle.dumps(oms.query("runs", (2, 3))))
        assert runs(again.fetch()) == [2, 3]
        again._asker.client.close()


def test_a_catalogue_of_ones_own_is_pickled():
    """A client keeps its catalogue in a pickle; the bundled one stays out of it."""
    only = Catalogue({"runs": bundled()["runs"]})
    again = pickle.loads(pickle.dumps(Client("p5", catalogue=only)))
    assert list(again.catalogue) == ["runs"]
    assert pickle.loads(pickle.dumps(Client("p5"))).catalogue is bundled()


@pytest.mark.parametrize(
    "options",
    [
        {"credentials": ClientCredentials("app", "s3cret", "aud")},
        {"proxy": "http://me:s3cret@proxy.test:3128"},
    ],
)
@pytest.mark.parametrize("name", ["production", "https://oms.test/agg/api/v1"])
def test_secrets_are_not_pickled(name, options):
    """A client that was given a secret is not pickled, whichever service it asks."""
    oms = Client(name, **options)
    for what in (oms, oms.query("runs")):
        with pytest.raises(UsageError, match="secrets stay") as caught:
            pickle.dumps(what)
        assert "s3cret" not in str(caught.value)


def test_secrets_of_the_environment_are_not_pickled(monkeypatch):
    """Credentials of the environment stay in the environment."""
    monkeypatch.setenv("OMSKIT_CLIENT_ID", "app")
    monkeypatch.setenv("OMSKIT_CLIENT_SECRET", "s3cret")
    oms = Client("production")
    data = pickle.dumps(oms)
    assert b"s3cret" not in data
    assert "s3cret" not in repr(vars(oms))
    assert pickle.loads(data).instance.name == "production"
    anonymous = Client("production", credentials=Anonymous())
    assert pickle.loads(pickle.dumps(anonymous))._credentials == Anonymous()


def test_a_token_is_not_pickled_or_shown():
    """A credential hides its headers."""
    token = Credential({"authorization": "Bearer t0ken"})
    assert "t0ken" not in repr(token)


@pytest.mark.parametrize("given", ["a token", 5])
def test_what_cannot_log_in_is_refused(given):
    """credentials= takes something that can log in."""
    with pytest.raises(ConfigError, match="no login"):
        Client("production", credentials=given)


def test_a_client_makes_its_sender_as_it_is_told():
    """Time-outs, proxy and concurrency go to the sender."""
    timeouts = Timeouts(1, 2, 3)
    oms = Client("p5", timeouts=timeouts, concurrency=9, proxy="http://proxy.test")
    assert isinstance(oms._sender, HttpSender)
    assert oms._sender._timeouts == timeouts
    assert oms._sender._connections == 9
    assert oms._sender._proxy == Secret("http://proxy.test")


def test_settings_are_values():
    """Settings compare, pickle, and change into others."""
    settings = Settings(page_size=5)
    assert pickle.loads(pickle.dumps(settings)) == settings
    assert settings.changed(audit=False) == Settings(page_size=5, audit=False)
    assert settings.adjusted(concurrency=2).concurrency == 2
    assert Client("p5", settings=settings, retries=1)._settings.retries == 1


def test_one_error_tree():
    """Every error of a client is an OMSError, and what Python users would catch."""
    outcome = refused(small, lambda oms: oms.runs(fields="nope_at_all"))
    assert isinstance(outcome.error, OMSError)
    assert isinstance(outcome.error, ValueError)


def test_the_demo_answers_both_faces():
    """Client("demo") needs no network, and both faces give the same table."""

    async def main():
        async with AsyncClient("demo") as oms:
            return await oms.runs(297050)

    with Client("demo") as oms:
        table = oms.runs(297050)
    assert asyncio.run(main()) == table
    assert table["l1_menu"].to_pylist() == ["L1Menu_Collisions2017_dev_r5"]
    assert "omskit.demo" in sys.modules


def test_the_url_of_a_mask_is_that_of_its_first_run():
    """Without a request; an empty mask asks nothing, and has none."""
    mask = LumiMask({297050: [[1, 100]], 297056: [[3, 10]]})
    with Client("demo") as oms:
        asked = oms.query("lumisections", mask).url
        with pytest.raises(SelectorError, match="empty"):
            _ = oms.query("lumisections", LumiMask({})).url
    assert "/lumisections?filter[run_number][EQ]=297050&" in asked


def test_a_warning_never_costs_the_answer():
    """Code without a module name is warned too, and broken hooks are survived."""
    code = "table = oms.lumisections((297050, 297051))"
    with Client("demo") as oms:
        whole = oms.lumisections((297050, 297051), audit=False)
        nameless = {"oms": oms}
        with pytest.warns(OMSWarning, match="holds no lumisections row"):
            exec(code, nameless)  # as notebooks and frameworks do
        odd = {"oms": oms, "__name__": None, "__warningregistry__": 5}
        exec(code, odd)  # a registry that is none: the hook fails
        assert nameless["table"] == odd["table"] == whole
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with pytest.raises(OMSWarning):
                exec(code, {"oms": oms})  # wanted as an error


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda oms: oms.hlt_rates(1, path="HLT_A"), "'path'. Did you mean 'paths'"),
        (lambda oms: oms.l1_algorithms(1, bit=5), "'bit'. It is a field"),
        (lambda oms: oms.l1_algorithms(1, nmaes="L1"), "Did you mean 'names'"),
        (lambda oms: oms.runs(run_number=5), "It is the first argument"),
        (lambda oms: oms.fills(fill_number=5), "It is the first argument"),
        (lambda oms: oms.runs(era_=1), "Did you mean 'era'"),
        (lambda oms: oms.runs(l1_rate=5), 'a field: where="l1_rate = ..."'),
        (lambda oms: oms.query("runs", limits=5), "Did you mean 'limit'"),
    ],
)
def test_an_option_that_is_none_is_named_with_what_would_do(ask, said):
    """The options of the method itself are among those that may be meant."""
    outcome = refused(small, ask)
    assert isinstance(outcome.error, UsageError)
    assert said in str(outcome.error)


@pytest.mark.parametrize("face", [Client, AsyncClient])
def test_a_query_can_be_bound_to_any_client(face):
    """A plain query is asked as if it had been built on the client."""
    query = Query("runs").where(field("run_number") > 3).limit(2)
    oms = face(BASE, sender=LocalSender(small()))
    bound = oms.bind(query, page_size=1)
    assert bound.query == query
    assert bound.url.endswith("page[limit]=1")
    assert (
        oms.bind(query, page_size=5).url
        == oms.query("runs", where="run_number > 3", limit=2, page_size=5).url
    )


@pytest.mark.parametrize("face", [Client, AsyncClient])
def test_public_methods_have_typed_options(face):
    """No public method takes just anything."""
    for name, member in inspect.getmembers(face, inspect.isfunction):
        if not name.startswith("_") or name == "__init__":
            signature = str(inspect.signature(member))
            assert "Any" not in signature, name
