"""What the file system under a store can do, found out by trying.

A commit of Delta Lake is a hard link that must fail where the name is taken: so of two
writers one loses, and tries again. Where a second link succeeds or links do not exist
(AFS, EOS over FUSE, some NFS), the last writer would win without a word, so nothing is
written there.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from omskit.errors import StoreError

if TYPE_CHECKING:
    from pathlib import Path

_CONTENT = b"omskit\n"


@dataclass(frozen=True, slots=True)
class Probe:
    """What was found.

    Attributes:
        links: A file can be given a second name.
        refuses: A name that is taken is refused: of two writers one is told.
        reads_back: What was written is what is read by a fresh open.
        syncs: ``fsync`` of files and folders works.
    """

    links: bool = False
    refuses: bool = False
    reads_back: bool = False
    syncs: bool = False

    @property
    def holds(self) -> bool:
        """Several processes can write here, and none loses what another wrote."""
        return self.links and self.refuses and self.reads_back

    def as_dict(self) -> dict[str, bool]:
        """For the file that says what the store is."""
        return asdict(self)


def probe(folder: Path) -> Probe:
    """Try in *folder*, which must exist; nothing is left behind.

    Raises:
        StoreError: Nothing can be written there.
    """
    place = folder / f".omskit-probe-{os.urandom(6).hex()}"
    try:
        place.mkdir()
    except OSError as error:
        message = (
            f"Nothing can be written to {folder}: {error.strerror}. A store that is "
            "there can still be read."
        )
        raise StoreError(message) from error
    try:
        return _tried(place)
    except OSError as error:
        message = f"Nothing can be written to {folder}: {error.strerror}."
        raise StoreError(message) from error
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _tried(place: Path) -> Probe:
    source, target = place / "source", place / "target"
    source.write_bytes(_CONTENT)
    syncs = _can_sync(source) and _can_sync(place)
    try:
        os.link(source, target)
    except OSError:
        return Probe(reads_back=source.read_bytes() == _CONTENT, syncs=syncs)
    try:
        os.link(source, target)
    except FileExistsError:
        refuses = True
    else:
        refuses = False
    reads_back = target.read_bytes() == _CONTENT
    return Probe(links=True, refuses=refuses, reads_back=reads_back, syncs=syncs)


def _can_sync(path: Path) -> bool:
    try:
        sync_path(path)
    except OSError:
        return False
    return True


def sync_path(path: Path) -> None:
    """Have a file, or the names in a folder, on the disk before returning."""
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
