"""Requests have a deadline, can be cut, and go through proxies of all kinds."""

from __future__ import annotations

import gzip
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import warnings

import httpcore2
import pytest
import trustme
from tests.support.faces import (
    GOOD,
    HEAD,
    TRUST,
    ask,
    fail,
    many,
    plain,
    threads_since,
)
from tests.support.loopback import Raw, serving, unused_port
from tests.support.ssh import through_ssh

from omskit import Client
from omskit.drivers import LocalSender, SyncDriver
from omskit.drivers.cancel import CancelToken
from omskit.drivers.tasks import Cancelled
from omskit.effects import Authorise, Join, Request, Response, Secret, Send, Start
from omskit.errors import (
    ConfigError,
    MissingExtraError,
    OMSError,
    TimedOutError,
    TransportError,
)
from omskit.login.kinds import ClientCredentials
from omskit.login.nobody import Anonymous
from omskit.transport import HttpSender, Timeouts, proxy_for
from omskit.transport.unpacking import unpack
from omskit.transport.wire import Call

PROXIES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY")
HURRIED = Timeouts(connect_s=10.0, read_s=10.0, request_s=0.3)


@pytest.fixture(params=["sync", "async"])
def face(request):
    """Both faces."""
    return request.param


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch):
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


DRIPPING = {
    "head": Raw(b"HTTP/1.1 200 OK\r\nx-endless: ", "drip"),
    "body": Raw(HEAD + b"content-length: 100000\r\n\r\n", "drip"),
    "no length": Raw(HEAD + b"\r\n", "drip"),
    "chunk": Raw(HEAD + b"transfer-encoding: chunked\r\n\r\nffff\r\n", "drip"),
}


@pytest.mark.parametrize("where", DRIPPING)
def test_a_request_ends_at_its_deadline_whatever_drips(face, where):
    """A byte now and then, also in the head of the answer, buys no more time."""
    with serving(lambda _: DRIPPING[where]) as server:
        error = fail(face, server.base, timeouts=HURRIED)
        assert type(error) is TimedOutError
        assert "did not finish its answer in time" in str(error)
        assert server.outlasted == []


def test_the_deadline_counts_on_a_connection_used_before(face):
    """A second answer on the same connection has its own deadline, and keeps it."""
    answers = iter([GOOD, DRIPPING["head"]])
    with (
        serving(lambda _: next(answers)) as server,
        plain(face, server.base, retries=0, timeouts=HURRIED) as oms,
    ):
        assert len(oms.runs(297050)) == 1
        with pytest.raises(TimedOutError, match="did not finish"):
            oms.runs(297050)
        assert server.outlasted == []


def test_a_gigabyte_announced_is_refused_unread(face):
    """Who announces more than any page has is refused before a byte of it is read."""
    huge = Raw(HEAD + b"content-length: 1000000000\r\n\r\n{", "silence")
    with serving(lambda _: huge) as server:
        error = fail(face, server.base)
        assert type(error) is TransportError
        assert "larger than" in str(error)
        assert "smaller pages" in str(error)
        assert server.outlasted == []


class _Interrupting:
    """A reporter that stands for Ctrl-C after some rows."""

    def __init__(self, asked):
        self._asked = asked

    def update(self, done, _total, _label):
        if done > 10:
            self._asked.wait(10)
            raise KeyboardInterrupt

    def finish(self):
        pass


def _silent_later(asked, waits):
    """Three pages, then silence on all others."""
    if any(f"page[offset]={n}&" in asked.path for n in (0, 10, 20)):
        return many(asked)
    waits.set()
    return Raw(b"", "silence")


def test_an_interrupt_cuts_what_is_on_the_wire(monkeypatch):
    """After KeyboardInterrupt no thread stays in a read, however long it might be."""
    before, waits = threading.enumerate(), threading.Event()
    monkeypatch.setattr("omskit.client.sync.reporter", lambda _: _Interrupting(waits))
    with serving(lambda asked: _silent_later(asked, waits)) as server:
        oms = Client(server.base, verify=TRUST, page_size=10)
        with pytest.raises(KeyboardInterrupt):
            oms.runs()
        oms.close()
        assert threads_since(before) == []
        assert server.outlasted == []


