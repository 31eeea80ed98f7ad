from __future__ import annotations

import asyncio
import gzip
import json
import logging
import os
import socket
import ssl
import subprocess
import threading
import traceback
import warnings
from concurrent.futures import Future
from http.server import BaseHTTPRequestHandler

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
from tests.support.loopback import PATH, Raw, packed, serving, unused_port
from tests.support.smallservice import page, refusal

from omskit import AsyncClient, Client
from omskit.drivers import AsyncDriver, LocalSender, SyncDriver
from omskit.drivers.cancel import CancelToken
from omskit.drivers.sync import _after_fork
from omskit.drivers.tasks import Cancelled, TaskGroup
from omskit.drivers.threads import Threads
from omskit.effects import Request, Response, Send
from omskit.errors import (
    ConfigError,
    LoginNeededError,
    OMSError,
    RedirectedError,
    ServiceError,
    TimedOutError,
    TransportError,
)
from omskit.login.kinds import ClientCredentials
from omskit.login.nobody import Anonymous
from omskit.transport import HttpSender, Timeouts, tls_context
from omskit.transport.unpacking import LARGEST_BODY, unpack

QUICK = Timeouts(connect_s=0.15, read_s=0.15, request_s=0.15)


@pytest.fixture(scope="module")
def authority():
    """A CA that no machine trusts."""
    return trustme.CA()


@pytest.fixture(scope="module")
def ca_file(authority, tmp_path_factory):
    """Its certificate in a file."""
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return path


