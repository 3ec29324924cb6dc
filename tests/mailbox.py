"""
A real mail server for tests: takes mail over SMTP on any free port, and may be told to be dead, busy or choosy.
"""

import contextlib
import email
import email.policy
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

USER, PASSWORD = "kalita", "open sesame"
END_S = 10


@dataclass
class Mailbox:
    """
    What arrived.

    login   only who logged in may send
    refuse  what the next recipients are answered with, like `550 no such user`
    """

    port: int
    login: bool = False
    mails: list[EmailMessage] = field(default_factory=list)
    refuse: list[str] = field(default_factory=list)
    arrived: threading.Condition = field(default_factory=threading.Condition)

    @property
    def settings(self) -> dict[str, str]:
        """The environment that makes a server use it."""
        return {
            "KALITA_SMTP_HOST": "127.0.0.1", "KALITA_SMTP_PORT": str(self.port), "KALITA_SMTP_TLS": "none",
            "KALITA_MAIL_FROM": "wallet@kalita.example",
        }  # fmt: skip

    async def handle_MAIL(  # noqa: N802 - aiosmtpd's names
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take a sender, or not."""
        if self.login and not session.authenticated:
            return "530 log in first"
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take a recipient, or not."""
        if self.refuse:
            return self.refuse.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Take a mail."""
        content: Any = envelope.content
        mail = email.message_from_bytes(content, policy=email.policy.default)
        assert isinstance(mail, EmailMessage)
        mail["X-Envelope"] = f"{envelope.mail_from} {' '.join(envelope.rcpt_tos)}"
        with self.arrived:
            self.mails.append(mail)
            self.arrived.notify_all()
        return "250 taken"

    def wait(self, count: int, seconds: float = 20) -> list[EmailMessage]:
        """Wait until so many have arrived; return them."""
        ends = time.monotonic() + seconds
        with self.arrived:
            while len(self.mails) < count:
                left = ends - time.monotonic()
                assert left > 0, f"{len(self.mails)} mails of {count} arrived"
                self.arrived.wait(left)
            return list(self.mails)


def _free_port() -> int:
    with socket.socket() as chosen:
        chosen.bind(("127.0.0.1", 0))
        port: int = chosen.getsockname()[1]
        return port


def _login(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
    right = isinstance(data, LoginPassword) and (data.login, data.password) == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=right, handled=right)


class _Controller(Controller):
    """One that ends when its connections have ended, those too that never became a conversation."""

    def connections(self) -> int:
        """Return how many there are. Python up to 3.12 counts them, later ones list them; neither says so aloud."""
        return getattr(self.server, "_active_count", 0) or len(getattr(self.server, "_clients", ()))

    def end(self) -> None:
        """Wait for the connections, then stop: one that is open then would be found by whichever test comes next."""
        ends = time.monotonic() + END_S
        while self.connections() and time.monotonic() < ends:
            time.sleep(0.01)
        self.stop()


@contextlib.contextmanager
def mailbox(
    port: int = 0, login: bool = False, starttls: ssl.SSLContext | None = None, tls: ssl.SSLContext | None = None
) -> Iterator[Mailbox]:
    """
    Run a mail server until the block ends.

    login     it takes mail only from who knows the password
    starttls  it takes mail only after a change to TLS; tls: it speaks nothing else
    """
    box = Mailbox(port or _free_port(), login)
    needs: dict[str, Any] = {"authenticator": _login, "auth_require_tls": False} if login else {}
    if starttls:
        needs |= {"tls_context": starttls, "require_starttls": True}
    controller = _Controller(box, hostname="127.0.0.1", port=box.port, ssl_context=tls, **needs)
    controller.start()
    try:
        yield box
    finally:
        controller.end()
