"""The stand-in of CERN's login service, and clients that log in to it."""

import base64
import hashlib
import http.client
import json
import ssl
import time
from dataclasses import replace
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from omskit import Client
from omskit.config import Instance
from omskit.effects import Authorise, Request
from omskit.errors import (
    ConfigError,
    LoginNeededError,
    NotAuthorisedError,
    TokenRejectedError,
)
from omskit.login.cache import TokenCache
from omskit.login.chain import CachedToken, Chain, Person
from omskit.login.kinds import ClientCredentials, TsgauthLogin
from omskit.server import (
    Application,
    Front,
    LoginGate,
    Registry,
    Sso,
    registry_from_file,
    running,
)
from omskit.server.sso.service import DEVICE_GRANT, EXCHANGE_GRANT, PREFIX
from omskit.server.sso.tokens import BadTokenError, SigningKey, packed
from omskit.server.sso.tunnel import tunnel

TOKEN = "/protocol/openid-connect/token"
DEVICE = "/protocol/openid-connect/auth/device"
ACCESS = "/api-access/token"
PUBLIC = "cmsoms-prod-public"


def registry(**more):
    """Applications of every kind."""
    prod = ("cmsoms-prod",)
    applications = (
        Application("app", "s3cret", prod),
        Application("outsider", "s3cret", prod, groups=()),
        Application("unregistered", "s3cret"),
        Application("elsewhere", "s3cret", ("cms-dials",)),
        Application(PUBLIC, None, prod),
        Application("scripted", None, prod, device=("slow_down", "grant")),
        Application("denied", None, prod, device=("access_denied",)),
        Application("late", None, prod, device=("expired_token",)),
        Application("ready", None, ("cmsoms-prod", "cms-dials"), device=("grant",)),
    )
    return Registry(applications, ("cmsoms-prod", "cms-dials"), **more)


@pytest.fixture
def sso(clock, key):
    """A login service with its own time."""
    return Sso(registry(), now=clock, key=key)


def ask(sso, path, method="POST", **form):
    """Status and document."""
    body = urlencode(form).encode()
    url = PREFIX + path
    if method == "GET":
        url, body = f"{url}?{body.decode()}", b""
    answer = sso.respond(Request(method, url, {}, body))
    if answer.headers["content-type"] != "application/json":
        return answer.status, answer.body.decode()
    return answer.status, json.loads(answer.body)


def login(sso, client="app", secret="s3cret", audience="cmsoms-prod", **more):
    """Client credentials."""
    form = {"grant_type": "client_credentials", "audience": audience, **more}
    return ask(sso, ACCESS, client_id=client, client_secret=secret, **form)


def test_client_credentials(sso, clock):
    """A token names its audience, its application and its end."""
    status, found = login(sso)
    claims = sso.key.read(found["access_token"])
    assert (status, found["expires_in"], found["token_type"]) == (200, 1200, "Bearer")
    assert (claims["aud"], claims["azp"]) == ("cmsoms-prod", "app")
    assert claims["exp"] - claims["iat"] == 1200
    assert "refresh_token" not in found


