"""Certification files on disk."""

from __future__ import annotations

import hashlib
import io
import json
from typing import TYPE_CHECKING

import pytest

from omskit import Client, Table, __version__
from omskit.errors import MaskError
from omskit.lumi import LumiMask, dcs_mask, provenance_of
from omskit.lumi.files import read_mask, write_mask

if TYPE_CHECKING:
    from pathlib import Path

MASK = LumiMask.from_ranges([(297050, 12, 137), (297056, 12, 203)])
TEXT = b'{"297050": [[12, 137]],\n "297056": [[12, 203]]}\n'


def test_a_file_is_written_as_cmssw_does_and_read_back(tmp_path: Path) -> None:
    """The bytes are CMSSW's, and reading them gives the mask."""
    path = write_mask(MASK, tmp_path / "mask.json")
    assert path.read_bytes() == TEXT
    assert read_mask(path, strict=True) == MASK
    assert read_mask(str(path)) == MASK
    assert [p.name for p in tmp_path.iterdir()] == ["mask.json"]


@pytest.mark.parametrize("source", [io.BytesIO(TEXT), io.StringIO(TEXT.decode())])
def test_open_files_are_read_too(source: io.BytesIO | io.StringIO) -> None:
    """A file object in bytes or text does as well as a path."""
    assert read_mask(source) == MASK


def test_a_file_that_is_there_is_kept(tmp_path: Path) -> None:
    """Nothing is overwritten unless asked for."""
    path = tmp_path / "mask.json"
    path.write_text("precious")
    with pytest.raises(MaskError, match="overwrite=True"):
        write_mask(MASK, path)
    assert path.read_text() == "precious"
    write_mask(MASK, path, overwrite=True)
    assert read_mask(path) == MASK


def test_a_sidecar_tells_where_a_mask_comes_from(tmp_path: Path) -> None:
    """Provenance is written beside the file with its hash and counts."""
    write_mask(MASK, tmp_path / "m.json", provenance={"instance": "demo"})
    facts = json.loads((tmp_path / "m.json.provenance.json").read_text())
    assert facts == {
        "file": "m.json",
        "sha256": hashlib.sha256(TEXT).hexdigest(),
        "omskit": __version__,
        "canonical_sha256": hashlib.sha256(TEXT.rstrip()).hexdigest(),
        "runs": 2,
        "lumisections": 318,
        "instance": "demo",
    }


def test_open_ends_are_written_on_request_only(tmp_path: Path) -> None:
    """An open end raises before a file appears, unless it is asked for."""
    whole = LumiMask.from_json({"5": [[-1]]})
    with pytest.raises(MaskError, match="without an end"):
        write_mask(whole, tmp_path / "m.json")
    assert not list(tmp_path.iterdir())
    write_mask(whole, tmp_path / "m.json", strict=False, provenance={})
    assert list(read_mask(tmp_path / "m.json").ranges()) == [(5, 1, None)]
    facts = json.loads((tmp_path / "m.json.provenance.json").read_text())
    assert facts["lumisections"] is None


def test_files_that_cannot_be_read_or_written_are_named(tmp_path: Path) -> None:
    """Every failure names the file."""
    with pytest.raises(MaskError, match=r"Cannot read the mask .*none\.json"):
        read_mask(tmp_path / "none.json")
    with pytest.raises(MaskError, match=r"Cannot write .*none"):
        write_mask(MASK, tmp_path / "none" / "m.json")
    (tmp_path / "bad.json").write_text('{"5": [[9, 1]]}')
    with pytest.raises(MaskError, match=r"bad\.json: Run 5 has the range \[9, 1\]"):
        read_mask(tmp_path / "bad.json")


def test_the_sidecar_of_a_mask_from_oms_tells_query_instance_and_time(tmp_path) -> None:
    """A table's receipt goes into the sidecar, and the demo is called simulated."""
    with Client("demo") as oms:
        table = oms.lumisections(306458)
    mask = dcs_mask(table, "all").good
    facts = provenance_of(table, require=["all"])
    write_mask(mask, tmp_path / "m.json", provenance=facts)
    written = json.loads((tmp_path / "m.json.provenance.json").read_text())
    assert written["require"] == ["all"]
    assert any("306458" in url for url in written["query"])
    assert written["instance"] == table.receipt.service
    assert written["time"].startswith("20")
    assert written["simulated"] is True
    assert "complete" not in written
    partial = Table(table.arrow, complete=False)
    assert provenance_of(partial) == {"resource": "", "complete": False}


def test_urls_are_fetched_by_whoever_is_given() -> None:
    """A URL needs somebody to fetch it, as nothing here talks to a network."""
    url = "https://example.invalid/mask.json"
    asked = []

    def fetch(text):
        asked.append(text)
        return TEXT

    assert read_mask(url, fetch=fetch) == MASK
    assert asked == [url]
    with pytest.raises(MaskError, match="fetch="):
        read_mask(url)
    with pytest.raises(MaskError, match="web page"):
        read_mask(io.StringIO("<html>"))


def test_a_mask_can_be_read_by_others(tmp_path) -> None:
    """A written file has the rights of any new file, and leaves no other behind."""
    (tmp_path / "plain").touch()
    path = write_mask(MASK, tmp_path / "m.json")
    assert path.stat().st_mode == (tmp_path / "plain").stat().st_mode
    (tmp_path / "folder").mkdir()
    with pytest.raises(MaskError, match="Cannot write"):
        write_mask(MASK, tmp_path / "folder", overwrite=True)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["folder", "m.json", "plain"]
