"""The traps of the official client, each closed."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
import warnings
from urllib.parse import parse_qsl, urlsplit

import numpy as np
import pytest
from tests.support.loopback import Raw, serving

from omskit.compat import omsapi
from omskit.compat.omsapi import OMSAPI, Answer, OMSApiException
from omskit.config import INSTANCES
from omskit.effects import Request, Response
from omskit.errors import (
    AuthError,
    ConfigError,
    DecodeError,
    NotFilterableError,
    NotFoundError,
    NotSortableError,
    OMSWarning,
    ServerFailedError,
    TimedOutError,
    TransportError,
    UnknownFieldError,
    UnknownInstanceError,
    UsageError,
)
from omskit.flow.settings import Timeouts
from omskit.login.chain import Chain
from omskit.login.kinds import ClientCredentials
from omskit.login.nobody import Anonymous
from omskit.server import Application, LoginGate, Registry, Sso
from omskit.server.sso.service import PREFIX

SECRET = "s3cret-s3cret"
META = b'{"meta": {"fields": {"colour": {"sortable": false}, "size": {}}}}'
EMPTY = b'{"data": [], "meta": {"totalResourceCount": 0}}'


def parameters(query):
    return parse_qsl(urlsplit(query.data_query()).query)


@pytest.fixture
def demo():
    """The demo, in this process."""
    api = OMSAPI("demo", verbose=False)
    yield api
    api.close()


def asking(server, **options):
    """A client of a small server."""
    options = {"verbose": False, "retry_on_err_sec": 0} | options
    return OMSAPI(server.base.removesuffix("/v1"), **options)


@pytest.mark.parametrize("use", ["attrs", "filter", "sort"])
def test_a_misspelt_name_is_never_left_out(demo, use):
    """Nothing is sent with an attribute, filter or sort key that does not exist."""
    query = demo.query("runs").paginate(per_page=1)
    steps = {"attrs": (["fil_number"],), "filter": ("fil_number", 5839)}
    getattr(query, use)(*steps.get(use, ("fil_number",)))
    with pytest.raises(UnknownFieldError, match="Did you mean 'fill_number'"):
        query.data()
    query.set_validation(False)
    with pytest.raises(OMSApiException, match="fil_number"):
        query.data()  # The service refuses it.


def test_ten_rows_of_more_are_a_warning(demo):
    """The rows that did not come are told, unless the page was chosen."""
    query = demo.query("runs")
    with pytest.warns(OMSWarning, match=r"79 rows .* 10 came.*per_page=79"):
        assert len(query.data().json()["data"]) == 10
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(query.paginate(per_page=10).data().json()["data"]) == 10
        assert len(demo.query("runs").filter("fill_number", 9168).data().json()["data"])


def test_the_warning_names_the_users_line(demo):
    """The warning points at the script, so that it is told once for each place."""
    with pytest.warns(OMSWarning) as caught:
        demo.query("runs").data()
    assert caught[0].filename == __file__


def test_the_order_of_keys_is_kept():
    """Sort keys, attributes and includes come in the order given, in any process."""
    code = (
        "from omskit.compat.omsapi import OMSAPI\n"
        "q = OMSAPI('demo', verbose=False).query('runs')\n"
        "q.sort('era').sort('fill_number').sort('run_number', asc=False).sort('era')\n"
        "q.include('meta').include('data_only')\n"
        "print(q.attrs(['era', 'run_number', 'l1_rate', 'era']).data_query())\n"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    (url,) = found
    assert "?fields=era,run_number,l1_rate&sort=era,fill_number,-run_number" in url
    assert "include=meta,data_only" in url


@pytest.mark.parametrize(
    ("status", "error"),
    [(500, ServerFailedError), (404, NotFoundError), (503, ServerFailedError)],
)
def test_a_failure_is_no_answer(status, error):
    """A bad status is an error, which except OMSApiException catches."""
    with serving(lambda _: Response(status, {}, b"<h1>no</h1>")) as server:
        query = asking(server).query("runs").paginate(per_page=1)
        with pytest.raises(error) as caught:
            query.data()
    assert isinstance(caught.value, OMSApiException)
    assert len(server.asked) == (2 if status == 503 else 1)


def test_a_failure_that_passes_is_tried_again():
    """retry_on_err_attempts are tries after the first; -1 has no early end."""
    answers = [Response(503), Response(503), Response(200, {}, EMPTY)]
    with serving(lambda _: answers.pop(0)) as server:
        query = asking(server, retry_on_err_attempts=-1).query("runs")
        assert query.data().json()["data"] == []


def test_no_answer_in_time_is_an_error():
    """There are time-outs: a service that is silent is no reason to wait for ever."""
    with serving(lambda _: Raw(b"HTTP/1.1 200 OK\r\n", "silence")) as server:
        api = asking(server, retry_on_err_attempts=0)
        assert api._client()._settings.timeouts == Timeouts()
        api._asker = type(api._asker)(
            api.base_url, timeouts=Timeouts(read_s=0.2), progress=False
        )
        with pytest.raises(TimedOutError):
            api.query("runs").paginate(per_page=1).data()


def test_what_cannot_be_done_is_refused(demo):
    """Attributes that cannot be filtered by or sorted are refused before."""
    query = demo.query("l1triggerrates").filter("l1a_physics", 5)
    with pytest.raises(NotFilterableError, match="cannot be filtered by 'l1a_physics'"):
        query.data()
    with pytest.raises(NotSortableError, match="cannot be sorted"):
        demo.query("l1triggerrates").sort("l1a_physics").data()


def test_warnings_name_what_they_are_about(capsys):
    """A warning has the name in it, and comes where the name is given."""
    api = OMSAPI("demo")
    api.query("eras").filter("names", "2018").attrs(["nme"]).sort("start_fil")
    said = capsys.readouterr().out.splitlines()
    assert [line.split("'")[1] for line in said] == ["names", "nme", "start_fil"]


def test_making_a_query_asks_nothing():
    """Names that omskit knows cost no request, others one for each resource."""

    def answer(asked):
        return Response(200, {}, META if asked.path.endswith("/meta") else EMPTY)

    with serving(answer) as server:
        api = asking(server)
        query = api.query("runs").filter("fill_number", 5839).sort("run_number")
        assert server.asked == []
        query.data()
        for _ in range(2):
            api.query("paints").filter("colour", "red").data()
        assert api.query("paints").meta() == api.query("paints/1").metadata
        with pytest.raises(UnknownFieldError, match="It has: colour, size"):
            api.query("paints").filter("taste", 1).data()
        with pytest.raises(NotSortableError):
            api.query("paints").sort("colour").data()
    paths = [
        asked.path.partition("?")[0].rpartition("/v1/")[2] for asked in server.asked
    ]
    assert paths == ["runs", "paints/meta", "paints", "paints"]


def test_a_resource_that_nobody_describes_is_asked_as_it_is():
    """Without meta there is nothing to hold names against."""

    def answer(asked):
        gone = asked.path.endswith("/meta")
        return Response(404 if gone else 200, {}, EMPTY)

    with serving(answer) as server:
        assert asking(server).query("paints").filter("x", 1).data().status_code == 200


def test_meta_of_known_resources_costs_nothing(demo):
    """What omskit knows of a resource has the official client's form."""
    assert demo.query("runs").meta()["l1_rate"]["units"] == "Hz"
    assert "run_number" in demo.query("runs/297050").metadata


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        ("a&b=c%#+ d", "a&b=c%#+ d"),
        (True, "true"),
        (None, "null"),
        (np.int64(5), "5"),
        (np.True_, "true"),
        ("null", "null"),
        (6499.0, "6499.0"),
        (dt.datetime(2017, 6, 16, 20, 50, 33, tzinfo=dt.UTC), "2017-06-16T20:50:33Z"),
        (dt.date(2017, 6, 16), "2017-06-16"),
    ],
)
def test_values_arrive_as_they_were_meant(demo, value, sent):
    """Whatever is in a value, it is one value of one parameter."""
    query = demo.query("runs").filter("hlt_key", value, "like")
    query.custom("group[granularity]", value)
    assert parameters(query)[0] == ("filter[hlt_key][LIKE]", sent)
    assert parameters(query)[-1] == ("group[granularity]", sent)