@pytest.mark.parametrize(
    ("changes", "status", "error"),
    [
        ({"client": "nobody"}, 401, "invalid_client"),
        ({"secret": "guess"}, 401, "unauthorized_client"),
        ({"client": PUBLIC}, 401, "unauthorized_client"),
        ({"audience": "cmsoms-typo"}, 400, "invalid_request"),
        ({"client": "unregistered"}, 403, "access_denied"),
        ({"client": "elsewhere"}, 403, "access_denied"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
    ],
)
def test_refused_credentials(sso, changes, status, error):
    """Each thing that is wrong has its own answer."""
    found = login(sso, **changes)
    assert (found[0], found[1]["error"]) == (status, error)
    assert "s3cret" not in str(found)


def test_what_is_not_there(sso):
    """Other paths, methods and long forms are refused."""
    assert ask(sso, "/nothing")[0] == 404
    assert ask(sso, ACCESS, "GET")[0] == 404
    assert sso.respond(Request("GET", "/elsewhere")).status == 404
    assert ask(sso, ACCESS, pad="x" * 20_000)[0] == 413
    assert (
        ask(sso, TOKEN, grant_type="password")[1]["error"] == "unsupported_grant_type"
    )


def poll(sso, code, client=PUBLIC, **more):
    """Ask whether a device login is through."""
    form = {"grant_type": DEVICE_GRANT, "client_id": client, "device_code": code}
    status, found = ask(sso, TOKEN, **form, **more)
    return status, found.get("error"), found


def test_device_flow(sso, clock):
    """Pending, slowed down when asked too soon, and through once somebody agrees."""
    _, device = ask(sso, DEVICE, client_id=PUBLIC)
    code, user = device["device_code"], device["user_code"]
    assert device["verification_uri_complete"].endswith(f"device?user_code={user}")
    assert poll(sso, code)[:2] == (400, "authorization_pending")
    assert poll(sso, code)[:2] == (400, "slow_down")
    clock.now += 5
    assert poll(sso, code)[:2] == (400, "authorization_pending")
    assert PUBLIC in ask(sso, "/device", "GET", user_code=user)[1]
    assert ask(sso, "/device", "GET", user_code=user, answer="yes")[1].count("Noted")
    clock.now += 5
    status, _, found = poll(sso, code)
    assert (status, sso.key.read(found["access_token"])["aud"]) == (200, PUBLIC)
    assert poll(sso, code)[:2] == (400, "invalid_grant")


def test_device_flow_denied_and_expired(sso, clock):
    """Who says no ends it; so does waiting too long."""
    _, device = ask(sso, DEVICE, client_id=PUBLIC)
    ask(sso, "/device", "GET", user_code=device["user_code"], answer="no")
    assert poll(sso, device["device_code"])[:2] == (400, "access_denied")
    _, device = ask(sso, DEVICE, client_id=PUBLIC)
    clock.now += 601
    assert poll(sso, device["device_code"])[:2] == (400, "expired_token")
    _, device = ask(sso, DEVICE, client_id=PUBLIC)
    clock.now += 601
    ask(sso, DEVICE, client_id=PUBLIC)
    assert poll(sso, device["device_code"])[:2] == (400, "invalid_grant")
    assert ask(sso, "/device", "GET", user_code=device["user_code"])[0] == 404


@pytest.mark.parametrize(
    ("client", "answers"),
    [
        ("scripted", ["slow_down", None]),
        ("denied", ["access_denied"]),
        ("late", ["expired_token"]),
    ],
)
def test_a_scripted_device_flow(sso, client, answers):
    """An application's answers come in the order of the registry."""
    _, device = ask(sso, DEVICE, client_id=client)
    code = device["device_code"]
    assert [poll(sso, code, client)[1] for _ in answers] == answers


def test_a_device_code_is_for_who_asked(sso):
    """Another application, or another verifier, gets nothing for it."""
    challenge = packed(hashlib.sha256(b"verifier").digest())
    _, device = ask(sso, DEVICE, client_id="ready", code_challenge=challenge)
    code = device["device_code"]
    assert poll(sso, code)[1] == "invalid_grant"
    assert poll(sso, code, "ready", code_verifier="guess")[1] == "invalid_grant"
    assert poll(sso, code, "ready")[1] == "invalid_grant"
    assert poll(sso, code, "ready", code_verifier="verifier")[0] == 200


def granted(sso):
    """The tokens of a device login that is through."""
    _, device = ask(sso, DEVICE, client_id="ready")
    return poll(sso, device["device_code"], "ready")[2]


def test_exchange(sso, clock):
    """A token is traded for one with another audience, while it is good."""
    form = {"grant_type": EXCHANGE_GRANT, "client_id": "ready"}
    token = granted(sso)["access_token"]
    _, found = ask(sso, TOKEN, subject_token=token, audience="cmsoms-prod", **form)
    assert sso.key.read(found["access_token"])["aud"] == "cmsoms-prod"
    for wrong in ("x.y.z", login(sso)[1]["access_token"]):
        answer = ask(sso, TOKEN, subject_token=wrong, audience="cmsoms-prod", **form)
        assert (answer[0], answer[1]["error"]) == (400, "invalid_token")
    clock.now += 1200
    answer = ask(sso, TOKEN, subject_token=token, audience="cmsoms-prod", **form)
    assert answer[1]["error"] == "invalid_token"


def test_refresh(sso, clock):
    """A refresh token is good once, for its application, for a while."""
    form = {"grant_type": "refresh_token", "client_id": "ready"}
    first = granted(sso)["refresh_token"]
    status, found = ask(sso, TOKEN, refresh_token=first, **form)
    assert (status, found["refresh_expires_in"]) == (200, 43200)
    assert ask(sso, TOKEN, refresh_token=first, **form)[1]["error"] == "invalid_grant"
    other = {**form, "client_id": PUBLIC}
    assert ask(sso, TOKEN, refresh_token=found["refresh_token"], **other)[0] == 400
    last = granted(sso)["refresh_token"]
    clock.now += 43200
    answer = ask(sso, TOKEN, refresh_token=last, **form)
    assert answer[1]["error_description"] == "Token is not active"


def test_logins_under_way_are_bounded(sso, monkeypatch):
    """The oldest are forgotten where too many begin and never end."""
    monkeypatch.setattr("omskit.server.sso.service._MOST_DEVICES", 3)
    codes = [ask(sso, DEVICE, client_id=PUBLIC)[1]["device_code"] for _ in range(5)]
    alive = [poll(sso, code)[1] == "authorization_pending" for code in codes]
    assert alive == [False, False, True, True, True]


def test_a_registry_file(tmp_path):
    """A file names the applications; the rest has its usual values."""
    path = tmp_path / "login.toml"
    path.write_text(
        'lifetime = 60\naudiences = ["cmsoms-prod"]\n[[application]]\nid = "app"\n'
        'secret = "s3cret"\naudiences = ["cmsoms-prod"]\ndevice = ["grant"]\n'
    )
    found = registry_from_file(path)
    assert (found.lifetime, found.find("app").device) == (60, ("grant",))
    assert "s3cret" not in repr(found)


def test_who_names_no_groups_is_in_none(tmp_path):
    """An application of a file is in the groups that it names, and in no other."""
    path = tmp_path / "login.toml"
    path.write_text(
        '[[application]]\nid = "out"\n'
        '[[application]]\nid = "in"\ngroups = ["oms-api-access"]\n'
    )
    found = registry_from_file(path)
    gate = LoginGate(SigningKey())
    for name, status in (("out", 403), ("in", None)):
        application = replace(found.find(name), secret="x", audiences=("cmsoms-prod",))
        one = Sso(Registry((application,)), key=gate.key)
        token = login(one, name, "x")[1]["access_token"]
        refused = gate.refuse(f"Bearer {token}", time.time())
        assert getattr(refused, "status", None) == status


def test_a_secret_of_the_wrong_kind_is_not_told(tmp_path):
    """What is wrong about a secret is said without the secret."""
    path = tmp_path / "login.toml"
    path.write_text('[[application]]\nid = "a"\nsecret = 135792468\n')
    with pytest.raises(ConfigError, match="secret makes no sense") as caught:
        registry_from_file(path)
    assert "135792468" not in str(caught.value)


APP = '[[application]]\nid = "a"\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = [", "Cannot read the applications"),
        (f"lifetimes = 3\n{APP}", "'lifetimes' is unknown. Did you mean 'lifetime'"),
        (f"applications = 3\n{APP}", "'applications' is unknown"),
        (
            f"{APP}group = []",
            "application 1: 'group' is unknown. Did you mean 'groups'",
        ),
        ("application = 3", "names no application"),
        ("application = [3]", "application 1 is 3"),
        ("", "names no application"),
        (f"audiences = []\n{APP}", "lets nobody in"),
        (f"lifetime = -5\n{APP}", "lifetime = -5 makes no sense there; it must be"),
        (f"lifetime = true\n{APP}", "lifetime = True makes no sense"),
        (f"interval = -1\n{APP}", "interval = -1 makes no sense"),
        (f'audiences = "x"\n{APP}', "must be a list of texts"),
        ("[[application]]\nid = 5", "id = 5 makes no sense"),
        ("[[application]]\nsecret = 'x'", "application 1 has no id"),
        (APP + APP, "two applications have the id 'a'"),
        (f'{APP}device = ["grnt"]', r"these: access_denied.* Did you mean 'grant'"),
    ],
)
def test_a_registry_file_without_meaning(tmp_path, text, said):
    """What a registry gets wrong is named."""
    path = tmp_path / "login.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=said):
        registry_from_file(path)


