"""Addresses to which the sender of webhooks connects, and to which it must not."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from schema.core.database import Database
from schema.core.states import DeliveryState
from tests.workers.webhooks.conftest import ATTEMPTS, ManualClock, add_webhook, only, send_due, tell
from tests.workers.webhooks.receiver import WebhookReceiver, receiving
from workers.webhooks.delivery import WebhookSender


def test_a_private_address_is_refused_before_anything_is_sent(
    database: Database, receiver: WebhookReceiver, clock: ManualClock
) -> None:
    add_webhook(database, receiver.url())
    tell(database)
    send_due(WebhookSender(database=database, attempts_limit=ATTEMPTS, allow_private=False, clock=clock))
    assert receiver.requests == []
    assert "127.0.0.1, which is not a public address" in str(only(database).error)


Resolve = Callable[..., list[tuple[object, ...]]]


def resolver(asked: list[str]) -> Resolve:
    """Resolves a name to this machine, and when asked again to a metadata service, as in DNS rebinding."""

    def resolve(host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        asked.append(host)
        address = "127.0.0.1" if asked.count(host) == 1 else "169.254.169.254"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    return resolve


def test_the_sender_connects_to_the_address_that_was_checked(
    database: Database, receiver: WebhookReceiver, sender: WebhookSender, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(socket, "getaddrinfo", resolver(asked))
    add_webhook(database, receiver.url("hooks.example.com"))
    tell(database)
    send_due(sender)
    assert asked == ["hooks.example.com"]
    assert receiver.requests[0].headers["Host"] == f"hooks.example.com:{receiver.port}"
    assert only(database).state == DeliveryState.DELIVERED


def certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """A self-signed certificate for *name*, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    built = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime.now(UTC) - timedelta(days=1))
        .not_valid_after(datetime.now(UTC) + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "certificate.pem", folder / "key.pem"
    paths[0].write_bytes(built.public_bytes(serialization.Encoding.PEM))
    encoded = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    paths[1].write_bytes(encoded)
    return paths


@pytest.mark.parametrize(("host", "state"), [("hooks.example.com", "delivered"), ("other.example.com", "pending")])
def test_the_certificate_must_be_valid_for_the_host_name(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str, state: str
) -> None:
    public, private = certificate(tmp_path, "hooks.example.com")
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    served.load_cert_chain(public, private)
    monkeypatch.setattr(socket, "getaddrinfo", resolver([]))
    trust = ssl.create_default_context(cafile=str(public))
    with receiving(served) as receiver:
        add_webhook(database, receiver.url(host))
        tell(database)
        send_due(WebhookSender(database=database, attempts_limit=ATTEMPTS, allow_private=True, trust=trust))
        assert len(receiver.requests) == (state == "delivered")
    assert only(database).state == state
