"""
Keyed hashes and sealed texts: one secret of the installation, a purpose for each use.

The secret lies outside the database (`DIR/secret.key`, mode 0600, or the environment), so that whoever can write the
database cannot rebuild the chain.
"""

import base64
import hashlib
import os
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

LEAST_BYTES = 32
NONCE_BYTES = 12


class BadKey(ValueError):  # noqa: N818 - named for what is wrong
    """The secret key cannot be used; the text says which and what to do."""


class Keys:
    """Keyed hashes of one installation, each purpose with a key of its own."""

    def __init__(self, secret: bytes) -> None:
        if len(secret) < LEAST_BYTES:
            raise BadKey("the secret key must have at least 64 hex digits: put the right key back")
        self._secret = secret
        self._derived: dict[str, bytes] = {}

    def of(self, purpose: str) -> bytes:
        """Return the 32-byte key of a purpose."""
        if purpose not in self._derived:
            self._derived[purpose] = hashlib.blake2b(purpose.encode(), key=self._secret[:64], digest_size=32).digest()
        return self._derived[purpose]

    def digest(self, purpose: str, content: bytes, size: int = 16) -> str:
        """Return the keyed hash of a content in hex: `size` bytes, twice as many digits."""
        return hashlib.blake2b(content, key=self.of(purpose), digest_size=size).hexdigest()

    def seal(self, purpose: str, text: str, place: str = "") -> str:
        """
        Encrypt a text (AES-256-GCM), so that only this secret and this purpose open it; the key's id goes first.

        place  where it is kept: sealed text that was moved to another place does not open
        """
        nonce = secrets.token_bytes(NONCE_BYTES)
        sealed = AESGCM(self.of(f"seal {purpose}")).encrypt(nonce, text.encode(), (purpose + place).encode())
        return f"{self._key_id(purpose)}.{base64.urlsafe_b64encode(nonce + sealed).decode().rstrip('=')}"

    def open(self, purpose: str, sealed: str, place: str = "") -> str | None:
        """Decrypt what `seal` made; None for anything else."""
        key_id, _, body = sealed.partition(".")
        if key_id != self._key_id(purpose):
            return None
        try:
            raw = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))
            return (
                AESGCM(self.of(f"seal {purpose}"))
                .decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], (purpose + place).encode())
                .decode()
            )
        except (ValueError, InvalidTag):
            return None

    def _key_id(self, purpose: str) -> str:
        return self.digest(f"id of seal {purpose}", b"", 4)


def read_or_create(path: Path) -> bytes:
    """Return the secret in a file of hex digits; make the file, readable by its owner only, when there is none."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_hex(32) + "\n")
            file.flush()
            os.fsync(file.fileno())
    try:
        secret = bytes.fromhex(path.read_text("ascii").strip())
    except ValueError:
        raise BadKey(f"{path} does not hold hex digits: put the key of this database back") from None
    if len(secret) < LEAST_BYTES:
        raise BadKey(f"{path} holds fewer than 64 hex digits: put the key of this database back")
    return secret