def test_pages_left_early_are_cut():
    """Leaving an iteration frees the threads that wait for later pages."""
    before, waits = threading.enumerate(), threading.Event()
    with serving(lambda asked: _silent_later(asked, waits)) as server:
        oms = Client(server.base, verify=TRUST, page_size=10)
        tables = oms.query("runs").pages()
        assert len(next(tables)) == 10
        waits.wait(10)
        tables.close()
        oms.close()
        assert threads_since(before) == []
        assert server.outlasted == []


def test_closing_cuts_a_fetch_of_another_thread():
    """close() ends what other threads wait for, with an error that says so."""
    waits, errors = threading.Event(), []

    def work(oms):
        try:
            oms.runs()
        except OMSError as error:
            errors.append(error)

    with serving(lambda asked: _silent_later(asked, waits)) as server:
        oms = Client(server.base, verify=TRUST, page_size=10)
        thread = threading.Thread(target=work, args=(oms,))
        thread.start()
        waits.wait(10)
        oms.close()
        thread.join(10)
        assert server.outlasted == []
    assert not thread.is_alive()
    (error,) = errors
    assert "closed while it was asking" in str(error)


# What is started in the background by a shell ignores Ctrl-C until it says otherwise.
_SCRIPT = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from omskit import Client
Client(sys.argv[1], page_size=10).runs()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="has no SIGINT for one process")
def test_ctrl_c_ends_a_script():
    """A script that waits for pages ends at Ctrl-C, not at the time-out of a read."""
    waits = threading.Event()
    with serving(lambda asked: _silent_later(asked, waits)) as server:
        with subprocess.Popen(
            [sys.executable, "-c", _SCRIPT, server.base], stderr=subprocess.PIPE
        ) as script:
            assert waits.wait(30)
            script.send_signal(signal.SIGINT)
            _, said = script.communicate(timeout=60)
        assert server.outlasted == []
    assert said.rstrip().endswith(b"KeyboardInterrupt")
    assert script.returncode in {-signal.SIGINT, 1}


def test_a_login_by_hand_is_made_where_ctrl_c_ends_it():
    """The first login is made in the thread that asks, not in one beside it."""
    threads = []

    class ByHand:
        def login(self, rejected=None):
            threads.append(threading.current_thread())
            yield from ()

    with serving(lambda _: GOOD) as server:
        sender = HttpSender(verify=TRUST)
        driver = SyncDriver(sender, ByHand(), 2)

        def beside():
            return (yield Send(Request("GET", f"{server.base}/runs")))

        def flow():
            handle = yield Start(beside())
            return (yield Join(handle))

        assert driver.run(flow()).status == 200
        driver.close()
    assert threads == [threading.current_thread()]


def test_a_login_is_cut_too():
    """Ctrl-C also ends a login that gets no answer."""
    before, asked = threading.enumerate(), threading.Event()

    def answer(_):
        asked.set()
        return Raw(b"", "silence")

    with serving(answer) as server:
        login = ClientCredentials("app", "s3cret", "aud", f"{server.base}/token")
        oms = Client(server.base, verify=TRUST, credentials=login)
        errors = []

        def work():
            try:
                oms.runs()
            except OMSError as error:
                errors.append(error)

        thread = threading.Thread(target=work)
        thread.start()
        asked.wait(10)
        oms.close()
        thread.join(10)
        assert not thread.is_alive()
        assert threads_since(before) == []
        assert server.outlasted == []
    assert "closed while it was asking" in str(errors[0])


def test_a_call_that_was_cut_reads_no_more():
    """Cut before its first byte, a call fails at it; without a socket nothing else."""
    call = Call(10.0)
    call.cut()
    with pytest.raises(httpcore2.ReadError, match="given up"):
        call.use(None, 1.0)


def test_a_call_takes_the_shorter_time():
    """A read may take its own time-out, or what is left of the call's."""
    call = Call(100.0)
    assert call.use(None, 1.0) == 1.0
    assert 99.0 < call.use(None, None) <= 100.0
    assert not call.is_late
    over = Call(0.0)
    assert over.is_late
    with pytest.raises(httpcore2.ReadTimeout):
        over.use(None, 1.0)