@pytest.fixture(scope="module")
def tls(authority):
    """The TLS settings of a server for 127.0.0.1."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)
    return context


@pytest.fixture(params=["sync", "async"])
def face(request):
    """Both faces."""
    return request.param


def test_a_question_goes_over_a_socket(face):
    """A client asks a real server; encoding and agent are named, no token is sent."""
    with serving(lambda _: GOOD) as server:
        assert ask(face, server.base)["run_number"].to_pylist() == [297050]
    (asked,) = server.asked
    assert asked.method == "GET"
    assert asked.path.startswith(f"{PATH}/runs?filter[run_number][EQ]=297050&")
    assert asked.headers["accept-encoding"] == "gzip"
    assert asked.headers["user-agent"].startswith("omskit/")
    assert "authorization" not in asked.headers


def test_packed_answers_are_unpacked(face):
    """A gzip answer is unpacked."""
    with serving(lambda _: packed(GOOD)) as server:
        assert len(ask(face, server.base)) == 1


def test_large_packed_answers_are_unpacked(face):
    """An answer of many kilobytes is unpacked as well."""
    rows = [
        {"id": str(n), "attributes": {"run_number": n, "l1_menu": os.urandom(90).hex()}}
        for n in range(2000)
    ]
    big = packed(page(data=rows, meta={"totalResourceCount": len(rows)}))
    assert len(big.body) > 2**16
    with serving(lambda _: big) as server, plain(face, server.base) as oms:
        table = oms.runs(page_size=5000)
        assert table["run_number"].to_pylist() == list(range(2000))


def test_answers_of_unknown_length_are_read(face):
    """Chunked answers, as proxies make them, are read whole."""
    size = f"{len(GOOD.body):x}".encode()
    chunks = size + b"\r\n" + GOOD.body + b"\r\n0\r\n\r\n"
    raw = Raw(HEAD + b"transfer-encoding: chunked\r\n\r\n" + chunks)
    with serving(lambda _: raw) as server:
        assert len(ask(face, server.base)) == 1


ZIPPED = gzip.compress(GOOD.body)
SHORT = b"content-length: 5000\r\n\r\n"
FAULTS = {
    "reset before an answer": (Raw(b"", "reset"), TransportError),
    "closed before an answer": (Raw(b"", "close"), TransportError),
    "reset in the body": (Raw(HEAD + SHORT + GOOD.body, "reset"), TransportError),
    "closed in the body": (Raw(HEAD + SHORT + GOOD.body), TransportError),
    "broken chunk": (
        Raw(HEAD + b"transfer-encoding: chunked\r\n\r\nff\r\nabc"),
        TransportError,
    ),
    "no HTTP": (Raw(b"SSH-2.0-OpenSSH_9.0\r\n"), TransportError),
    "silent": (Raw(b"", "silence"), TimedOutError),
    "silent in the head": (Raw(HEAD, "silence"), TimedOutError),
    "silent in the body": (Raw(HEAD + SHORT + b"{", "silence"), TimedOutError),
    "gzip breaks off": (
        Response(200, {"content-encoding": "gzip"}, ZIPPED[:-9]),
        TransportError,
    ),
    "gzip is damaged": (
        Response(200, {"content-encoding": "gzip"}, b"no gzip at all"),
        TransportError,
    ),
    "unknown packing": (
        Response(200, {"content-encoding": "br"}, b"xyz"),
        TransportError,
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_of_a_connection_is_named(face, name):
    """Resets, closings, silence and damage raise within the time-outs."""
    answer, kind = FAULTS[name]
    with serving(lambda _: answer) as server:
        read_s = 0.15 if kind is TimedOutError else 10.0
        error = fail(face, server.base, timeouts=Timeouts(10.0, read_s, 10.0))
    assert type(error) is kind
    assert error.attempts == 1
    assert error.request.startswith(f"GET {server.base}/runs?")
    assert isinstance(error, (ConnectionError, ServiceError))
    assert "\n" not in str(error)


@pytest.mark.parametrize("name", ["reset in the body", "gzip breaks off"])
def test_a_fault_that_passes_is_tried_again(face, name):
    """After a broken answer the same question is asked again, and answered."""
    answers = iter([FAULTS[name][0], GOOD])
    quick = Response(503, {"retry-after": "0"})
    with (
        serving(lambda _: next(answers, quick)) as server,
        plain(face, server.base) as oms,
    ):
        table = oms.runs(297050)
    assert len(table) == 1
    assert len(server.asked) == 2


def test_a_slow_drip_is_cut_off(face):
    """An answer that never ends is given up when its time is over."""

    def drip(_asked):
        body = b" " * 100
        return Raw(HEAD + b"content-length: 10000\r\n\r\n" + body, "silence")

    with serving(drip) as server:
        error = fail(face, server.base, timeouts=QUICK)
    assert type(error) is TimedOutError


def test_a_request_has_a_deadline():
    """Bytes that keep coming do not hold a request open beyond its time."""
    sender = HttpSender(verify=TRUST, timeouts=Timeouts(1.0, 1.0, 1e-9))
    with serving(lambda _: GOOD) as server:
        with pytest.raises(TimedOutError, match="did not finish"):
            sender.send(Request("GET", f"{server.base}/runs"), {})
        sender.close()


def test_a_killed_service_is_named(face):
    """Where nobody listens any more, the error says so at once."""
    port = unused_port()
    error = fail(face, f"http://127.0.0.1:{port}{PATH}")
    assert type(error) is TransportError
    assert isinstance(error, ServiceError)
    assert isinstance(error, ConnectionError)
    assert f"Cannot reach 127.0.0.1:{port}" in str(error)


def test_a_service_killed_between_pages_is_named(face):
    """A service that dies after the first page is a ServiceError, not a short table."""
    rows = [{"id": str(n), "attributes": {"run_number": n}} for n in range(10)]
    first = page(data=rows, meta={"totalResourceCount": 50})

    def answer(asked):
        return first if "page[offset]=0&" in asked.path else Raw(b"", "reset")

    with serving(answer) as server:
        error = None
        with plain(face, server.base, retries=0, page_size=10) as oms:
            with pytest.raises(ServiceError) as caught:
                oms.runs()
            error = caught.value
    assert type(error) is TransportError


def test_a_time_out_to_connect_is_one(face):
    """A host that does not answer a connection attempt is a TimedOutError."""
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen(0)
        port = busy.getsockname()[1]
        held = []
        try:
            for _ in range(4):
                one = socket.socket()
                one.setblocking(False)
                one.connect_ex(("127.0.0.1", port))
                held.append(one)
            error = fail(face, f"http://127.0.0.1:{port}{PATH}", timeouts=QUICK)
        finally:
            for one in held:
                one.close()
    assert type(error) is TimedOutError
    assert isinstance(error, TimeoutError)


def test_a_wrong_address_is_a_config_error():
    """An address that no URL parser takes is no fault of the network."""
    with pytest.raises(ConfigError, match="no address"):
        HttpSender(verify=TRUST).send(Request("GET", "http://a b/\x00"), {})


def test_bodies_are_bounded(monkeypatch):
    """A body larger than the bound is refused, packed or not."""
    monkeypatch.setattr("omskit.transport.unpacking.LARGEST_BODY", 50)
    with pytest.raises(TransportError, match="larger than 50"):
        unpack(gzip.compress(b"x" * 51))
    assert unpack(gzip.compress(b"x" * 50)) == b"x" * 50
    with serving(lambda _: Response(200, {}, b"y" * 51)) as server:
        sender = HttpSender(verify=TRUST)
        with pytest.raises(TransportError, match="larger than 50"):
            sender.send(Request("GET", f"{server.base}/runs"), {})
        sender.close()
    assert 3e8 < LARGEST_BODY < 1e9
    assert unpack(b"") == b""


def test_an_untrusted_certificate_is_refused(face, tls):
    """A CA that the machine does not trust is an error that names verify=."""
    with serving(lambda _: GOOD, tls) as server:
        error = fail(face, server.base)
    assert type(error) is TransportError
    assert "verify=" in str(error)
    assert "not signed by an authority" in str(error)
    assert server.asked == []


def test_a_ca_file_or_folder_or_context_is_trusted(face, tls, ca_file, tmp_path):
    """verify= takes a file, its path as text, a hashed folder, or a ready context."""
    folder = tmp_path / "certs"
    folder.mkdir()
    digest = subprocess.run(
        ["openssl", "x509", "-hash", "-noout", "-in", str(ca_file)],
        capture_output=True,
        text=True,
        check=False,
    ).stdout.strip()
    choices = [ca_file, str(ca_file), ssl.create_default_context(cafile=str(ca_file))]
    if digest:
        (folder / f"{digest}.0").write_bytes(ca_file.read_bytes())
        choices.append(folder)
    with serving(lambda _: GOOD, tls) as server:
        for verify in choices:
            assert len(ask(face, server.base, verify=verify)) == 1


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
def test_the_environment_names_a_ca(face, tls, ca_file, monkeypatch, name):
    """SSL_CERT_FILE and REQUESTS_CA_BUNDLE are honoured."""
    monkeypatch.setenv(name, str(ca_file))
    with serving(lambda _: GOOD, tls) as server:
        assert len(ask(face, server.base, verify=None)) == 1


def test_openssls_variables_go_first(face, tls, ca_file, monkeypatch, tmp_path):
    """Where both are set, SSL_CERT_FILE counts, as everywhere else."""
    monkeypatch.setenv("SSL_CERT_FILE", str(ca_file))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "absent.pem"))
    with serving(lambda _: GOOD, tls) as server:
        assert len(ask(face, server.base, verify=None)) == 1


@pytest.mark.parametrize("variable", [None, "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
def test_a_missing_ca_file_is_named(variable, monkeypatch, tmp_path):
    """A CA file that is not there is a ConfigError that names it."""
    path = str(tmp_path / "absent.pem")
    if variable:
        monkeypatch.setenv(variable, path)
    with pytest.raises(ConfigError, match=r"absent\.pem"):
        tls_context(None if variable else path)


def test_a_file_without_certificates_is_named(tmp_path):
    """A file that holds no certificate is a ConfigError that names it."""
    path = tmp_path / "notes.pem"
    path.write_text("no certificate")
    with pytest.raises(ConfigError, match=r"notes\.pem"):
        tls_context(path)


def test_an_empty_path_is_no_ca():
    """verify='' is not taken for the folder where one happens to be."""
    with pytest.raises(ConfigError, match="names no file"):
        tls_context("")


@pytest.mark.parametrize("verify", [False, True])
def test_verification_is_never_off(verify):
    """verify=False is refused, and verify=True too, since it says nothing."""
    for client in (Client, AsyncClient):
        with pytest.raises(ConfigError, match="always verified"):
            client("https://oms.test/agg/api/v1", verify=verify)


def test_a_context_that_verifies_nothing_is_refused():
    """An ssl context without verification is verify=False by another name."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with pytest.raises(ConfigError, match="verifies no certificate"):
        tls_context(context)


