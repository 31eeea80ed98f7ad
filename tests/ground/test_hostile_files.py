"""Files that are given to be read and are none, or hold what no reader follows."""

from __future__ import annotations

import os

import pytest

from omskit import ConfigError, UsageError
from omskit.config import find_instance, read_config
from omskit.files import read_file
from omskit.server.faults.plan import plan_from_file
from omskit.server.sso.registry import registry_from_file
from omskit.table.receipt_files import find_receipt
from omskit.testing.conversation import player
from omskit.transport.tls import tls_context

DEEP = "[" * 20_000
TEXTS = {
    "deep": f"a = {DEEP}",
    "deep keys": "a" + ".a" * 1_000 + " = 1",
    "huge integer": "a = " + "9" * 10_000,
    "no text": b"\xff\xfe",
    "half": "[credentials",
}


def configured(path):
    """What reads the configuration file."""
    os.environ["OMSKIT_CONFIG"] = str(path)
    read_config()


READERS = {
    "configuration": (configured, ConfigError),
    "faults": (plan_from_file, ConfigError),
    "applications": (registry_from_file, ConfigError),
    "conversation": (player, ConfigError),
    "receipt": (find_receipt, UsageError),
    "certificates": (tls_context, ConfigError),
}


@pytest.fixture(autouse=True)
def _environment(monkeypatch):
    """The variable is as it was, after each test."""
    monkeypatch.setenv("OMSKIT_CONFIG", "")


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("text", TEXTS)
def test_what_no_reader_follows_is_refused(reader, text, tmp_path):
    """Nested without end, numbers without end, no text at all: one clear line."""
    read, refusal = READERS[reader]
    path = tmp_path / "file"
    content = TEXTS[text]
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(refusal) as told:
        read(path)
    assert len(str(told.value)) < 500


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
def test_what_is_no_file_is_not_waited_for(reader, kind, tmp_path):
    """A named pipe would be read without end; a device may have no end."""
    read, refusal = READERS[reader]
    if reader == "certificates" and kind == "folder":
        pytest.skip("a folder of certificates is one")
    path = tmp_path / "file"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to("/dev/zero")
    with pytest.raises(refusal, match=r"pipe|directory|OSError"):
        read(path)


def test_an_open_stream_is_read():
    """What a shell hands over as /dev/fd/N is the user's word."""
    there, here = os.pipe()
    os.write(here, b"rows")
    os.close(here)
    try:
        from pathlib import Path

        assert read_file(Path(f"/dev/fd/{there}")) == b"rows"
    finally:
        os.close(there)


def test_an_instance_is_refused_with_the_file(tmp_path):
    """The whole way in ends in one clear line, too."""
    path = tmp_path / "file"
    path.write_text(TEXTS["deep"])
    os.environ["OMSKIT_CONFIG"] = str(path)
    with pytest.raises(ConfigError, match="nested too deeply"):
        find_instance("demo")
