"""Signed tokens (JWT with RS256): the login service makes them, the service reads."""

from __future__ import annotations

import base64
import binascii
import json
from typing import TYPE_CHECKING, Any

from omskit._extras import load

if TYPE_CHECKING:
    from collections.abc import Mapping

_PURPOSE = "play the CERN login service"
_PRIMITIVES = "cryptography.hazmat.primitives"
_ALGORITHM = "RS256"
_BITS = 2048
_EXPONENT = 65537


class BadTokenError(ValueError):
    """Text that is no token of this key."""


class SigningKey:
    """A key pair of its own, made when the login service starts.

    Cost: about 0.1 s to make.

    Raises:
        MissingExtraError: cryptography is not installed; tsgauth brings it.
    """

    def __init__(self) -> None:
        rsa = load(f"{_PRIMITIVES}.asymmetric.rsa", _PURPOSE)
        padding = load(f"{_PRIMITIVES}.asymmetric.padding", _PURPOSE)
        hashes = load(f"{_PRIMITIVES}.hashes", _PURPOSE)
        self._private = rsa.generate_private_key(_EXPONENT, _BITS)
        self._public = self._private.public_key()
        self._how = (padding.PKCS1v15(), hashes.SHA256())
        modulus = self._public.public_numbers().n
        self.kid = packed(modulus.to_bytes(_BITS // 8))[:16]

    def key_set(self) -> dict[str, Any]:
        """The public half, as a JSON Web Key Set."""
        modulus = self._public.public_numbers().n.to_bytes(_BITS // 8)
        key = {
            "kid": self.kid,
            "kty": "RSA",
            "alg": _ALGORITHM,
            "use": "sig",
            "n": packed(modulus),
            "e": packed(_EXPONENT.to_bytes(3)),
        }
        return {"keys": [key]}

    def signed(self, claims: Mapping[str, Any]) -> str:
        """A token that says *claims*."""
        header = {"alg": _ALGORITHM, "typ": "JWT", "kid": self.kid}
        parts = [packed(json.dumps(part).encode()) for part in (header, dict(claims))]
        text = ".".join(parts)
        return f"{text}.{packed(self._private.sign(text.encode(), *self._how))}"

    def read(self, token: str) -> dict[str, Any]:
        """The claims of a token of this key; whether it is still good is not judged.

        Raises:
            BadTokenError: Anything else.
        """
        try:
            head, body, signature = token.split(".")
            kind = json.loads(unpacked(head)).get("alg")
            text = f"{head}.{body}".encode()
            self._public.verify(unpacked(signature), text, *self._how)
            claims = json.loads(unpacked(body))
        except Exception as error:
            # cryptography has an error of its own for a signature that does not fit.
            message = "no token of this key"
            raise BadTokenError(message) from error
        if kind != _ALGORITHM:
            message = f"the algorithm is {kind!r}, not {_ALGORITHM}"
            raise BadTokenError(message)
        return dict(claims)


def packed(data: bytes) -> str:
    """Base64 as tokens have it.

    Example:
        >>> packed(b"??>"), unpacked(packed(b"??>"))
        ('Pz8-', b'??>')
    """
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def unpacked(text: str) -> bytes:
    """What `packed` made its text from.

    Raises:
        BadTokenError: The text is no base64.
    """
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        message = "no base64"
        raise BadTokenError(message) from error