def test_certificates_of_other_hosts_are_refused(face, authority, ca_file):
    """A certificate for another name is refused."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("oms.test").configure_cert(context)
    with serving(lambda _: GOOD, context) as server:
        error = fail(face, server.base, verify=ca_file)
    assert type(error) is TransportError
    assert server.asked == []


def test_plain_http_through_a_proxy(face, monkeypatch):
    """HTTP_PROXY is honoured, and so is NO_PROXY."""
    with serving(lambda _: GOOD) as proxy, serving(lambda _: GOOD) as server:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
        assert len(ask(face, server.base)) == 1
        assert (len(proxy.asked), len(server.asked)) == (1, 0)
        assert proxy.asked[0].path.startswith(server.base)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        assert len(ask(face, server.base)) == 1
        assert (len(proxy.asked), len(server.asked)) == (1, 1)


@pytest.mark.parametrize("given", ["environment", "argument"])
def test_https_through_a_proxy(face, tls, ca_file, monkeypatch, given):
    """HTTPS_PROXY or proxy= tunnels, with the service's certificate verified."""
    with serving(lambda _: GOOD) as proxy, serving(lambda _: GOOD, tls) as server:
        address = f"http://127.0.0.1:{proxy.port}"
        options = {"verify": ca_file}
        if given == "argument":
            options["proxy"] = address
        else:
            monkeypatch.setenv("HTTPS_PROXY", address)
            monkeypatch.setenv("https_proxy", address)
        assert len(ask(face, server.base, **options)) == 1
        assert proxy.tunnels == [f"127.0.0.1:{server.port}"]
        assert len(server.asked) == 1


