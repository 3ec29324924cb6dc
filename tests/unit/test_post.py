"""Mail that waits: sent once, put off when the mail server is dead, kept from two senders, given up after days."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path

import pytest
from aiosmtplib import SMTPDataError

from kalita.clock import DAY, HOUR, MINUTE, SECOND, Clock
from kalita.keys import Keys
from kalita.messages import post
from kalita.messages.mail import Mail, RefusedMail
from kalita.messages.post import Post
from kalita.observe import set_up_log
from kalita.storage.engine import Engine
from tests.books import ALICE, BOB, ENGINES, KEYS, Factory

MANY = 1_000


@dataclass
class Box:
    """A way out that a test looks into. trouble: what the next mails meet."""

    sent: list[EmailMessage] = field(default_factory=list)
    trouble: list[Exception] = field(default_factory=list)

    async def send(self, message: EmailMessage) -> None:
        """Take a mail, after a moment in which others may come."""
        await asyncio.sleep(0.002)
        if self.trouble:
            raise self.trouble.pop(0)
        self.sent.append(message)

    @property
    def to(self) -> list[str]:
        """Whom the mails went to."""
        return [str(message["To"]) for message in self.sent]


@dataclass
class Now:
    """The machine's clock, moved by hand."""

    now: int = 10**15

    def __call__(self) -> int:
        """Return microseconds."""
        return self.now


Run = Callable[[Callable[[Engine], Awaitable[None]]], None]


@pytest.fixture(params=ENGINES.values(), ids=ENGINES)
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Run:
    """Run work on a new database, on every engine."""
    factory: Factory = request.param

    async def on_engine(work: Callable[[Engine], Awaitable[None]]) -> None:
        engine = factory(tmp_path)
        try:
            await work(engine)
        finally:
            await engine.close()

    return lambda work: asyncio.run(on_engine(work))


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> Now:
    """The clock of leases and pauses."""
    hand = Now()
    monkeypatch.setattr(post, "_now", hand)
    return hand


def office(engine: Engine, box: Box, keys: Keys = KEYS) -> Post:
    """Return a post of a process of its own."""
    return Post(engine, keys, Clock(), box, "kalita@example.org")


def mail(number: int) -> Mail:
    """Return a mail to somebody."""
    return Mail(f"to{number}@example.org", "Тема", "Текст")


async def emptied(one: Post, box: Box) -> None:
    """Send until nothing is due."""
    while await one.send_due(box):
        pass


def test_several_senders_send_each_mail_once(run: Run) -> None:
    """Whoever takes a mail has it for himself."""

    async def work(engine: Engine) -> None:
        box = Box()
        offices = [office(engine, box) for _ in range(4)]
        for number in range(40):
            assert await offices[0].queue(ALICE + number % 3, "receipt", mail(number), MANY)
        await asyncio.gather(*(emptied(one, box) for one in offices))
        await emptied(offices[0], box)
        assert sorted(box.to) == sorted(f"to{number}@example.org" for number in range(40))

    run(work)


def test_dead_sender_s_mail_is_taken_over_after_its_lease(run: Run, now: Now) -> None:
    """Who died while he sent: another tries again, with the same Message-ID, when the lease is over and no earlier."""

    async def work(engine: Engine) -> None:
        died, box = Box(), Box()
        died.trouble = [asyncio.CancelledError()]
        first, second = office(engine, died), office(engine, box)
        await first.queue(ALICE, "receipt", mail(1), MANY)
        with pytest.raises(asyncio.CancelledError):
            await first.send_due(died)
        now.now += post.LEASE - 1
        assert await second.send_due(box) == 0
        now.now += 2
        assert await second.send_due(box) == 1
        assert (box.to, await second.send_due(box)) == (["to1@example.org"], 0)

    run(work)


def test_dead_mail_server_is_tried_less_and_less_often(run: Run, now: Now) -> None:
    """10 s, 20 s, 40 s … an hour; after three days the mail is dropped."""

    async def work(engine: Engine) -> None:
        box, pauses = Box(), []
        one = office(engine, box)
        await one.queue(ALICE, "receipt", mail(1), MANY)
        begun = last = now.now
        while now.now - begun < 3 * DAY + 2 * HOUR:
            box.trouble = [ConnectionRefusedError("dead")]
            if await one.send_due(box):
                pauses.append(now.now - last)
                last = now.now
            now.now += 10 * SECOND if now.now - begun < 2 * MINUTE else 10 * MINUTE
        assert pauses[:4] == [0, 10 * SECOND, 20 * SECOND, 40 * SECOND]
        assert HOUR <= max(pauses) <= HOUR + 10 * MINUTE
        assert 3 * DAY < last - begun <= 3 * DAY + 2 * HOUR
        assert await engine.all("mail_claimed", "", 0) == []

    run(work)


@pytest.mark.parametrize("trouble", [ConnectionRefusedError("dead"), RefusedMail("550 no such user")])
def test_trouble_with_one_mail_holds_up_no_other(run: Run, now: Now, trouble: Exception) -> None:
    """The others of the batch go out at once; what was put off goes later, what was refused never."""

    async def work(engine: Engine) -> None:
        box = Box(trouble=[trouble])
        one = office(engine, box)
        for number in range(5):
            await one.queue(BOB, "receipt", mail(number), MANY)
        await emptied(one, box)
        assert len(box.sent) == 4
        now.now += MINUTE
        await emptied(one, box)
        assert len(box.sent) == (4 if isinstance(trouble, RefusedMail) else 5)

    run(work)


@pytest.mark.parametrize(
    "trouble",
    [
        RefusedMail(
            "[SMTPRecipientRefused(550, '5.1.1 <ivan@mail.example.org>: no such user', 'ivan@mail.example.org')]"
        ),
        SMTPDataError(451, "greylisted, ivan@mail.example.org"),
    ],
)
def test_the_log_does_not_say_who_gets_mail(run: Run, capsys: pytest.CaptureFixture[str], trouble: Exception) -> None:
    """Mail servers repeat the address in what they say; the rest of it is kept."""

    async def work(engine: Engine) -> None:
        box = Box(trouble=[trouble])
        one = office(engine, box)
        await one.queue(BOB, "receipt", mail(1), MANY)
        await one.send_due(box)

    set_up_log()
    run(work)
    said = capsys.readouterr().err
    assert "mail_" in said
    assert "user" in said or "greylisted" in said
    assert "ivan" not in said


def test_most_a_day_is_counted_for_each_wallet_and_topic(run: Run) -> None:
    """However many ask at once, no more than the figure are queued; others are not touched by it."""

    async def work(engine: Engine) -> None:
        box = Box()
        one = office(engine, box)
        answers = await asyncio.gather(*(one.queue(ALICE, "receipt", mail(number), 7) for number in range(30)))
        assert sum(answers) == 7
        assert await one.queue(ALICE, "notice", mail(0), 7)
        assert await one.queue(BOB, "receipt", mail(0), 7)
        await emptied(one, box)
        assert len(box.sent) == 9

    run(work)


def test_mail_sealed_with_another_key_is_dropped(run: Run) -> None:
    """What cannot be opened holds nobody up, and nothing of it is sent."""

    async def work(engine: Engine) -> None:
        box = Box()
        await office(engine, box, Keys(b"another installation's secret key")).queue(ALICE, "receipt", mail(1), MANY)
        one = office(engine, box)
        await one.queue(ALICE, "receipt", mail(2), MANY)
        await emptied(one, box)
        assert box.to == ["to2@example.org"]

    run(work)