def test_tokens_of_others_are_none():
    """A token of another key, another algorithm, or no token at all is refused."""
    key, other = SigningKey(), SigningKey()
    token = key.signed({"aud": "x"})
    assert key.read(token) == {"aud": "x"}
    head, body, signature = token.split(".")
    for wrong in (
        other.signed({"aud": "x"}),
        f"{head}.{packed(b'{}')}.{signature}",
        f"{head}.{body}.",
        f"{head}.{body}.?",
        "",
        "a.b.c",
        "\x00.\xe9",
    ):
        with pytest.raises(BadTokenError):
            key.read(wrong)
    none = packed(json.dumps({"alg": "none"}).encode())
    forged = f"{none}.{body}"
    signed = packed(key._private.sign(forged.encode(), *key._how))
    with pytest.raises(BadTokenError, match="algorithm"):
        key.read(f"{forged}.{signed}")


@pytest.fixture(scope="module")
def authority():
    """Who signs the certificates of these tests."""
    return pytest.importorskip("trustme").CA()


@pytest.fixture(scope="module")
def certificate(authority, tmp_path_factory):
    """A certificate for this machine and CERN's login, its key, and its authority."""
    folder = tmp_path_factory.mktemp("certificates")
    issued = authority.issue_cert("127.0.0.1", "auth.cern.ch")
    paths = [folder / name for name in ("cert.pem", "key.pem", "ca.pem")]
    issued.cert_chain_pems[0].write_to_path(paths[0])
    issued.private_key_pem.write_to_path(paths[1])
    authority.cert_pem.write_to_path(paths[2])
    return paths


