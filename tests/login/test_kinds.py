from __future__ import annotations

import base64
import copy
import json
import pickle
import sys
from http.cookiejar import CookieJar

import pytest
from tests.support.interpreter import NOON, Interpreter
from tests.support.loopback import serving
from tests.support.smallservice import page, refusal

from omskit import BearerToken, Client, ClientCredentials
from omskit.effects import Compute, Credential, Now, Send
from omskit.errors import (
    AuthError,
    ConfigError,
    LoginNeededError,
    TokenRejectedError,
    UsageError,
)
from omskit.login.kinds import (
    TOKEN_URL,
    Anonymous,
    Tsgauth,
    TsgauthLogin,
    as_login,
    claims_of,
    cookie_header,
)
from omskit.login.tsgauth import _Prompt

URL = "https://cmsoms.cern.ch/agg/api/v1"


class Fake:
    """Has the shape of tsgauth's classes: authparams() gives requests' arguments."""

    def __init__(self, **parameters):
        self.parameters = parameters
        self.asked = 0

    def authparams(self, headers=None):
        self.asked += 1
        if isinstance(self.parameters.get("error"), Exception):
            raise self.parameters["error"]
        return self.parameters


def log_in(login, answers=()):
    world = Interpreter(answers)
    return world, world.run(login.login())


def test_nobody_in_particular_needs_no_credential():
    """Anonymous logs in with nothing, and asks nothing."""
    world, credential = log_in(Anonymous())
    assert credential is None
    assert world.effects == []


def test_an_application_logs_in_with_one_post():
    """ClientCredentials post to the CERN login service unless told otherwise."""
    login = ClientCredentials("app", "s3cret", "cmsoms-prod")
    world, credential = log_in(login, [page(access_token="abc")])
    assert world.sent == [TOKEN_URL]
    assert isinstance(world.effects[0], Send)
    assert credential.headers == {"authorization": "Bearer abc"}


@pytest.mark.parametrize("missing", range(3))
def test_half_an_application_is_refused(missing):
    """Id, secret and audience must all be there; the message names what lacks."""
    values = ["app", "s3cret", "aud"]
    values[missing] = ""
    name = ("client_id", "client_secret", "audience")[missing]
    with pytest.raises(ConfigError, match=name) as caught:
        ClientCredentials(*values)
    assert "s3cret" not in str(caught.value)


def test_a_secret_is_never_shown_or_pickled():
    """The repr hides the secret; pickles and copies are refused."""
    login = ClientCredentials("app", "s3cret", "aud")
    assert repr(login) == "ClientCredentials(client_id='app', audience='aud')"
    for take in (pickle.dumps, copy.deepcopy):
        with pytest.raises(UsageError, match="secrets stay"):
            take(login)


def test_a_credential_is_never_shown():
    """The repr of a credential, and of a request with one, hides its headers."""
    _, credential = log_in(
        ClientCredentials("app", "s3cret", "aud"), [page(access_token="t0ken")]
    )
    assert "t0ken" not in repr(credential)
    for secret in (credential, TsgauthLogin(Fake(token="s3cret"))):
        with pytest.raises(UsageError, match="not pickled"):
            pickle.dumps(secret)
    assert "s3cret" not in repr(TsgauthLogin(Fake(token="s3cret")))


def test_a_token_of_tsgauth_is_passed_on():
    """Headers of authparams() are sent; the login runs where it may wait."""
    fake = Fake(headers={"Authorization": "Bearer abc"})
    world, credential = log_in(as_login(fake, URL))
    assert isinstance(world.effects[0], Compute)
    assert credential.headers == {"authorization": "Bearer abc"}
    assert credential.expires is None
    assert fake.asked == 1


def test_a_real_tsgauth_object_fits():
    """Tsgauth's own classes are taken for what they are."""
    tsgauth = pytest.importorskip("tsgauth")
    auth = tsgauth.oidcauth.ClientAuth(
        "app", "s3cret", target_client_id="aud", use_auth_file=False
    )
    assert isinstance(auth, Tsgauth)
    login = as_login(auth, URL)
    assert isinstance(login, TsgauthLogin)
    auth._token_response = {"access_token": "abc"}
    auth._set_token = lambda: None
    _, credential = log_in(login)
    assert credential.headers["authorization"] == "Bearer abc"


def jar(*cookies):
    requests = pytest.importorskip("requests")
    found = requests.cookies.RequestsCookieJar()
    for name, value, domain in cookies:
        found.set(name, value, domain=domain, path="/")
    return found