def test_a_call_cut_on_the_wire_fails_at_once():
    """A thread in a read of TCP or TLS wakes when its call is cut."""
    waiting, asked = CancelToken(), threading.Event()
    errors = []

    def answer(_):
        asked.set()
        return Raw(b"", "silence")

    def work(sender, url):
        try:
            sender.send(Request("GET", url), {}, waiting)
        except OMSError as error:
            errors.append(error)

    authority = trustme.CA()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    with serving(answer, tls) as server:
        sender = HttpSender(verify=trust)
        thread = threading.Thread(target=work, args=(sender, f"{server.base}/runs"))
        thread.start()
        asked.wait(10)
        waiting.end()
        thread.join(10)
        assert not thread.is_alive()
        assert server.outlasted == []
        sender.close()
    assert type(errors[0]) is TransportError


def test_a_tunnel_leads_to_the_service(face):
    """Through ``ssh -L`` a service answers as if it were here."""
    with serving(lambda _: GOOD) as server, through_ssh(server.port) as ways:
        base = server.base.replace(str(server.port), str(ways.tunnel))
        assert len(ask(face, base)) == 1
        assert ways.reached == [("127.0.0.1", server.port)]


@pytest.mark.parametrize("given", ["HTTPS_PROXY", "all_proxy", "argument"])
def test_a_socks_proxy_leads_to_the_service(face, monkeypatch, given):
    """Through ``ssh -D`` too, with the service's certificate verified on the way."""
    authority = trustme.CA()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    with serving(lambda _: GOOD, tls) as server, through_ssh(server.port) as ways:
        address, options = f"socks5h://127.0.0.1:{ways.socks}", {}
        if given == "argument":
            options["proxy"] = address
        else:
            monkeypatch.setenv(given, address)
        assert len(ask(face, server.base, verify=trust, **options)) == 1
        assert ways.reached == [("127.0.0.1", server.port)]
        error = fail(face, server.base, verify=TRUST, **options)
    assert "not signed by an authority" in str(error)


def test_a_socks_proxy_resolves_the_name(face):
    """With socks5h:// the far end looks names up, as for hosts that only P5 knows."""
    with serving(lambda _: GOOD) as server, through_ssh(server.port) as ways:
        base = server.base.replace("127.0.0.1", "localhost")
        proxy = f"socks5h://127.0.0.1:{ways.socks}"
        assert len(ask(face, base, proxy=proxy)) == 1
        assert ways.reached == [("localhost", server.port)]


def test_a_socks_proxy_that_is_down_is_named(face):
    """Nobody behind the proxy's address is an error that says so."""
    with serving(lambda _: GOOD) as server, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        proxy = f"socks5h://127.0.0.1:{free.getsockname()[1]}"
        error = fail(face, server.base, proxy=proxy)
    assert type(error) is TransportError
    assert "proxy" in str(error)


def test_socks_wants_its_package(face, monkeypatch):
    """Without the package for SOCKS the error says what to install."""
    monkeypatch.setitem(sys.modules, "socksio", None)
    error = fail(face, "http://127.0.0.1:9/agg", proxy="socks5h://127.0.0.1:9")
    assert isinstance(error, MissingExtraError)
    assert "omskit[cern]" in str(error)


@pytest.mark.parametrize(
    "address", ["ftp://me:s3cret@host:1", "http://me:s3cret@ho st:x", "socks4://h:1"]
)
def test_a_wrong_proxy_is_named_without_its_password(face, address):
    """What is no proxy's address is a ConfigError that does not repeat it."""
    error = fail(face, "http://127.0.0.1:9/agg", proxy=address)
    assert isinstance(error, ConfigError)
    assert "socks5h://host:port" in str(error)
    assert "s3cret" not in str(error)


def test_a_proxy_without_a_scheme_is_one_of_http(face, monkeypatch):
    """``HTTP_PROXY=host:port`` is taken as many tools take it."""
    with serving(lambda _: GOOD) as proxy, serving(lambda _: GOOD) as server:
        monkeypatch.setenv("HTTP_PROXY", f"127.0.0.1:{proxy.port}")
        assert len(ask(face, server.base)) == 1
        assert (len(proxy.asked), len(server.asked)) == (1, 0)