@pytest.fixture
def served(engine, certificate, key):
    """OMS and the login service over TLS, with the real time."""
    login_service = Sso(registry(), key=key)
    front = Front(LoginGate(login_service.key), login_service, hosts=("auth.cern.ch",))
    cert, key, _ = certificate
    with running(engine, certfile=cert, keyfile=key, front=front) as url:
        yield url


@pytest.fixture
def origin(served):
    """Where both are."""
    return served.removesuffix("/agg/api/v1")


def credentials(origin, client="app", secret="s3cret", audience="cmsoms-prod"):
    """Our own login, at the stand-in."""
    url = f"{origin}{PREFIX}{ACCESS}"
    return ClientCredentials(client, secret, audience, token_url=url)


def test_omskit_logs_in(served, origin, certificate):
    """Our client credentials work against the stand-in, over TLS."""
    ca = str(certificate[2])
    with Client(served, credentials=credentials(origin), verify=ca) as oms:
        assert len(oms.query("runs").fetch()) == 3


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"secret": "guess"}, LoginNeededError),
        ({"client": "nobody"}, LoginNeededError),
        ({"audience": "cmsoms-typo"}, NotAuthorisedError),
        ({"client": "unregistered"}, NotAuthorisedError),
        ({"client": "outsider"}, NotAuthorisedError),
        ({"client": "elsewhere", "audience": "cms-dials"}, TokenRejectedError),
    ],
)
def test_omskit_names_what_is_wrong(served, origin, certificate, changes, error):
    """Each fault of a login is the error that is documented for it."""
    login_with = credentials(origin, **changes)
    with (
        Client(served, credentials=login_with, verify=str(certificate[2])) as oms,
        pytest.raises(error) as raised,
    ):
        oms.query("runs").fetch()
    assert "s3cret" not in str(raised.value)