def test_cookies_go_to_their_host_alone():
    """Of a session's cookies only those of the service are sent to it."""
    cookies = jar(
        ("mod_auth", "mine", "cmsoms.cern.ch"),
        ("shared", "too", ".cern.ch"),
        ("KEYCLOAK_SESSION", "s3cret", "auth.cern.ch"),
    )
    assert isinstance(cookies, CookieJar)
    _, credential = log_in(as_login(Fake(cookies=cookies), URL))
    sent = sorted(credential.headers["cookie"].split("; "))
    assert sent == ["mod_auth=mine", "shared=too"]


def test_plain_cookies_are_sent():
    """A dict of cookies, which names no host, is sent as it is."""
    _, credential = log_in(
        as_login(Fake(cookies={"a": "1"}, headers={"X-Y": "z"}), URL)
    )
    assert credential.headers == {"x-y": "z", "cookie": "a=1"}


@pytest.mark.parametrize(
    "parameters", [{}, {"headers": None, "cookies": None}, {"cookies": "elsewhere"}]
)
def test_a_login_that_gives_nothing_is_an_error(parameters):
    """Where tsgauth gives no token and no cookie for the service, the error says so."""
    if parameters.get("cookies") == "elsewhere":
        parameters = {"cookies": jar(("session", "s3cret", "auth.cern.ch"))}
    with pytest.raises(AuthError, match="Fake gives nothing") as caught:
        log_in(as_login(Fake(**parameters), URL))
    assert "s3cret" not in str(caught.value)


def test_a_login_that_fails_is_an_auth_error():
    """Whatever tsgauth raises becomes an AuthError that names the class."""
    with pytest.raises(AuthError, match="tsgauth's Fake failed: no ticket") as caught:
        log_in(as_login(Fake(error=RuntimeError("no ticket")), URL))
    assert isinstance(caught.value.__cause__, RuntimeError)


def test_errors_of_our_own_pass_through():
    """An OMSError of a login is not wrapped."""
    with pytest.raises(LoginNeededError, match=r"^as it is$"):
        log_in(as_login(Fake(error=LoginNeededError("as it is")), URL))


def test_what_can_log_in_is_taken_as_it_is():
    """None is anonymous, and an object with login() is its own login."""
    own = ClientCredentials("app", "s3cret", "aud")
    assert as_login(own) is own
    assert as_login(None) == Anonymous()


@pytest.mark.parametrize("given", ["token", 5, object(), ("id", "secret")])
def test_what_cannot_log_in_is_refused(given):
    """Anything else is a ConfigError that names its type and not its value."""
    with pytest.raises(ConfigError, match=type(given).__name__) as caught:
        as_login(given)
    assert "secret" not in str(caught.value).replace("ClientCredentials", "")


def test_without_a_url_no_cookie_of_a_host_is_sent():
    """A jar whose service is not known gives nothing."""
    assert cookie_header(jar(("a", "1", "cmsoms.cern.ch")), "") is None
    assert cookie_header({}, URL) is None


TOKEN = "correct horse battery"


@pytest.mark.parametrize(
    "text", ["", " x", "x\n", "Bearer abc", "bearer abc", "t\xf6ken", None, 5, b"x"]
)
def test_what_is_no_fixed_token(text):
    """A token that no header may hold is refused before it is sent, unrepeated."""
    with pytest.raises(ConfigError, match="no fixed token") as caught:
        BearerToken(text)
    assert "abc" not in str(caught.value)


def test_a_fixed_token_is_never_shown_or_pickled():
    """The repr hides the token; pickles and copies are refused."""
    login = BearerToken(TOKEN)
    assert repr(login) == "BearerToken()"
    for take in (pickle.dumps, copy.deepcopy, copy.copy):
        with pytest.raises(UsageError, match="secrets stay"):
            take(login)
    assert TOKEN not in repr(as_login(login))


def guarded(asked):
    """A service that takes one fixed token."""
    if asked.headers.get("authorization") == f"Bearer {TOKEN}":
        return page(data=[], meta={"totalResourceCount": 742})
    return refusal(401, "not the token of this service")


def test_a_fixed_token_is_sent():
    """Credentials of a fixed token are sent as they are, by two clients at once."""
    token = BearerToken(TOKEN)
    with (
        serving(guarded) as server,
        Client(server.base, credentials=token) as one,
        Client(server.base, credentials=token) as two,
    ):
        assert [c.query("runs").count() for c in (one, two, one)] == [742] * 3