def test_each_host_has_its_own_way(face, monkeypatch):
    """The login service may lie behind a proxy, and the service not."""
    login = iter(['{"access_token": "t0ken-t0ken", "expires_in": 1200}'])

    def proxied(asked):
        assert asked.path.startswith("http://localhost")
        return Response(200, {}, next(login).encode())

    with serving(proxied) as proxy, serving(lambda _: GOOD) as server:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        url = f"http://localhost:{server.port}/token"
        with plain(
            face,
            server.base,
            credentials=ClientCredentials("app", "s3cret", "aud", url),
        ) as oms:
            assert len(oms.runs(297050)) == 1
        assert (len(proxy.asked), len(server.asked)) == (1, 1)
        assert server.asked[0].headers["authorization"] == "Bearer t0ken-t0ken"


def test_the_environment_says_which_way(monkeypatch):
    """Scheme, then all; hosts of NO_PROXY and below them go directly."""
    monkeypatch.setenv("https_proxy", "http://one:1")
    monkeypatch.setenv("all_proxy", "http://two:2")
    monkeypatch.setenv("no_proxy", "cms,.cern.ch")
    assert proxy_for("https://oms.test/agg") == Secret("http://one:1")
    assert proxy_for("http://oms.test/agg") == Secret("http://two:2")
    assert proxy_for("https://cmsoms.cern.ch/agg") is None
    assert proxy_for("http://cmsoms.cms:8080/agg") is None
    assert proxy_for("https://notcms/agg") == Secret("http://one:1")
    monkeypatch.setenv("no_proxy", "oms.test:8080")
    assert proxy_for("http://oms.test:8080/agg") is None
    assert proxy_for("http://oms.test/agg") == Secret("http://two:2")
    monkeypatch.delenv("all_proxy")
    assert proxy_for("http://oms.test/agg") is None


ASKED_THERE = {
    "meta": lambda oms: oms.meta("runs"),
    "count": lambda oms: oms.query("runs").count(),
    "follow": lambda oms: list(oms.follow(297050)),
}


@pytest.mark.parametrize("name", ASKED_THERE)
def test_closing_cuts_what_a_thread_asks_itself(name):
    """Also a question that its own thread asks, with no other beside, is cut."""
    asked, errors = threading.Event(), []

    def answer(_):
        asked.set()
        return Raw(b"", "silence")

    def work(oms):
        try:
            ASKED_THERE[name](oms)
        except OMSError as error:
            errors.append(error)

    with serving(answer) as server:
        oms = Client(server.base, verify=TRUST)
        thread = threading.Thread(target=work, args=(oms,))
        thread.start()
        asked.wait(10)
        oms.close()
        thread.join(10)
        assert not thread.is_alive()
        assert server.outlasted == []
    assert "closed while it was asking" in str(errors[0])


def test_a_pool_is_closed_by_who_uses_it_last():
    """close() leaves a connection alone that a thread reads from, until it is done."""
    asked, go = threading.Event(), threading.Event()
    results = []

    def answer(_):
        asked.set()
        go.wait(10)
        return GOOD

    with serving(answer) as server:
        sender = HttpSender(verify=TRUST)
        url = f"{server.base}/runs"
        thread = threading.Thread(
            target=lambda: results.append(sender.send(Request("GET", url), {}))
        )
        thread.start()
        asked.wait(10)
        (line,) = sender._sync.values()
        sender.close()
        assert not line.client.is_closed
        go.set()
        thread.join(10)
        assert line.client.is_closed
    assert results[0].body == GOOD.body


def test_a_late_cut_meets_nobody_else(monkeypatch):
    """Once its answer is read, a call no longer holds the connection it was read on."""
    cut = []

    class Late(Call):
        def let_go(self):
            super().let_go()
            self.cut()
            cut.append(self)

    with serving(lambda _: GOOD) as server:
        sender = HttpSender(verify=TRUST)
        request = Request("GET", f"{server.base}/runs")
        assert sender.send(request, {}).status == 200
        with monkeypatch.context() as patched:
            patched.setattr("omskit.transport.http.Call", Late)
            assert sender.send(request, {}).status == 200
        assert sender.send(request, {}).status == 200
        sender.close()
    assert cut


def test_a_thread_that_waits_for_a_login_gives_up_with_its_fetch():
    """Who waits for the login of another does not wait on when nobody waits for it."""
    waiting = CancelToken()
    driver = SyncDriver(LocalSender(lambda _: GOOD), Anonymous(), 1)

    def flow():
        yield Authorise()

    with driver._lock:
        ending = threading.Timer(0.05, waiting.end)
        ending.start()
        with pytest.raises(Cancelled):
            driver.run(flow(), waiting=waiting)
        ending.join()


