"""Each fault that the doctor knows, played for real, and what it says to do."""

from __future__ import annotations

import pytest
from tests.support.cern import ACCESS, SECRET, cern, registry
from tests.support.loopback import unused_port

from omskit.cli.app import run
from omskit.flow import Credential
from omskit.login.cache import TokenCache
from omskit.server import LoginGate, Service, Sso, TokenGate
from omskit.server.sso.service import ISSUER
from omskit.server.sso.tokens import SigningKey
from omskit.server.sso.tunnel import tunnel

trustme = pytest.importorskip("trustme")

TOKEN = "correct-horse-battery"


@pytest.fixture(scope="module")
def authority():
    """Who signs the certificates of these tests."""
    return trustme.CA()


@pytest.fixture(scope="module")
def key():
    """What signs tokens: a new one takes its time."""
    return SigningKey()


@pytest.fixture
def oms(engine):
    """A service in this process."""
    return Service(engine)


@pytest.fixture
def trusted(authority, tmp_path, monkeypatch):
    """Trust the authority of these tests."""
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(path)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))


@pytest.fixture
def app(monkeypatch):
    """Log in as an application; the name chooses which."""

    def choose(name="app", secret=SECRET):
        monkeypatch.setenv("OMSKIT_CLIENT_ID", name)
        monkeypatch.setenv("OMSKIT_CLIENT_SECRET", secret)

    choose()
    return choose


@pytest.fixture
def world(authority, key, oms):
    """OMS and the login service, over TLS unless told otherwise."""

    def make(signer=authority, **more):
        return cern(signer, Sso(registry(), key=key), oms, **more)

    return make


@pytest.fixture
def doctor(tmp_path, monkeypatch, capsys):
    """Run ``oms auth doctor``: the exit code, and what it says, in one line."""

    def visit(base, login=None, audience="cmsoms-prod"):
        path = tmp_path / "config.toml"
        origin = (login or base).removesuffix("/agg/api/v1")
        path.write_text(
            f'[instances.own]\nbase_url = "{base}"\n'
            f'token_url = "{origin}{ACCESS}"\n'
            + (f'audience = "{audience}"\n' if audience else "")
        )
        monkeypatch.setenv("OMSKIT_CONFIG", str(path))
        monkeypatch.setenv("COLUMNS", "80")
        code = run(["auth", "doctor", "--instance", "own"])
        said = capsys.readouterr()
        assert all(len(line) <= 80 or " " not in line.strip()
                   for line in said.out.splitlines())  # fmt: skip
        assert SECRET not in said.out + said.err
        assert TOKEN not in said.out + said.err
        return code, " ".join(said.out.split())

    return visit


def test_health(world, doctor, trusted, app):
    """Where all is well no line is a fault, and the exit code is 0."""
    with world() as server:
        code, said = doctor(server.base)
    assert code == 0
    assert "FAULT" not in said
    assert said.endswith("All is well.")
    assert "login: by client credentials" in said
    assert "runs are there" in said


def test_ca_bundle(world, doctor, app, tmp_path, monkeypatch):
    """A CA bundle without the authority is named by its variable; code 4."""
    path = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(path))
    with world() as server:
        code, said = doctor(server.base)
    assert code == 4
    assert "FAULT certificate: not trusted" in said
    assert f"-> REQUESTS_CA_BUNDLE names {path}, which lacks the CERN CA" in said


def test_ca_bundle_of_the_login_service(world, doctor, trusted, app):
    """A login service whose certificate is not trusted is told from the service's."""
    with world() as server, world(trustme.CA()) as elsewhere:
        code, said = doctor(server.base, elsewhere.base)
    assert code == 3
    assert f"FAULT login: 127.0.0.1:{elsewhere.port}, certificate: not trusted" in said
    assert "-> SSL_CERT_FILE names" in said


def test_a_certificate_for_another_name(world, doctor, trusted, app):
    """A certificate for another name is no matter of CA certificates."""
    with world() as server:
        code, said = doctor(server.base.replace("127.0.0.1", "localhost"))
    assert code == 4
    assert "-> the service has another name" in said


@pytest.mark.parametrize(("off_s", "way"), [(-900, "ahead of"), (900, "behind")])
def test_clock_skew(world, doctor, trusted, app, off_s, way):
    """A clock that is off is named before the login rests on it; code 3."""
    app(secret="guess")
    with world(off_s=off_s) as server:
        code, said = doctor(server.base)
    assert code == 3
    assert f"s {way} the service -> set the clock (NTP)" in said
    assert said.index("FAULT clock") < said.index("FAULT login")
    assert "There are 2 faults. Mend 'clock' first." in said


def test_audience_of_a_kept_token(world, doctor, trusted, key):
    """A kept token for another service is named, with the way to a new one."""
    claims = {"iss": ISSUER, "aud": "cmsoms-int-0185", "azp": "app", "groups": [],
              "iat": 0, "exp": 4_000_000_000}  # fmt: skip
    header = {"authorization": f"Bearer {key.signed(claims)}"}
    with world() as server:
        origin = server.base.removesuffix("/agg/api/v1")
        cache = TokenCache("cmsoms-prod", f"{origin}{ACCESS}")
        cache.write(Credential(header, 4.0e9))
        code, said = doctor(server.base)
    assert code == 3
    assert "FAULT audience: the token is for 'cmsoms-int-0185', the service is" in said
    assert "-> 'oms auth logout', then 'oms auth login'" in said
    assert said.endswith("-> mend the fault above first There are 2 faults. "
                         "Mend 'audience' first.")  # fmt: skip