def token_service(tokens, *, good):
    """A login service and OMS in one: *good* says which tokens OMS takes."""
    count = iter(tokens)
    lock = threading.Lock()

    def answer(asked):
        if asked.method == "POST":
            with lock:
                return page(access_token=next(count), expires_in=1200)
        token = asked.headers.get("authorization", "").removeprefix("Bearer ")
        if token not in good:
            return Response(401)
        return GOOD

    return answer


def credentials(server):
    return ClientCredentials("app", "s3cret", "aud", f"{server.base}/token")


def test_a_login_goes_before_the_question(face):
    """The secret goes to the login service alone, the token to OMS alone."""
    with serving(token_service(["t1"], good={"t1"})) as server:
        ask(face, server.base, credentials=credentials(server))
    login, question = server.asked
    assert b"s3cret" in login.body
    assert "authorization" not in login.headers
    assert question.headers["authorization"] == "Bearer t1"
    assert b"s3cret" not in question.body
    assert "s3cret" not in question.path


def test_an_expired_token_is_renewed_over_the_wire(face):
    """A 401 costs one login more, and the question is answered."""
    with serving(token_service(["old", "new"], good={"new"})) as server:
        assert len(ask(face, server.base, credentials=credentials(server))) == 1
    assert [a.method for a in server.asked] == ["POST", "GET", "POST", "GET"]


def test_redirects_are_not_followed(face):
    """Neither question nor token goes where a redirect points."""
    with serving(lambda _: GOOD) as other:

        def answer(asked):
            if asked.method == "POST":
                return page(access_token="t1")
            return Response(302, {"location": f"{other.base}/runs"})

        with serving(answer) as server:
            error = fail(face, server.base, credentials=credentials(server))
    assert type(error) is RedirectedError
    assert other.asked == []


def test_netrc_is_not_read(face, monkeypatch, tmp_path):
    """A password in ~/.netrc is not ours to send."""
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine 127.0.0.1 login me password hidden\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HOME", str(tmp_path))
    with serving(lambda _: GOOD) as server:
        ask(face, server.base)
    assert "authorization" not in server.asked[0].headers


SECRETS = ("s3cret", "t0ken", "pr0xypass")


def everything(error):
    """All that a user may come to see of an error."""
    text = "".join(traceback.format_exception(error))
    return "\n".join([text, repr(error), str(error), str(error.request)])