def test_the_deadline_holds_through_a_proxy_that_speaks_tls():
    """TLS within TLS, where the library reads several times, ends in time too."""
    authority = trustme.CA()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    drops = Raw(b"HTTP/1.1 200 OK\r\n\r\n", "drip", b"\x16\x03\x03\x40\x00")
    with serving(lambda _: GOOD, tls, tunnel=drops) as proxy:
        sender = HttpSender(
            verify=trust,
            proxy=Secret(f"https://127.0.0.1:{proxy.port}"),
            timeouts=HURRIED,
        )
        with pytest.raises(TimedOutError):
            sender.send(Request("GET", "https://oms.test/agg/api/v1/runs"), {})
        sender.close()
        assert proxy.outlasted == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_an_iteration_begun_before_a_fork_says_so():
    """In the child, pages whose threads stayed with the parent are an error."""
    with serving(many) as server:
        oms = Client(server.base, verify=TRUST, page_size=10)
        tables = oms.query("runs").pages()
        assert len(next(tables)) == 10
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            child = os.fork()
        if not child:
            try:
                list(tables)
            except TransportError as error:
                os._exit(7 if "before a fork" in str(error) else 1)
            os._exit(2)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
        assert sum(map(len, tables)) == 40
        oms.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_sender_survives_a_fork_at_any_moment():
    """A child can send although another thread held the sender's lock at the fork."""
    with serving(lambda _: GOOD) as server:
        sender = HttpSender(verify=TRUST)
        request = Request("GET", f"{server.base}/runs")
        sender.send(request, {})
        with sender._lock, warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            child = os.fork()
            if not child:
                os._exit(0 if sender.send(request, {}).status == 200 else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        sender.close()


def test_a_name_that_can_be_none_is_named(face):
    """A host whose name has too long a part is an error of ours."""
    error = fail(face, f"http://{'a' * 64}.ch/agg/api/v1")
    assert type(error) in {TransportError, ConfigError}


def test_all_members_of_a_gzip_body_are_read():
    """Gzip may have several members, one after the other; none is dropped."""
    parts = [b'{"data":[],', b'"meta":{}}']
    packed = b"".join(gzip.compress(part) for part in parts)
    assert unpack(packed) == b"".join(parts)
    with pytest.raises(TransportError, match="breaks off"):
        unpack(packed[:-3])
    with pytest.raises(TransportError, match="damaged"):
        unpack(packed + b"and more of it")


def test_members_are_bounded_together(monkeypatch):
    """Many members that fit one by one do not fit together."""
    monkeypatch.setattr("omskit.transport.unpacking.LARGEST_BODY", 50)
    with pytest.raises(TransportError, match="larger than 50"):
        unpack(gzip.compress(b"x" * 30) * 2)
    assert len(unpack(gzip.compress(b"x" * 25) * 2)) == 50
    with pytest.raises(TransportError, match="larger than 50"):
        unpack(gzip.compress(b"x" * 25) * 3)


@pytest.mark.parametrize("seconds", [0, -1, "a", True, None, float("nan")])
def test_what_is_no_time_is_refused(seconds):
    """A time-out is a number above 0; the message names it."""
    for name in ("connect_s", "read_s", "request_s"):
        with pytest.raises(ConfigError, match=name):
            Timeouts(**{name: seconds})
    assert Timeouts(read_s=float("inf")).read_s > 1


def test_a_proxy_that_is_down_is_not_taken_for_the_service(face):
    """Where a proxy refuses, the message names it; its password it does not."""
    proxy = f"http://me:s3cret@127.0.0.1:{unused_port()}"
    error = fail(face, "http://oms.test/agg/api/v1", proxy=proxy)
    assert "oms.test through the proxy 127.0.0.1" in str(error)
    assert "s3cret" not in str(error)


def test_the_wrong_scheme_is_named(face):
    """Https where http is spoken, and the other way round, gets a hint."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(tls)
    with serving(lambda _: GOOD) as plainly, serving(lambda _: GOOD, tls) as securely:
        error = fail(face, plainly.base.replace("http://", "https://"))
        assert "http:// instead of https://" in str(error)
        error = fail(face, securely.base.replace("https://", "http://"))
        assert "https:// instead of http://" in str(error)