def test_audience_that_the_service_lacks(world, doctor, trusted, app, key):
    """A service that is another than its audience says is named by the answer."""
    with world(gate=LoginGate(key, "cmsoms-other")) as server:
        code, said = doctor(server.base)
    assert code == 3
    assert "FAULT answer:" in said
    assert "refuses this login (401: The token is for 'cmsoms-prod'" in said
    assert "-> mend audience= of the instance in the configuration file" in said


@pytest.mark.parametrize(
    ("name", "secret", "audience", "remedy"),
    [
        ("unregistered", SECRET, "cmsoms-prod", "ask for the audience 'cmsoms-prod'"),
        ("app", SECRET, "cmsoms-typo", "mend audience= in the configuration file"),
        ("app", "guess", "cmsoms-prod", "anew from the Application Portal"),
        ("nobody", SECRET, "cmsoms-prod", "anew from the Application Portal"),
        ("app", "", "cmsoms-prod", "mend what it names"),
    ],
)
def test_no_token(world, doctor, trusted, app, name, secret, audience, remedy):
    """A login service that gives no token is the login's fault, with the reason."""
    app(name, secret)
    with world() as server:
        code, said = doctor(server.base, audience=audience)
    assert code == 3
    assert "FAULT login:" in said
    assert remedy in said
    assert "ticket" not in said


def test_not_in_the_group(world, doctor, trusted, app):
    """An application that is not in the access group is named, and whom to ask."""
    app("outsider")
    with world() as server:
        code, said = doctor(server.base)
    assert code == 3
    assert "FAULT answer:" in said
    assert "add the application 'outsider' to the group oms-api-access" in said


def test_https_on_a_http_port(world, doctor, app):
    """The wrong scheme is named, with the right one; code 4."""
    with world(None) as server:
        code, said = doctor(server.base.replace("http:", "https:"))
    assert code == 4
    assert "-> wrong scheme: try http:// instead of https://" in said


def test_http_on_a_https_port(world, doctor, trusted, app):
    """The other wrong scheme is named before any secret is sent over it."""
    with world() as server:
        code, said = doctor(server.base.replace("https:", "http:"), server.base)
        assert not [a for a in server.asked if a.body or "authorization" in a.headers]
    assert code == 4
    assert "-> wrong scheme: try https:// instead of http://" in said


def test_a_dead_proxy(world, doctor, trusted, app, monkeypatch):
    """A proxy that is down is named, with its variable and the way around it."""
    monkeypatch.setenv("HTTPS_PROXY", f"http://user:{SECRET}@127.0.0.1:{unused_port()}")
    with world() as server:
        code, said = doctor(server.base)
    assert code == 4
    assert "FAULT connection: 127.0.0.1:" in said
    assert "unset HTTPS_PROXY, or add 127.0.0.1 to NO_PROXY" in said


def test_a_proxy_that_leads_nowhere(world, doctor, trusted, app, monkeypatch):
    """A proxy that refuses to lead to the service is blamed, not the service."""
    with world() as server, tunnel({}) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy)
        code, said = doctor(server.base)
    assert code == 4
    assert "the proxy does not lead there: unset HTTPS_PROXY" in said


def test_a_certificate_behind_a_proxy(world, doctor, app, monkeypatch):
    """A certificate that is not trusted is named behind a proxy too."""
    with world() as server:
        here = ("127.0.0.1", server.port)
        with tunnel({f"127.0.0.1:{server.port}": here}) as proxy:
            monkeypatch.setenv("HTTPS_PROXY", proxy)
            code, said = doctor(server.base)
    assert code == 4
    assert "FAULT certificate: not trusted" in said
    assert "-> install the CERN CA certificates" in said


def test_a_login_service_behind_a_proxy(world, doctor, app, monkeypatch):
    """The certificate of a login service behind a proxy is told from the service's."""
    with world(None) as server, world() as elsewhere:
        here = ("127.0.0.1", elsewhere.port)
        with tunnel({f"127.0.0.1:{elsewhere.port}": here}) as proxy:
            monkeypatch.setenv("HTTPS_PROXY", proxy)
            code, said = doctor(server.base, elsewhere.base)
    assert code == 3
    assert f"FAULT login: 127.0.0.1:{elsewhere.port}, certificate: not trusted" in said
    assert "-> install the CERN CA certificates" in said


def test_a_dead_login_service(world, doctor, trusted, app):
    """A login service that is down is the login's fault, with what is down."""
    with world() as server:
        port = unused_port()
        code, said = doctor(server.base, f"https://127.0.0.1:{port}/agg/api/v1")
    assert code == 3
    assert f"FAULT login: 127.0.0.1:{port}, connection:" in said


def test_no_login_at_all(world, doctor, trusted, monkeypatch, tmp_path):
    """Without any login, each way is told with what it lacks, and what to do."""
    monkeypatch.setenv("KRB5CCNAME", f"FILE:{tmp_path / 'none'}")
    with world() as server:
        code, said = doctor(server.base)
        assert not [a for a in server.asked if a.body]
    assert code == 3
    assert "token cache (none is kept)" in said
    assert "-> at a terminal: 'oms auth login'; in a job: OMSKIT_CLIENT_ID" in said
    assert "ticket: " in said


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (None, "-> set OMSKIT_TOKEN to the token that the service was started with"),
        ("wrong horse battery", "-> OMSKIT_TOKEN is not the token that the service"),
        (TOKEN, "login: by fixed token"),
    ],
)
def test_the_fixed_token(world, doctor, trusted, monkeypatch, given, said):
    """A service with a fixed token wants that, and the doctor names the variable."""
    if given is not None:
        monkeypatch.setenv("OMSKIT_TOKEN", given)
    with world(gate=TokenGate(TOKEN)) as server:
        code, found = doctor(server.base, audience=None)
    assert code == (0 if given == TOKEN else 3)
    assert said in found