def test_certificates_are_verified_whatever_is_said():
    """cert_verify=False is answered with a warning, and changes nothing."""
    with pytest.warns(OMSWarning, match="verified all the same"):
        api = OMSAPI("https://cmsoms.cern.ch/agg/api", "v1", cert_verify=False)
    assert api._client()._verify is None
    with pytest.raises(ConfigError, match=r"none\.pem"):
        OMSAPI("demo", cert_verify="none.pem").query("runs").data()


def test_logins():
    """Each of the official logins is one of omskit's, and none is made at once."""
    api = OMSAPI(verbose=False)
    assert api.instance == INSTANCES["production"]
    assert isinstance(api._client()._login, Chain)
    api.auth_oidc("app", "s3cret", audience="cmsoms-int-0185", proxies={"https": "p:1"})
    login = api._client()._login
    assert isinstance(login, ClientCredentials)
    assert (login.audience, login.token_url) == (
        "cmsoms-int-0185",
        omsapi.api.TOKEN_URL,
    )
    assert api._proxy() == "http://p:1"
    for name in ("auth_krb", "auth_krb_2fa"):
        getattr(api, name)()
        assert [link.name for link in api._client()._login.links] == [
            "Kerberos",
            "tsgauth device login",
        ]
    with pytest.raises(ConfigError, match="certificates have ended"):
        api.auth_cert()
    with pytest.raises(ConfigError, match="client_secret"):
        api.auth_oidc("app", "")
    api.close()


