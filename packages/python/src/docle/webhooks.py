"""Verifies what the service sends to a webhook: signatures of Standard Webhooks."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import time
from typing import Any, Dict, Mapping, Optional, Sequence, Union

from ._errors import DocleError

__all__ = ["WebhookVerificationError", "verify"]

TOLERANCE_SECONDS = 300
"""How far the clock of the receiver may be off, and how long a message may be on its way."""


class WebhookVerificationError(DocleError):
    """A request that the service has not sent, or that is too old."""


def verify(body: Union[str, bytes], headers: Mapping[str, str], secrets: Union[str, Sequence[str]], *, now: Optional[float] = None) -> Dict[str, Any]:
    """Returns the message in a request to a webhook.

    `body` is the body as it arrived, because JSON that was read and written again has another signature. `secrets` is the secret of
    the project, or several of which one has signed. The message may have arrived before: keep its header `webhook-id`.

    Raises `WebhookVerificationError` if the service has not sent it, or more than five minutes ago.
    """
    content = body.encode() if isinstance(body, str) else body
    found = {name.lower(): value for name, value in headers.items()}
    id, sent_at, signatures = (_header(found, name) for name in ("webhook-id", "webhook-timestamp", "webhook-signature"))
    age = (time.time() if now is None else now) - _seconds(sent_at)
    if abs(age) > TOLERANCE_SECONDS:
        raise WebhookVerificationError("The timestamp of the message is not within five minutes of now.")
    signed = f"{id}.{sent_at}.".encode() + content
    sent = [signature[len("v1,") :] for signature in signatures.split(" ") if signature.startswith("v1,")]
    for secret in [secrets] if isinstance(secrets, str) else secrets:
        expected = base64.b64encode(hmac.new(_key(secret), signed, hashlib.sha256).digest())
        # It compares in a time that does not depend on the signature.
        if any(hmac.compare_digest(expected, one.encode()) for one in sent):
            message: Dict[str, Any] = json.loads(content)
            return message
    raise WebhookVerificationError("No signature of the message is by this secret.")


def _header(headers: Mapping[str, str], name: str) -> str:
    value = headers.get(name)
    if not value:
        raise WebhookVerificationError(f"The request has no header {name}.")
    return value


def _seconds(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise WebhookVerificationError("The timestamp of the message is no number.")
    return int(text)


def _key(secret: str) -> bytes:
    prefix = "whsec_"
    text = secret[len(prefix) :] if secret.startswith(prefix) else secret
    try:
        key = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not key:
        raise ValueError("A webhook secret is whsec_ and base64.")
    return key