@pytest.mark.parametrize("fault", ["fine", "refused", "reset", "login refused"])
def test_secrets_are_never_shown(face, fault, caplog):
    """Neither logs at DEBUG, nor errors, nor tables, nor reprs show a secret."""
    faults = {
        "fine": GOOD,
        "refused": refusal(403, "no"),
        "reset": Raw(b"", "reset"),
        "login refused": GOOD,
    }

    def answer(asked):
        if asked.method == "POST":
            if fault == "login refused":
                return Response(401, {}, b'{"error": "s3cret is wrong"}')
            return page(access_token="t0ken", expires_in=1200)
        return faults[fault]

    shown = []
    with (
        caplog.at_level(logging.DEBUG),
        serving(answer) as server,
        plain(face, server.base, retries=0, credentials=credentials(server)) as oms,
    ):
        try:
            table = oms.runs(297050)
            shown += [repr(table), table._repr_html_(), repr(table.receipt)]
        except OMSError as error:
            shown.append(everything(error))
        shown += [repr(oms), repr(oms.query("runs")), repr(credentials(server))]
    shown.append(caplog.text)
    assert "/runs" in caplog.text or fault in {"login refused", "reset"}
    for secret in SECRETS:
        assert secret not in "\n".join(shown)


def test_a_proxy_password_is_never_shown(face, caplog):
    """A password in proxy= is in no message or log."""
    proxy = f"http://me:pr0xypass@127.0.0.1:{unused_port()}"
    with caplog.at_level(logging.DEBUG), serving(lambda _: GOOD) as server:
        error = fail(face, server.base, proxy=proxy)
    assert type(error) is TransportError
    assert "pr0xypass" not in everything(error) + caplog.text


