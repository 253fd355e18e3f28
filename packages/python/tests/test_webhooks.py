"""`docle.webhooks`: what the service sends is verified, and nothing else."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Dict

import pytest

from docle.webhooks import WebhookVerificationError, verify

NOW = 1_769_860_800
SECRET, OTHER = (f"whsec_{base64.b64encode(bytes([number]) * 32).decode()}" for number in (1, 2))
BODY = '{"type":"run.completed","data":{"stdout":"é\\n"}}'
MESSAGE = {"type": "run.completed", "data": {"stdout": "é\n"}}


def signed(secret: str = SECRET, age: int = 0) -> Dict[str, str]:
    at = str(NOW - age)
    key = base64.b64decode(secret[len("whsec_") :])
    code = hmac.new(key, f"msg_1.{at}.{BODY}".encode(), hashlib.sha256).digest()
    return {"Webhook-Id": "msg_1", "webhook-timestamp": at, "webhook-signature": f"v1,{base64.b64encode(code).decode()}"}


def test_a_message_that_is_signed_by_the_secret_is_read() -> None:
    assert verify(BODY, signed(), SECRET, now=NOW) == MESSAGE
    assert verify(BODY.encode(), signed(), [OTHER, SECRET], now=NOW) == MESSAGE
    both = {**signed(), "webhook-signature": f"v1a,x {signed(OTHER)['webhook-signature']} {signed()['webhook-signature']}"}
    assert verify(BODY, both, SECRET, now=NOW) == MESSAGE
    for age in (299, -299):
        assert verify(BODY, signed(age=age), SECRET, now=NOW) == MESSAGE


@pytest.mark.parametrize(
    "headers",
    [
        signed(OTHER),
        signed(age=301),
        signed(age=-301),
        {**signed(), "Webhook-Id": "msg_2"},
        {**signed(), "webhook-timestamp": str(NOW + 1)},
        {**signed(), "webhook-timestamp": "1e9"},
        {**signed(), "webhook-timestamp": "-1"},
        {**signed(), "webhook-timestamp": "²"},
        {**signed(), "webhook-signature": "v1,"},
        {**signed(), "webhook-signature": "v1,é"},
        {**signed(), "webhook-signature": "v2" + signed()["webhook-signature"][2:]},
        {**signed(), "webhook-signature": ""},
        {"webhook-id": "msg_1"},
    ],
)
def test_every_other_message_is_refused(headers: Dict[str, str]) -> None:
    with pytest.raises(WebhookVerificationError):
        verify(BODY, headers, SECRET, now=NOW)


def test_another_body_and_a_secret_that_is_none_are_refused() -> None:
    with pytest.raises(WebhookVerificationError):
        verify(BODY + " ", signed(), SECRET, now=NOW)
    with pytest.raises(WebhookVerificationError):
        verify(BODY, signed(), [], now=NOW)
    for wrong in ("", "whsec_", "whsec_é", "whsec_*"):
        with pytest.raises(ValueError):
            verify(BODY, signed(), wrong, now=NOW)
