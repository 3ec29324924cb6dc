"""
The `osmp` connector over TLS: a provider whose certificate an authority of the operator's own signed.

Guarantee: only a certificate of the authority that the operator named is trusted, for the name that was called.
"""

import ipaddress
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.api.house import House, payment


def certificate(folder: Path, name: str, signer: tuple[x509.Certificate, ec.EllipticCurvePrivateKey] | None) -> tuple:
    """Make a certificate for 127.0.0.1, or an authority when nobody signs it; return it and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(signer[0].subject if signer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=signer is None, path_length=None), critical=True)
    )
    if signer:
        alternative = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        builder = builder.add_extension(alternative, critical=False)
    made = builder.sign(signer[1] if signer else key, hashes.SHA256())
    pem = serialization.Encoding.PEM
    (folder / f"{name}.pem").write_bytes(made.public_bytes(pem))
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / f"{name}.key").write_bytes(private)
    return made, key


class Provider(BaseHTTPRequestHandler):
    """Take every payment."""

    def do_GET(self) -> None:
        """Answer under the caller's id."""
        txn_id = parse_qs(urlsplit(self.path).query)["txn_id"][0]
        body = (
            f"<response><osmp_txn_id>{txn_id}</osmp_txn_id><prv_txn>1</prv_txn><result>0</result></response>".encode()
        )
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words: object) -> None:
        """Say nothing."""


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """A provider that runs over TLS; `authority.pem` of the folder signed its certificate, `stranger.pem` did not."""
    authority = certificate(tmp_path, "authority", None)
    certificate(tmp_path, "stranger", None)
    certificate(tmp_path, "provider", authority)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "provider.pem", tmp_path / "provider.key")
    server = HTTPServer(("127.0.0.1", 0), Provider)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"https://127.0.0.1:{server.server_port}/pay"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(("ca", "status"), [("authority", "SUCCESS"), ("stranger", "WAITING"), ("", "WAITING")])
def test_only_the_authority_that_was_named_is_trusted(tmp_path: Path, address: str, ca: str, status: str) -> None:
    """Its own: paid. Another one, or the system's: nothing was sent, the money waits."""
    house = House(tmp_path / "house", settings={"demo": True})
    try:
        file = str(tmp_path / f"{ca}.pem") if ca else ""
        house.run(house.app.providers.change({674: {"connector": "osmp", "url": address, "ca": file}}))
        owner = house.wallet(RUB=100_00)
        answer = house.pay(owner, payment(fields={"account": "7"}, amount=10), "674")

        async def work() -> None:
            await house.app.dispatch.round()
            await house.app.dispatch.settled()

        house.run(work())
        facts = house.run(house.app.operator.show(int(answer.json["transaction"]["id"])))
        assert facts["status"] == status, facts
        assert status == "SUCCESS" or "certificate" in facts["payout"]["note"].lower()
    finally:
        house.close()


def test_a_file_that_is_no_authority_leaves_it_waiting(tmp_path: Path, address: str) -> None:
    """The operator is told; nothing breaks."""
    house = House(tmp_path / "house", settings={"demo": True})
    try:
        columns = {"connector": "osmp", "url": address, "ca": str(tmp_path / "nowhere.pem")}
        house.run(house.app.providers.change({674: columns}))
        owner = house.wallet(RUB=100_00)
        answer = house.pay(owner, payment(fields={"account": "7"}, amount=10), "674")

        async def work() -> None:
            await house.app.dispatch.round()
            await house.app.dispatch.settled()

        house.run(work())
        facts = house.run(house.app.operator.show(int(answer.json["transaction"]["id"])))
        assert (facts["status"], facts["payout"]["state"]) == ("WAITING", "asked")
    finally:
        house.close()
