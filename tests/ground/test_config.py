from __future__ import annotations

import pytest

from omskit import Client
from omskit.config import INSTANCES, config_path, find_instance, read_config
from omskit.errors import ConfigError, UnknownInstanceError
from omskit.login.kinds import TOKEN_URL, ClientCredentials
from omskit.login.nobody import Anonymous
from omskit.login.sources import find_credentials, find_token

PRODUCTION = INSTANCES["production"]


@pytest.fixture
def config(monkeypatch, tmp_path):
    """Writes the configuration file."""

    def write(text):
        path = tmp_path / "config.toml"
        path.write_text(text, encoding="utf-8")
        path.chmod(0o600)
        monkeypatch.setenv("OMSKIT_CONFIG", str(path))
        return path

    return write


def test_production_is_the_default():
    """Without any choice production is asked."""
    assert find_instance() == PRODUCTION
    assert PRODUCTION.base_url == "https://cmsoms.cern.ch/agg/api/v1"
    assert PRODUCTION.audience == "cmsoms-prod"


@pytest.mark.parametrize("name", INSTANCES)
def test_names_are_known(name):
    """Each named service has an address without a trailing slash."""
    found = find_instance(name)
    assert found.name == name
    assert not found.base_url.endswith("/")
    assert (found.audience is None) == (name in {"p5", "demo"})


def test_the_argument_goes_before_environment_before_file(config, monkeypatch):
    """Argument, environment, file, production: the first that is there counts."""
    config('instance = "p5"')
    assert find_instance().name == "p5"
    monkeypatch.setenv("OMSKIT_INSTANCE", "integration")
    assert find_instance().name == "integration"
    assert find_instance("demo").name == "demo"


def test_a_url_is_a_service():
    """A URL is taken as the base of a service; a known one keeps its audience."""
    assert find_instance("http://localhost:8321/agg/api/v1/").audience is None
    assert find_instance(PRODUCTION.base_url + "/").audience == "cmsoms-prod"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("prodution", "Did you mean 'production'"),
        ("nonsense", "Known: production"),
        ("ftp://host/agg", "omskit knows no service"),
        ("http://", "begins with http"),
        ("https:///agg", "begins with http"),
        ("http://[", "no URL"),
        ("http://host:99999/", "no URL"),
        ("http://host/agg?x=1", "nor parameters"),
        ("http://host/agg#x", "nor parameters"),
    ],
)
def test_unknown_services_are_named(name, said):
    """What is no service is an error that names the nearest, and how to write a URL."""
    with pytest.raises(UnknownInstanceError) as caught:
        find_instance(name)
    assert said in str(caught.value)
    with pytest.raises(UnknownInstanceError):
        Client(name)


@pytest.mark.parametrize(
    "url",
    [
        "https://me:s3cret@host/agg/api/v1",
        "https://s3cret@host/agg/api/v1",
        "ftp://me:s3cret@host/agg",
        "me:s3cret@host",
    ],
)
def test_a_password_in_an_address_is_refused_and_not_repeated(url):
    """An address with a password is refused, without showing it."""
    with pytest.raises(UnknownInstanceError) as caught:
        find_instance(url)
    assert "s3cret" not in str(caught.value)
    assert "host" in str(caught.value)


def test_services_of_ones_own(config):
    """[instances.NAME] adds a service, or replaces one."""
    config(
        """
        instance = "mine"
        [instances.mine]
        base_url = "http://localhost:8080/api/v1/"
        audience = "aud"
        token_url = "http://localhost/token"
        [instances.p5]
        base_url = "http://p5.test"
        """
    )
    found = find_instance()
    assert found.base_url == "http://localhost:8080/api/v1"
    assert (found.audience, found.token_url) == ("aud", "http://localhost/token")
    assert find_instance("p5").base_url == "http://p5.test"
    assert find_instance("p5").token_url == TOKEN_URL


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("instance = 5", "instance = 5"),
        ("instances = 5", "no table"),
        ("[instances]\nmine = 5", "needs a base_url"),
        ("[instances.mine]\naudience = 'a'", "needs a base_url"),
        ("[instances.mine]\nbase_url = 5", "needs base_url as text"),
        ("[instances.mine]\nbase_url = 'http://h'\naudience = 5", "needs audience"),
        ("[instances.mine]\nbase_url = 'host'", "begins with http"),
        ("[instances.mine]\nbase_url = 'http://me:s3cret@h'", "neither user name"),
        ("instance = 'x", "cannot be read"),
        ("a = 1\na = 2", "cannot be read"),
    ],
)
def test_a_wrong_file_is_named(config, text, said):
    """What is wrong in the configuration file is a ConfigError that names the file."""
    path = config(text)
    with pytest.raises(ConfigError) as caught:
        find_instance()
    assert said in str(caught.value)
    assert "s3cret" not in str(caught.value)
    assert str(path) in str(caught.value) or said == "instance = 5"


