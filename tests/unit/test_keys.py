"""Keyed hashes of one installation."""

import stat
from pathlib import Path

import pytest

from kalita.keys import Keys, read_or_create


def test_secret_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    """The file is readable by its owner only and stays what it is."""
    path = tmp_path / "deep" / "secret.key"
    secret = read_or_create(path)
    assert len(secret) == 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read_or_create(path) == secret
    assert read_or_create(tmp_path / "other.key") != secret


def test_every_purpose_has_its_own_hash() -> None:
    """A hash made for one purpose says nothing in another, nor under another secret."""
    keys, other = Keys(b"a" * 32), Keys(b"b" * 32)
    hashes = {keys.digest("meaning", b"x"), keys.digest("check", b"x"), other.digest("meaning", b"x")}
    assert len(hashes) == 3
    assert keys.digest("meaning", b"x") in hashes
    assert len(keys.digest("meaning", b"x", 8)) == 16


def test_short_secret_is_refused() -> None:
    """A weak key would let the chain be rebuilt."""
    with pytest.raises(ValueError, match="64 hex digits"):
        Keys(b"short")