def test_without_a_login(served, certificate):
    """Who has no token is told to log in."""
    with (
        Client(served, verify=str(certificate[2])) as oms,
        pytest.raises(LoginNeededError),
    ):
        oms.query("runs").fetch()


def test_the_page_has_the_address_of_the_service(origin, certificate):
    """A device login names a page that can be opened."""
    context = ssl.create_default_context(cafile=str(certificate[2]))
    connection = http.client.HTTPSConnection(urlsplit(origin).netloc, context=context)
    form = urlencode({"client_id": PUBLIC})
    connection.request("POST", PREFIX + DEVICE, form)
    found = json.loads(connection.getresponse().read())
    assert found["verification_uri"] == f"{origin}{PREFIX}/device"
    page = urlsplit(found["verification_uri_complete"])
    connection.request("GET", f"{page.path}?{page.query}&answer=yes")
    assert b"Noted" in connection.getresponse().read()
    assert parse_qs(page.query)["user_code"] == [found["user_code"]]
    connection.close()


@pytest.fixture
def cern(origin, certificate, monkeypatch):
    """The world in which auth.cern.ch is the stand-in, for old clients."""
    parts = urlsplit(origin)
    with tunnel({"auth.cern.ch:443": (parts.hostname, parts.port)}) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate[2]))
        yield proxy


@pytest.fixture
def tsgauth(cern, monkeypatch):
    """tsgauth, not patched but for the five seconds that it waits."""
    found = pytest.importorskip("tsgauth", reason="tsgauth is not installed")
    monkeypatch.setattr(found.oidcauth.time, "sleep", lambda seconds: None)
    found.oidcauth._jwks_cache.clear()
    return found.oidcauth


def test_tsgauth_client_auth(tsgauth, served, certificate):
    """The ClientAuth of tsgauth gets a token here, validates it, and omskit uses it."""
    auth = tsgauth.ClientAuth("app", "s3cret", "cmsoms-prod", use_auth_file=False)
    with Client(served, credentials=auth, verify=str(certificate[2])) as oms:
        assert len(oms.query("runs").fetch()) == 3


def test_tsgauth_device_auth(tsgauth, served, certificate, capsys):
    """The DeviceAuth of tsgauth logs in, trades its token and renews it."""
    auth = tsgauth.DeviceAuth("scripted", target_client_id="cmsoms-prod",
                              use_auth_file=False)  # fmt: skip
    first = auth.token()
    assert "device?user_code=" in capsys.readouterr().out
    auth._token_required_remaining_time = 10_000
    assert auth.token() != first
    assert capsys.readouterr().out == ""
    with Client(served, credentials=auth, verify=str(certificate[2])) as oms:
        assert len(oms.query("runs").fetch()) == 3


@pytest.fixture
def kept(monkeypatch, tmp_path):
    """The folder in which tsgauth keeps its tokens."""
    monkeypatch.setenv("TSGAUTH_AUTHDIR", str(tmp_path / "tsgauth"))
    return tmp_path / "tsgauth"


def device(tsgauth, client="ready", **options):
    """A device login of tsgauth, as its users make it."""
    return tsgauth.DeviceAuth(client, target_client_id="cmsoms-prod", **options)


def asking(auth, served, certificate):
    """What a client that is handed such an object gets."""
    with Client(served, credentials=auth, verify=str(certificate[2])) as oms:
        return len(oms.query("runs").fetch())