def test_64_threads_make_one_login():
    """Threads that share a client share its login, at first and after a 401."""
    gate = threading.Barrier(64)
    with (
        serving(token_service(["a", "b", "c"], good={"a", "b"})) as server,
        Client(
            server.base,
            verify=TRUST,
            credentials=credentials(server),
            concurrency=64,
            retries=0,
        ) as oms,
    ):
        errors = []

        def work():
            gate.wait()
            try:
                oms.runs(297050)
            except OMSError as error:
                errors.append(error)

        threads = [threading.Thread(target=work) for _ in range(64)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert errors == []
    assert sum(a.method == "POST" for a in server.asked) == 1
    assert len(server.asked) == 65


@pytest.mark.parametrize("good", [{"a"}, {"b"}])
def test_64_tasks_make_one_login(good):
    """Tasks that share a client make one login, and one more after a rejected token."""

    async def main(server):
        options = {"credentials": credentials(server), "concurrency": 16, "retries": 0}
        async with AsyncClient(server.base, verify=TRUST, **options) as oms:
            return await asyncio.gather(*(oms.runs(297050) for _ in range(64)))

    with serving(token_service(["a", "b", "c"], good=good)) as server:
        tables = asyncio.run(main(server))
    assert len(tables) == 64
    logins = sum(a.method == "POST" for a in server.asked)
    assert logins == (1 if good == {"a"} else 2)


def test_a_401_storm_makes_one_login():
    """64 threads whose token is rejected at once renew it once."""
    arrived = threading.Barrier(64)
    tokens = iter(["old", "new", "third"])

    def answer(asked):
        if asked.method == "POST":
            return page(access_token=next(tokens), expires_in=1200)
        if asked.headers["authorization"] == "Bearer old":
            arrived.wait(10)
            return Response(401)
        return GOOD

    with (
        serving(answer) as server,
        Client(
            server.base,
            verify=TRUST,
            credentials=credentials(server),
            concurrency=64,
            retries=0,
        ) as oms,
    ):
        results = []
        threads = [
            threading.Thread(target=lambda: results.append(oms.runs(297050)))
            for _ in range(64)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(results) == 64
    assert sum(a.method == "POST" for a in server.asked) == 2


def test_pages_left_early_leave_nothing(face):
    """An iteration that is given up leaves no thread, task or half connection."""
    before = threading.enumerate()
    with serving(many) as server:
        with plain(face, server.base, page_size=10) as oms:
            tables = oms.query("runs").pages()
            assert len(next(tables)) == 10
            tables.close()
            assert len(oms.runs()) == 50
        assert threads_since(before) == []


def test_an_abandoned_async_iteration_leaves_no_task():
    """`break` in an `async for` ends the tasks that fetch later pages."""

    async def main(base):
        async with AsyncClient(base, verify=TRUST, page_size=10) as oms:
            async for table in oms.query("runs").pages():
                assert len(table) == 10
                break
            for _ in range(5):
                await asyncio.sleep(0)
            return len(asyncio.all_tasks()), len(await oms.runs())

    with serving(many) as server:
        tasks, rows = asyncio.run(main(server.base))
    assert rows == 50
    assert tasks <= 2


def test_a_cancelled_fetch_leaves_no_task():
    """Cancelling a fetch cancels its pages under way, and the client goes on."""
    asked = threading.Event()

    def answer(request):
        if "page[offset]=0&" in request.path:
            return many(request)
        if not asked.is_set():
            asked.set()
            return Raw(HEAD, "silence")
        return many(request)

    async def main(base):
        async with AsyncClient(base, verify=TRUST, page_size=10) as oms:
            task = asyncio.create_task(oms.runs())
            await asyncio.to_thread(asked.wait, 10)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            left = asyncio.all_tasks() - {asyncio.current_task()}
            return left, len(await oms.runs())

    with serving(answer) as server:
        assert asyncio.run(main(server.base)) == (set(), 50)


def test_an_interrupt_ends_the_threads(monkeypatch):
    """After KeyboardInterrupt no page is asked for any more and no thread stays."""
    before = threading.enumerate()
    waiting = threading.Event()

    def answer(request):
        if "page[offset]=0&" in request.path:
            return many(request)
        if "page[offset]=10&" in request.path:
            waiting.wait(10)
            return many(request)
        waiting.set()
        return Response(503, {"retry-after": "60"})

    class Interrupting:
        def update(self, done, total, label):
            if done > 10:
                raise KeyboardInterrupt

        def finish(self):
            pass

    monkeypatch.setattr("omskit.client.sync.reporter", lambda _wanted: Interrupting())
    with serving(answer) as server:
        oms = Client(server.base, verify=TRUST, page_size=10)
        with pytest.raises(KeyboardInterrupt):
            oms.runs()
        oms.close()
        assert threads_since(before) == []
        assert len(server.asked) <= 9


def test_closing_ends_a_fetch_of_another_thread(monkeypatch):
    """A client that is closed while a thread fetches gives that thread an error."""
    started, closed = threading.Event(), threading.Event()

    def answer(request):
        if "page[offset]=0&" in request.path:
            return many(request)
        started.set()
        closed.wait(10)
        return many(request)

    errors = []

    def work(oms):
        try:
            oms.runs()
        except OMSError as error:
            errors.append(error)

    with serving(answer) as server:
        oms = Client(server.base, verify=TRUST, page_size=10, concurrency=1, retries=0)
        thread = threading.Thread(target=work, args=(oms,))
        thread.start()
        started.wait(10)
        closing = threading.Thread(target=oms.close)
        closing.start()
        while oms._driver._pool is not None:
            started.wait(0.01)
        closed.set()
        thread.join(10)
        closing.join(10)
    assert not thread.is_alive()
    assert len(errors) == 1
    assert "closed while it was asking" in str(errors[0])


def test_the_sync_client_works_inside_a_running_loop():
    """In a notebook, where a loop runs already, the sync client just works."""

    async def main(base):
        with Client(base, verify=TRUST, page_size=10) as oms:
            return len(oms.runs())

    with serving(many) as server:
        assert asyncio.run(main(server.base)) == 50


def test_a_closed_client_opens_again(face):
    """close() lets go of connections; the next question opens new ones."""
    with serving(many) as server, plain(face, server.base, page_size=10) as oms:
        assert len(oms.runs()) == 50
        (oms.close if face == "sync" else oms.aclose)()
        assert len(oms.runs()) == 50


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_forked_process_asks_for_itself():
    """After a fork the child has threads and connections of its own."""
    with (
        serving(many) as server,
        Client(server.base, verify=TRUST, page_size=10) as oms,
    ):
        assert len(oms.runs()) == 50
        with oms._driver._lock, oms._driver._pool_lock, warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            child = os.fork()
            if not child:
                code = 1
                try:
                    code = 0 if len(oms.runs()) == 50 else 2
                finally:
                    os._exit(code)
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == 0
        assert len(oms.runs()) == 50


def test_connections_are_used_again():
    """Pages share connections: there are no more of them than requests at once."""
    ports = set()

    def answer(asked):
        return many(asked)

    with serving(answer) as server:
        original = BaseHTTPRequestHandler.parse_request

        def parse(handler):
            ports.add(handler.client_address[1])
            return original(handler)

        BaseHTTPRequestHandler.parse_request = parse
        try:
            with Client(server.base, verify=TRUST, page_size=10, concurrency=2) as oms:
                for _ in range(3):
                    assert len(oms.runs()) == 50
        finally:
            BaseHTTPRequestHandler.parse_request = original
    assert len(server.asked) == 15
    assert len(ports) <= 3


def test_unknown_effects_are_bugs():
    """A driver that meets an effect it does not know says so."""

    def odd():
        yield "nonsense"

    sender = LocalSender(lambda _request: GOOD)
    with pytest.raises(AssertionError, match="nonsense"):
        SyncDriver(sender, Anonymous(), 1).run(odd())
    with pytest.raises(AssertionError, match="nonsense"):
        asyncio.run(AsyncDriver(sender, Anonymous(), 1).run(odd()))


def test_a_login_page_is_named(face):
    """A redirect to the login service says which variables to set."""
    away = Response(302, {"location": "https://auth.cern.ch/auth/realms/cern"})
    with serving(lambda _: away) as server:
        error = fail(face, server.base)
    assert type(error) is LoginNeededError


def test_what_is_asked_is_logged_at_debug(caplog):
    """The logger `omskit` tells method, URL and status at DEBUG, and nothing above."""
    with caplog.at_level(logging.DEBUG, "omskit"), serving(lambda _: GOOD) as server:
        ask("sync", server.base)
    (record,) = [r for r in caplog.records if r.name == "omskit"]
    assert record.levelno == logging.DEBUG
    assert record.getMessage().endswith("-> 200")


def test_cookies_are_kept_apart(face):
    """A cookie that a service sets comes back to it alone."""

    def answer(_asked):
        return Response(200, {"set-cookie": "session=abc; Path=/"}, GOOD.body)

    with serving(answer) as one, serving(lambda _: GOOD) as two:
        ask(face, one.base)
        ask(face, two.base)
    assert "cookie" not in two.asked[0].headers
    assert json.loads(GOOD.body)["data"]


def test_what_a_closed_client_began_is_cancelled():
    """Work for closed threads, or cut in them, is cancelled; the driver says why."""
    threads = Threads()
    beside = TaskGroup(CancelToken())
    gate = threading.Event()
    begun = beside.start(lambda: threads, lambda *_: gate.wait(60), None)
    threads.close()
    with pytest.raises(Cancelled):
        beside.start(lambda: threads, lambda *_: None, None)
    gate.set()
    assert beside.join(begun)
    lost: Future[None] = Future()
    lost.cancel()
    with pytest.raises(Cancelled):
        beside.join(lost)


def test_nobody_sleeps_for_nobody():
    """A flow that nobody waits for any more neither sleeps nor asks on."""
    waiting = CancelToken()
    beside = TaskGroup(waiting)
    beside.sleep(0.0)
    waiting.end()
    with pytest.raises(Cancelled):
        beside.sleep(3600.0)
    sent = []
    driver = SyncDriver(LocalSender(sent.append), Anonymous(), 1)

    def flow():
        yield Send(Request("GET", "http://oms.test/"))

    with pytest.raises(Cancelled):
        driver.run(flow(), waiting=waiting)
    assert sent == []


def test_after_a_fork_all_is_new():
    """A driver that is told of a fork forgets pool and locks, held or not."""
    driver = SyncDriver(LocalSender(lambda _: GOOD), Anonymous(), 1)
    pool = driver._threads()
    driver._lock.acquire()
    _after_fork()
    assert driver._lock.acquire(blocking=False)
    assert driver._pool is None
    pool.close()


def test_a_closed_sender_may_be_closed_again():
    """Closing what is not open is no error, on both sides."""
    sender = HttpSender(verify=TRUST)
    sender.close()
    asyncio.run(sender.aclose())