def test_the_login_of_an_application(monkeypatch):
    """auth_oidc() logs in with the first question, once, and again when refused."""
    now = [1_600_000_000.0]
    sso = Sso(
        Registry((Application("app", SECRET, ("cmsoms-prod",)),)), now=lambda: now[0]
    )
    gate = LoginGate(sso.key)

    def answer(asked):
        request = Request(asked.method, asked.path, asked.headers, asked.body)
        if asked.path.startswith(PREFIX):
            return sso.respond(request)
        refused = gate.refuse(asked.headers.get("authorization", ""), now[0])
        return refused or Response(200, {}, EMPTY)

    with serving(answer) as server:
        access = f"http://127.0.0.1:{server.port}{PREFIX}/api-access/token"
        monkeypatch.setattr("omskit.compat.omsapi.api.cern_api_url", access)
        api = asking(server)
        api.auth_oidc("app", SECRET)
        assert server.asked == []
        for _ in range(2):
            assert api.query("runs").data().json()["data"] == []
        now[0] += 2000.0
        assert api.query("runs").data().ok
        api.auth_oidc("app", "guess")
        with pytest.raises(AuthError) as caught:
            api.query("runs").data()
    logins = [asked for asked in server.asked if asked.path.startswith(PREFIX)]
    assert len(logins) == 3
    assert "guess" not in str(caught.value)


def test_a_service_without_login_is_asked_without(demo):
    """auth_krb() of scripts is no hindrance where there is nothing to log in to."""
    demo.auth_krb()
    assert isinstance(demo._client()._login, Anonymous)
    assert demo.query("eras").paginate(per_page=1).data().ok


def test_the_device_login_is_tsgauths():
    """auth_device() makes tsgauth's own object."""
    pytest.importorskip("tsgauth", reason="tsgauth is not installed")
    api = OMSAPI(verbose=False)
    api.auth_device(use_auth_file=False)
    assert type(api._credentials).__name__ == "DeviceAuth"


def test_an_address_without_scheme_is_named():
    """Where the official client has a NameError, ours says what an address is."""
    with pytest.raises(UnknownInstanceError, match=r"cmsoms\.cern\.ch"):
        OMSAPI("cmsoms.cern.ch/agg/api")


@pytest.mark.parametrize(
    ("proxies", "address"),
    [
        ({"https": "proxy.example.com:3128"}, "http://proxy.example.com:3128"),
        ({"https": "http://a:1", "http": "b:2"}, "http://a:1"),
        ({"http": "b:2"}, None),
        ({"all": "c:3"}, "http://c:3"),
        (None, None),
    ],
)
def test_proxies_are_those_of_requests(proxies, address):
    """The proxy of the scheme is taken, with or without its own scheme."""
    api = OMSAPI("https://cmsoms.cern.ch/agg/api", verbose=False, proxies=proxies)
    assert api._proxy() == address
    assert api.proxies is not proxies


