"""The dashboard over a socket of this machine."""

from __future__ import annotations

import threading
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from omskit.dashboard import running, serve
from omskit.dashboard.serving import HOST
from omskit.errors import ConfigError
from omskit.server.served import listen


@pytest.mark.filterwarnings("ignore::omskit.errors.OMSWarning")
def test_it_is_on_loopback_only(asker):
    """Pages are served at 127.0.0.1, whatever the machine is called."""
    with running(asker, every_s=60) as (url, watcher):
        assert url.startswith(f"http://{HOST}:")
        with urlopen(f"{url}/masks") as answer:
            assert answer.status == 200
            assert "content-security-policy" in answer.headers
        other = Request(f"{url}/masks", headers={"Host": "evil.example"})
        with pytest.raises(HTTPError) as caught:
            urlopen(other)
        assert caught.value.code == 421
        caught.value.close()
        while watcher.seen.report is None:
            pass
    with pytest.raises(OSError, match="refused"):
        urlopen(f"{url}/masks")


@pytest.mark.filterwarnings("ignore::omskit.errors.OMSWarning")
def test_serve_says_where_it_is(asker, capsys, monkeypatch):
    """One line names the address once pages can be opened; then it serves."""
    found = []

    def ready(url):
        with urlopen(f"{url}masks") as answer:
            found.append(answer.status)
        server[0].should_exit = True

    server = []
    from omskit.dashboard import serving

    make = serving._server

    def remember(*arguments):
        server.append(make(*arguments))
        return server[0]

    monkeypatch.setattr(serving, "_server", remember)
    serve(
        asker,
        port=0,
        # The server answers while this thread runs it.
        ready=lambda url: threading.Thread(target=ready, args=(url,)).start(),
    )
    assert found == [200]
    assert capsys.readouterr().out.startswith("omskit: the dashboard is at http://127")


def test_a_port_that_is_taken(asker):
    """A port that is taken is told, and another suggested."""
    with listen(HOST, 0) as bound, pytest.raises(ConfigError, match="--port 0"):
        serve(asker, port=bound.getsockname()[1])