def test_a_refused_fixed_token_is_tried_once():
    """A refused fixed token is a TokenRejectedError after one request, each time."""
    with (
        serving(guarded) as server,
        Client(server.base, credentials=BearerToken("wrong horse")) as oms,
    ):
        for tries in (1, 2):
            with pytest.raises(TokenRejectedError, match="oms serve --token") as caught:
                oms.query("runs").count()
            assert len(server.asked) == tries
            assert caught.value.status == 401
            assert "wrong horse" not in str(caught.value)


def test_a_fixed_token_is_a_login_by_itself():
    """It is given as often as it is asked for, unless the service has refused it."""
    token = BearerToken(TOKEN)
    assert as_login(token) is token
    _, given = log_in(token)
    assert given.headers == {"authorization": f"Bearer {TOKEN}"}
    assert log_in(token)[1] == given
    flow = token.login(given)
    with pytest.raises(TokenRejectedError, match="of BearerToken"):
        next(flow)


def claiming(**claims):
    """A token that says so of itself."""
    text = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return Fake(headers={"Authorization": f"Bearer head.{text}.signature"})


NOW = int(NOON.timestamp())


@pytest.mark.parametrize(
    ("claims", "expires"),
    [
        ({"iat": NOW - 600, "exp": NOW + 600}, NOW + 585),
        ({"iat": NOW, "exp": NOW + 10}, NOW + 5),
        ({"iat": NOW - 900, "exp": NOW - 300}, None),
        ({"iat": NOW, "exp": "soon"}, None),
        ({"iat": NOW, "exp": 10**400}, None),
        ({}, None),
    ],
)
def test_a_token_of_tsgauth_says_when_it_ends(claims, expires):
    """The end that a token names is when it is renewed; an end long ago is none."""
    world, credential = log_in(as_login(claiming(**claims), URL))
    assert isinstance(world.effects[-1], Now)
    assert credential.expires == expires


def test_a_deep_token_says_nothing():
    """A token nested deeper than any reader of JSON follows has no claims."""
    deep = base64.urlsafe_b64encode(b"[" * 200_000).decode()
    held = Credential({"authorization": f"Bearer head.{deep}.signature"})
    assert claims_of(held) is None


class Inputimeout:
    """The package that tsgauth asks a second factor with, and somebody who answers."""

    TimeoutOccurred = TimeoutError

    def inputimeout(self, prompt="", timeout=0):
        sys.stdout.write(prompt)
        assert timeout == 300
        return "123456"


@pytest.mark.parametrize("somebody", [True, False])
def test_what_tsgauth_prints_is_not_on_stdout(capsys, monkeypatch, somebody):
    """What tsgauth prints goes to stderr, what others print meanwhile to stdout."""
    oidcauth = pytest.importorskip("tsgauth.oidcauth")
    monkeypatch.setattr(oidcauth, "inputimeout", Inputimeout())
    said = 'print("deprecated")'
    asks = "code = inputimeout.inputimeout(prompt='Code:', timeout=300)"
    before = dict(vars(oidcauth))

    class Loud(Fake):
        def authparams(self, headers=None):
            exec(said, vars(oidcauth))
            sys.stdout.write("a row of another thread\n")
            if somebody:
                exec(asks, vars(oidcauth))
            return super().authparams()

    login = TsgauthLogin(
        Loud(headers={"Authorization": "Bearer abc"}), URL, lambda: somebody
    )
    log_in(login)
    told = capsys.readouterr()
    assert told.out == "a row of another thread\n"
    assert told.err == "deprecated\n" + ("Code:" if somebody else "")
    assert vars(oidcauth).pop("code", None) == ("123456" if somebody else None)
    vars(oidcauth).pop("__builtins__", None)
    before.pop("__builtins__", None)
    assert dict(vars(oidcauth)) == before
    with pytest.raises(TimeoutError):
        raise _Prompt(Inputimeout()).TimeoutOccurred


def test_an_untrusted_login_service_is_named():
    """A certificate that tsgauth does not trust is one line with what to set."""
    long = "Max retries exceeded (SSLError: CERTIFICATE_VERIFY_FAILED)"
    with pytest.raises(AuthError, match="REQUESTS_CA_BUNDLE only") as caught:
        log_in(as_login(Fake(error=RuntimeError(long)), URL))
    assert "retries" not in str(caught.value)