def test_nobody_is_asked_without_a_terminal(tsgauth, served, certificate, kept, capsys):
    """Without a terminal a device login is an error at once, and nothing is begun."""
    auth = device(tsgauth)

    def wait(*_arguments, **_options):
        raise AssertionError("somebody was asked")

    auth._set_token_impl = wait
    for _ in range(2):
        with pytest.raises(LoginNeededError, match=r"no terminal to ask at.*token\(\)"):
            asking(auth, served, certificate)
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "")
    assert auth._pre_set_token_callback is None


def test_a_callback_of_the_user_is_left_alone(tsgauth, served, certificate, kept):
    """The callback of the user is not called where nobody is asked, and comes back."""
    called = []
    mine = lambda: called.append(1)  # noqa: E731  # one and the same object
    auth = device(tsgauth, pre_set_token_callback=mine)
    with pytest.raises(LoginNeededError):
        asking(auth, served, certificate)
    assert not called
    assert auth._pre_set_token_callback is mine
    auth.token()
    assert called == [1]


def test_a_token_in_memory_is_used(tsgauth, served, certificate, kept):
    """In a notebook, token() in a cell is what asks; then the object is taken."""
    auth = device(tsgauth, use_auth_file=False)
    auth.token()
    assert asking(auth, served, certificate) == 3


def test_a_token_in_a_file_is_used(tsgauth, served, certificate, kept, capsys):
    """A token that tsgauth keeps in its file is used without a terminal."""
    device(tsgauth).token()
    assert list(kept.iterdir())
    capsys.readouterr()
    assert asking(device(tsgauth), served, certificate) == 3
    assert capsys.readouterr().out == ""


def test_a_token_in_a_file_is_renewed(tsgauth, served, certificate, kept):
    """A kept token that has ended is renewed by its refresh token, nobody asked."""
    first = device(tsgauth).token()
    auth = device(tsgauth)
    auth._refresh_token, renew = None, auth._refresh_token

    def ended():
        auth._token_exp = 0
        return renew()

    auth._refresh_token = ended
    assert asking(auth, served, certificate) == 3
    assert auth._token_response["access_token"] != first


def test_a_kept_token_that_cannot_be_renewed(tsgauth, served, certificate, kept):
    """Where the refresh token is not good either, it is an error: nobody is asked."""
    device(tsgauth).token()
    (path,) = kept.iterdir()
    held = json.loads(path.read_text())
    held["refresh_token"] = "guess"
    path.write_text(json.dumps(held))
    auth = device(tsgauth)
    auth._token_required_remaining_time = 10_000
    with pytest.raises(LoginNeededError, match="a page to be opened"):
        asking(auth, served, certificate)


def test_a_person_is_asked_on_stderr(tsgauth, served, certificate, kept, capsys):
    """At a terminal the address is shown on stderr, and stdout stays clean."""
    login = TsgauthLogin(device(tsgauth), served, at_terminal=lambda: True)
    with Client(served, credentials=login, verify=str(certificate[2])) as oms:
        assert len(oms.query("runs").fetch()) == 3
    said = capsys.readouterr()
    assert "device?user_code=" in said.err
    assert said.out == ""


def test_a_persons_login_is_kept(
    tsgauth, served, origin, certificate, monkeypatch, kept, capsys
):
    """The next command does not ask again, and needs no terminal."""
    instance = Instance("own", served, "cmsoms-prod", f"https://auth.cern.ch{PREFIX}/x")
    cache = TokenCache("cmsoms-prod", instance.token_url)
    monkeypatch.setattr(tsgauth, "DeviceAuth", asked_as_ready(tsgauth))
    person = Person(instance, at_terminal=lambda: True)
    for links, way in (
        ((CachedToken(cache), person), "tsgauth device login"),
        ((CachedToken(cache), Person(instance)), "token cache"),
    ):
        chain = Chain(instance, links, cache)
        with Client(served, credentials=chain, verify=str(certificate[2])) as oms:
            assert len(oms.query("runs").fetch()) == 3
        assert chain.taken == way
    assert capsys.readouterr().err.count("user_code=") == 1
    assert not kept.exists()


