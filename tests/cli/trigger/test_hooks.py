"""Hooks: told of alerts by command or URL; what fails is said, and no secret is."""

from __future__ import annotations

import json
import logging
import shlex
import ssl
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import trustme

from omskit.cli.trigger import hooks
from omskit.cli.trigger.hooks import hook_of, sentence
from omskit.effects import Secret
from omskit.errors import UsageError

SECRET = "s3cr3t-of-the-channel"  # made up
ALERT = {
    "path": "HLT_Mu50",
    "run_number": 315270,
    "first_lumisection_number": 301,
    "last_lumisection_number": 310,
    "kind": "dead",
    "counts": 0.0,
    "expected": 812.4,
    "ratio": 0.0,
    "significance": -37.5,
}


class Listener(ThreadingHTTPServer):
    """Keeps what it is sent, and answers with one status."""

    daemon_threads = True

    def __init__(self, status, context=None):
        self.seen, self.status = [], status
        super().__init__(("127.0.0.1", 0), Handler)
        if context:
            self.socket = context.wrap_socket(self.socket, server_side=True)

    def handle_error(self, request, client_address):
        """A client that hangs up is no fault of the test."""


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        length = int(self.headers["content-length"])
        body = json.loads(self.rfile.read(length))
        self.server.seen.append((self.path, self.headers["content-type"], body))
        self.send_response(self.server.status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        """Nothing."""


@contextmanager
def listening(status=200, context=None):
    """A hook on this machine."""
    server = Listener(status, context)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server, f"localhost:{server.server_port}/hooks/{SECRET}?token={SECRET}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_an_alert_is_posted(caplog):
    """A URL is sent the alert as JSON, with a sentence; no log shows its address."""
    with caplog.at_level(logging.DEBUG), listening() as (server, where):
        assert hook_of(Secret(f"http://{where}"))(ALERT) is None
    ((path, kind, body),) = server.seen
    assert path.endswith(f"/hooks/{SECRET}?token={SECRET}")
    assert kind == "application/json"
    assert body == {"text": sentence(ALERT), **ALERT}
    assert SECRET not in caplog.text


def test_certificates_are_verified(monkeypatch, tmp_path):
    """A hook over https must show a certificate of somebody who is trusted."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    with listening(context=context) as (server, where):
        told = hook_of(Secret(f"https://{where}"))(ALERT)
        assert "certificate" in told
        assert SECRET not in told
        assert server.seen == []
        authority.cert_pem.write_to_path(tmp_path / "ca.pem")
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        assert hook_of(Secret(f"https://{where}"))(ALERT) is None
        assert len(server.seen) == 1


@pytest.mark.parametrize("status", [302, 404, 500])
def test_a_refusal_is_told_without_the_address(status):
    """What is no success is told with host and status alone; redirects do not count."""
    with listening(status) as (_, where):
        told = hook_of(Secret(f"http://{where}"))(ALERT)
    assert told == f"was refused by localhost with {status}"


def test_nobody_there_and_silence(monkeypatch):
    """A hook that cannot be reached, or is silent, is told in time, without secrets."""
    with listening() as (_, where):
        pass
    told = hook_of(Secret(f"http://{where}"))(ALERT)
    assert told.startswith("failed:")
    assert SECRET not in told
    monkeypatch.setattr(hooks, "SILENT_S", 0.05)
    monkeypatch.setattr(hooks, "COMMAND_S", 0.05)
    monkeypatch.setattr(Handler, "do_POST", lambda _: threading.Event().wait(0.5))
    with listening() as (_, where):
        told = hook_of(Secret(f"http://{where}"))(ALERT)
    assert "silent" in told or "in time" in told
    waits = shlex.join([sys.executable, "-c", "import time; time.sleep(9)"])
    assert "was stopped" in hook_of(Secret(waits))(ALERT)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"http://chat.example/{SECRET}", "https://"),
        (f"https://me:{SECRET}@chat.example/x", "name or password for chat.example"),
        ("https:///path", "no address"),
        ("'open", "no command"),
        ("", "empty"),
        ("/no/such", "no such command"),
    ],
)
def test_what_is_no_hook(text, said):
    """What cannot be a hook is refused before anything is watched."""
    with pytest.raises(UsageError, match=said) as caught:
        hook_of(Secret(text))
    assert SECRET not in str(caught.value)


def test_a_command_that_vanishes(tmp_path):
    """A command that is gone by the time of an alert is told, no more."""
    script = tmp_path / "hook.sh"
    script.write_text("#!/bin/sh\nexit 3\n")
    script.chmod(0o700)
    hook = hook_of(Secret(str(script)))
    assert hook(ALERT) == "ended with 3"
    script.unlink()
    assert hook(ALERT).startswith("cannot be run")