@pytest.mark.parametrize(
    "wrong",
    [
        lambda q: q.filter("era", 1, "IS"),
        lambda q: q.filter("era", 1, 5),
        lambda q: q.filter("era", [1, 2]),
        lambda q: q.filter("era", object()),
        lambda q: q.filter("", 1),
        lambda q: q.sort(5),
        lambda q: q.attrs("era"),
        lambda q: q.attrs(),
        lambda q: q.include("metta"),
        lambda q: q.filters([{"attribute_name": "era"}]),
        lambda q: q.paginate(page=0).data(),
        lambda q: q.paginate(per_page=100_001).data(),
        lambda q: q.paginate(per_page="10").data(),
        lambda q: q.paginate(per_page=True).data(),
    ],
)
def test_what_makes_no_query_is_refused(demo, wrong):
    """Wrong arguments end in one line, before anything is sent."""
    with pytest.raises(UsageError) as caught:
        wrong(demo.query("runs"))
    assert "\n" not in str(caught.value)


def test_filters_without_operator_are_equal(demo):
    """filters() goes on, and takes EQ where nothing is said."""
    query = demo.query("runs").filters(
        [{"attribute_name": "fill_number", "value": 9168}]
    )
    assert parameters(query)[0] == ("filter[fill_number][EQ]", "9168")
    assert parameters(query.clear_filter())[0][0] == "page[offset]"


def test_the_address_is_printed_where_asked(capsys):
    """Verbose prints what is asked, as the official client does."""
    OMSAPI("demo").query("eras").paginate(per_page=1).data()
    said = capsys.readouterr().out
    assert said == (
        "https://demo.invalid/agg/api/v1/eras?page[offset]=0&page[limit]=1\n"
    )


def test_documents_beside_the_resources():
    """query_metadata() asks below the address without its version."""
    with serving(lambda _: Response(200, {}, b'{"endpoints": []}')) as server:
        answer = asking(server).query_metadata().data("/version/endpoints")
    assert answer.json() == {"endpoints": []}
    assert server.asked[0].path.endswith("/agg/api/version/endpoints")


def test_an_answer_is_like_one_of_requests(demo):
    """What scripts ask of a response is there."""
    answer = demo.query("eras").paginate(per_page=1).data()
    assert (answer.status_code, answer.ok) == (200, True)
    assert answer.raise_for_status() is None
    assert answer.text.encode() == answer.content
    assert answer.headers["content-type"] == "application/vnd.api+json"
    assert answer.json() == answer.json()


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"<html>", "not with a JSON document"),
        (b"[1]", "not with a JSON document"),
        (b'{"data": ', "is no JSON"),
        (b'{"data": [], "data": []}', "'data' twice"),
        (b'{"data": [{"a": 1, "a": 2}]}', "'a' twice"),
        (b'{"a":' * 3000 + b"1" + b"}" * 3000, "nested too deeply"),
    ],
)
def test_what_is_no_document_is_refused(body, says):
    """Pages of other services, broken JSON and keys given twice are errors."""
    with serving(lambda _: Response(200, {"content-type": "x/y"}, body)) as server:
        query = asking(server).query("runs").paginate(per_page=1)
        with pytest.raises(DecodeError, match=says):
            query.data().json()


def test_an_answer_that_is_a_list_is_refused():
    """A document is an object."""
    with pytest.raises(DecodeError, match="no JSON object"):
        Answer("u", content=b"[]").json()


def test_connections_are_let_go_of():
    """A client that nobody has any more closes what it opened; it can be used again."""
    with serving(lambda _: Response(200, {}, EMPTY)) as server:
        api = asking(server)
        api.close()
        api.query("runs").data()
        api.close()
        api.query("runs").data()
        del api
    assert len(server.asked) == 2


def test_nobody_there_is_an_error(demo):
    """A service that does not answer is named."""
    from tests.support.loopback import unused_port

    api = OMSAPI(f"http://127.0.0.1:{unused_port()}/agg/api", verbose=False)
    api.err_attempts = 0
    with pytest.raises(TransportError):
        api.query("runs").paginate(per_page=1).data()