def asked_as_ready(tsgauth):
    """Tsgauth's DeviceAuth, for the application whose page is opened at once."""

    class Ready(tsgauth.DeviceAuth):
        def __init__(self, client_id, **options):
            assert client_id == PUBLIC
            super().__init__("ready", **options)

    return Ready


def test_a_person_is_asked_once_a_process(
    tsgauth, served, certificate, monkeypatch, capsys
):
    """A person's token is renewed and written back: the page is shown once."""
    instance = Instance("own", served, "cmsoms-prod", f"https://auth.cern.ch{PREFIX}/x")
    monkeypatch.setattr(tsgauth, "DeviceAuth", asked_as_ready(tsgauth))
    cache = TokenCache("cmsoms-prod", instance.token_url)
    person = Person(instance, at_terminal=lambda: True)
    chain = Chain(instance, (CachedToken(cache), person), cache)
    with Client(served, credentials=chain, verify=str(certificate[2])) as oms:
        oms.query("runs").fetch()
        person.made.auth._token_required_remaining_time = 10_000
        first = oms._driver.shared.credential

        def refused():
            return (yield Authorise(rejected=first))

        second = oms._driver.run(refused())
        oms.query("runs").fetch()
    assert second.headers != first.headers
    assert cache.read(0.0).headers == second.headers
    assert capsys.readouterr().err.count("user_code=") == 1


def test_tsgauth_is_refused(tsgauth):
    """A wrong secret is an error of tsgauth."""
    auth = tsgauth.ClientAuth("app", "guess", "cmsoms-prod", use_auth_file=False)
    with pytest.raises(tsgauth.AuthError, match="unauthorized_client"):
        auth.token()


def test_the_official_client(cern, served, certificate):
    """omsapi, which has CERN's address built in, logs in here as well."""
    omsapi = pytest.importorskip("omsapi", reason="omsapi is not installed")
    api = omsapi.OMSAPI(served.removesuffix("/v1"), "v1", verbose=False,
                        cert_verify=str(certificate[2]))  # fmt: skip
    api.auth_oidc("app", "s3cret")
    rows = api.query("runs").data().json()
    assert rows["meta"]["totalResourceCount"] == 3


def test_cmsdials(cern):
    """The login classes of cmsdials work here: an application's, and a person's."""
    pytest.importorskip(
        "cmsdials", reason="cmsdials is not installed (needs urllib3<2)"
    )
    from cmsdials.auth.client import AuthClient

    client = AuthClient(client_id="ready", audience="cms-dials")
    token = client.device_token(client.new_device().device_code)
    again = client.refresh_token("Bearer", token.access_token, token.refresh_token)
    assert again.expires_in == 1200
    found = client.api_access_token("elsewhere", "s3cret")
    claims = found.access_token.split(".")[1]
    padded = base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4))
    assert json.loads(padded)["aud"] == "cms-dials"


def test_the_tunnel_leads_nowhere_else(cern):
    """Names without a target, and other methods, are refused."""
    parts = urlsplit(cern)
    for method, target in (("CONNECT", "oms.cern.ch:443"), ("GET", "/")):
        connection = http.client.HTTPConnection(parts.netloc, timeout=20)
        connection.request(method, target)
        assert connection.getresponse().status == 502
        connection.close()


def test_the_tunnel_ends_with_its_block():
    """Connections that are open do not keep it, nor do those that say nothing."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as listener:
        there = listener.getsockname()[:2]
        with tunnel({"x:1": there}) as url:
            address = (urlsplit(url).hostname, urlsplit(url).port)
            silent = socket.create_connection(address, 20)
            connected = socket.create_connection(address, 20)
            connected.sendall(b"CONNECT x:1 HTTP/1.1\r\n\r\n")
            assert connected.recv(100).startswith(b"HTTP/1.1 200")
            gone = socket.create_connection(address, 20)
            gone.close()
        assert silent.recv(1) == connected.recv(1) == b""
        silent.close()
        connected.close()
