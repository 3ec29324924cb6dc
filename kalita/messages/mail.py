"""
Mail: what is to be sent, and the two ways out: a real mail server, or a folder of a demonstration.

    Refused    the mail server does not want this mail, ever
    any other  it may want it later
"""

import os
import re
import ssl
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from typing import Protocol

import aiosmtplib
import msgspec

TIMEOUT_S = 15
"""What one answer of the mail server may take."""

LONGEST_ADDRESS = 254
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ADDRESS = re.compile(rf"[A-Za-z0-9!#$%&'*+/=?^_`{{|}}~.-]{{1,64}}@{_LABEL}(?:\.{_LABEL})+", re.ASCII)


def is_address(text: str) -> bool:
    """Tell whether a text has the shape of one mail address, and of nothing more: ASCII, at most 254 characters."""
    local = text.partition("@")[0]
    dots = local.startswith(".") or local.endswith(".") or ".." in local
    return len(text) <= LONGEST_ADDRESS and _ADDRESS.fullmatch(text) is not None and not dots


class Attachment(msgspec.Struct, frozen=True):
    """A file in a mail. media: its type, like `application/pdf`."""

    name: str
    media: str
    content: bytes


class Mail(msgspec.Struct, frozen=True):
    """A mail to one address, in plain text."""

    to: str
    subject: str
    text: str
    files: tuple[Attachment, ...] = ()


class RefusedMail(Exception):  # noqa: N818 - named for what happened
    """The mail server will never take this mail: there is no such address, or it does not like the content."""


class Way(Protocol):
    """A way out."""

    async def send(self, message: EmailMessage) -> None:
        """Hand a mail over; RefusedMail when it will never be taken, OSError or SMTPException when not now."""


def composed(mail: Mail, sender: str, number: str, queued_at: int) -> EmailMessage:
    """
    Compose a mail. The same number gives the same Message-ID: who gets it twice sees that it is one.

    queued_at  microseconds
    """
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, mail.to, mail.subject
    message["Date"] = format_datetime(datetime.fromtimestamp(queued_at // 1_000_000, UTC))
    message["Message-ID"] = f"<{number}@{sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail.text)
    for one in mail.files:
        main, _, sub = one.media.partition("/")
        message.add_attachment(one.content, maintype=main, subtype=sub, filename=one.name)
    return message


class Smtp:
    """
    A mail server.

    tls  `starttls`: begins in the clear and must change over; `tls` from the first byte; `none`: never
    """

    def __init__(self, host: str, port: int, user: str, password: str, tls: str) -> None:
        self._host, self._port, self._user, self._password, self._tls = host, port, user, password, tls

    async def send(self, message: EmailMessage) -> None:
        """Hand a mail over. See Way."""
        try:
            await aiosmtplib.send(
                message,
                hostname=self._host,
                port=self._port,
                username=self._user or None,
                password=self._password or None,
                use_tls=self._tls == "tls",
                start_tls=self._tls == "starttls",
                tls_context=ssl.create_default_context() if self._tls != "none" else None,
                timeout=TIMEOUT_S,
            )
        except (aiosmtplib.SMTPRecipientsRefused, aiosmtplib.SMTPDataError) as problem:
            if _for_ever(problem):
                raise RefusedMail(str(problem)) from problem
            raise


def _for_ever(problem: aiosmtplib.SMTPRecipientsRefused | aiosmtplib.SMTPDataError) -> bool:
    if isinstance(problem, aiosmtplib.SMTPRecipientsRefused):
        return all(one.code >= 500 for one in problem.recipients)
    return problem.code >= 500


class Folder:
    """The outbox of a demonstration: each mail is a file that mail programs open."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def send(self, message: EmailMessage) -> None:
        """Write a mail down, whole, readable by the owner only. See Way."""
        self._path.mkdir(mode=0o700, parents=True, exist_ok=True)
        number = str(message["Message-ID"]).strip("<>").partition("@")[0]
        partial = self._path / f"{number}.part"
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(message.as_bytes())
        partial.replace(partial.with_suffix(".eml"))
