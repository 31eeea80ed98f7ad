"""Files that appear whole or not at all."""

import os
import stat
import threading
from pathlib import Path

import pytest

from omskit.errors import ConfigError
from omskit.files import write_whole


@pytest.fixture
def careful_umask():
    """A umask that is not that of most machines, for one test."""
    before = os.umask(0o027)
    yield
    os.umask(before)


@pytest.mark.usefixtures("careful_umask")
@pytest.mark.parametrize(("wanted", "mode"), [({}, 0o640), ({"mode": 0o600}, 0o600)])
def test_the_umask_is_heeded_and_never_set(tmp_path, monkeypatch, wanted, mode):
    """To ask for the umask is to set it, which another thread may never undo."""

    def refused(_):
        message = "the umask was set"
        raise AssertionError(message)

    modes = []

    def write(stream):
        stream.write(b"x")
        modes.append(stat.S_IMODE(os.fstat(stream.fileno()).st_mode))

    with monkeypatch.context() as patch:
        patch.setattr(os, "umask", refused)
        write_whole(tmp_path / "file", write, ConfigError, **wanted)
    modes.append(stat.S_IMODE((tmp_path / "file").stat().st_mode))
    assert modes == [mode, mode]


def test_what_cannot_be_written_leaves_nothing(tmp_path):
    """A folder in the way is an error that names it, and no part of the file stays."""
    target = tmp_path / "file"
    target.mkdir()
    with pytest.raises(ConfigError, match=r"Cannot write .*file: "):
        write_whole(target, lambda out: out.write(b"x"), ConfigError)
    with pytest.raises(ConfigError, match="No such file"):
        write_whole(tmp_path / "no" / "a", lambda out: out.write(b"x"), ConfigError)
    assert list(tmp_path.iterdir()) == [target]


def test_a_link_stays_one_and_its_file_keeps_its_mode(tmp_path):
    """What a link leads to is written, as open as it was, whatever the umask."""
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_bytes(b"before")
    target.chmod(0o640)
    link.symlink_to(target)
    write_whole(link, lambda out: out.write(b"after"), ConfigError)
    assert link.is_symlink()
    assert target.read_bytes() == b"after"
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    write_whole(link, lambda out: out.write(b"mine"), ConfigError, mode=0o600)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert sorted(tmp_path.iterdir()) == [link, target]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes")
def test_a_pipe_is_written_to_and_not_replaced(tmp_path):
    """Whoever reads from a pipe gets the bytes; it is a pipe afterwards."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    got = []
    reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()))
    reader.start()
    write_whole(pipe, lambda out: out.write(b"rows"), ConfigError)
    reader.join(10)
    assert got == [b"rows"]
    assert pipe.is_fifo()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="has no /dev/full")  # noqa: PTH110
def test_a_full_device_is_an_error_and_stays_a_device():
    """What does not fit is told, and no device becomes a file."""
    device = Path("/dev/full")
    with pytest.raises(ConfigError, match="No space left"):
        write_whole(device, lambda out: out.write(b"x" * 9999), ConfigError)
    assert device.is_char_device()