def test_a_file_that_is_no_text_is_named(config):
    """A file that is not UTF-8, or a folder, cannot be read."""
    path = config("")
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match=r"config\.toml"):
        read_config()
    path.unlink()
    path.mkdir()
    with pytest.raises(ConfigError, match=r"config\.toml"):
        read_config()


def test_a_file_that_is_not_there(monkeypatch, tmp_path):
    """No file is no choice; one that OMSKIT_CONFIG names must be there."""
    monkeypatch.delenv("OMSKIT_CONFIG", raising=False)
    assert config_path().name == "config.toml"
    assert read_config() == {}
    monkeypatch.setenv("OMSKIT_CONFIG", str(tmp_path / "absent.toml"))
    with pytest.raises(ConfigError, match=r"absent\.toml, which does not exist"):
        read_config()


def test_credentials_from_the_environment(monkeypatch):
    """OMSKIT_CLIENT_ID and OMSKIT_CLIENT_SECRET log in with the service's audience."""
    assert find_credentials(PRODUCTION) == Anonymous()
    monkeypatch.setenv("OMSKIT_CLIENT_ID", "app")
    monkeypatch.setenv("OMSKIT_CLIENT_SECRET", "s3cret")
    found = find_credentials(PRODUCTION)
    assert found == ClientCredentials("app", "s3cret", "cmsoms-prod")
    assert find_credentials(INSTANCES["p5"]) == Anonymous()
    assert find_credentials(find_instance("http://other.test/")) == Anonymous()


def test_credentials_from_the_file(config, monkeypatch):
    """[credentials] is used where the environment says nothing."""
    config('[credentials]\nclient_id = "app"\nclient_secret = "s3cret"')
    assert find_credentials(PRODUCTION).client_id == "app"
    monkeypatch.setenv("OMSKIT_CLIENT_ID", "other")
    assert find_credentials(PRODUCTION).client_id == "other"


@pytest.mark.parametrize(
    ("have", "lack"),
    [
        ("OMSKIT_CLIENT_ID", "OMSKIT_CLIENT_SECRET"),
        ("OMSKIT_CLIENT_SECRET", "OMSKIT_CLIENT_ID"),
    ],
)
def test_half_of_the_credentials_is_an_error(monkeypatch, have, lack):
    """One half names the other, without showing what is there."""
    monkeypatch.setenv(have, "s3cret")
    with pytest.raises(ConfigError, match=f"{have} is set but {lack} is not") as caught:
        find_credentials(PRODUCTION)
    assert "s3cret" not in str(caught.value)


def test_credentials_that_are_no_table_are_named(config):
    """Credentials = 'x' is no table."""
    config('credentials = "s3cret"')
    with pytest.raises(ConfigError, match=r"write \[credentials\]") as caught:
        find_credentials(PRODUCTION)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('instnce = "demo"', "has 'instnce', .* Did you mean 'instance'"),
        ('token = "abc"', "has 'token', which omskit does not know"),
        ('[credentials]\nclientid = "x"', r"\[credentials\] of .*'client_id'"),
        ('[instances.a]\nbase_url = "https://h"\naudiance = "x"', "'audience'"),
    ],
)
def test_a_misspelt_key_is_named(config, text, said):
    """A key that would be ignored is an error with the nearest name."""
    config(text)
    with pytest.raises(ConfigError, match=said):
        find_instance()


@pytest.mark.parametrize(
    ("url", "sent"),
    [
        ("http://127.0.0.1:1/agg", True),
        ("http://127.9.9.9/agg", True),
        ("http://[::1]:8321/agg", True),
        ("http://localhost/agg", True),
        ("https://oms.test/agg", True),
        ("http://oms.test/agg", False),
        ("http://127.0.0.1.oms.test/agg", False),
        ("http://10.0.0.1/agg", False),
    ],
)
def test_the_token_of_the_environment_goes_nowhere_in_clear(monkeypatch, url, sent):
    """OMSKIT_TOKEN is bound to no host, so no network may read it."""
    monkeypatch.setenv("OMSKIT_TOKEN", "a-token-of-some-length")
    assert (find_token(find_instance(url)) is not None) is sent


def test_a_token_of_the_file_goes_where_it_says(config, monkeypatch):
    """A token that is written beside an address is meant for it."""
    monkeypatch.delenv("OMSKIT_TOKEN", raising=False)
    config('[instances.a]\nbase_url = "http://oms.test/agg"\ntoken = "some-token-1"')
    assert find_token(find_instance("a")) is not None
