"""The one connection of a role: it waits for the broker, survives its loss, and tells when it is back."""

from __future__ import annotations

import asyncio
import contextlib
import random
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final, cast

import nats.aio.client
import nats.errors
import structlog

from wombat_gitops.adapters.nats import addresses, refusals, requirements
from wombat_gitops.adapters.nats.protocol import BrokerClient, header_bytes
from wombat_gitops.domain import subjects
from wombat_gitops.domain.errors import Denied, DoesNotFit, NobodyAnswers, Unreachable, WombatError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping

    from nats.aio.msg import Msg

    from wombat_gitops.adapters.credentials import Credentials
    from wombat_gitops.domain.access import User
    from wombat_gitops.domain.errors import Refused

_log = structlog.get_logger(__name__)

_READ_BUFFER: Final = 1 << 20
"""Reading objects is twice as fast as with the library's 32 KiB."""


class Connection:
    """A connection that comes back by itself. Made by `connect`.

    Attributes:
        client: the library's client, for subscriptions and the micro service.
        generation: 1, and one more after each reconnect.
        closed: done with a reason when the connection has ended for good; its role must end, too.
        address: the servers that were named, for messages.
        user: who connects, where the credentials say it.
        domain: JetStream domain that holds the streams; "": that of the server itself.
        jetstream: what the subjects begin with on which the broker is asked about streams.
    """

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.client = BrokerClient()
        self.address = self.domain = ""
        self.user: User | None = None
        self.jetstream = subjects.JETSTREAM
        self.generation = 0
        self.closed: asyncio.Future[str] = loop.create_future()
        self._watchers: set[asyncio.Event] = set()
        self._lost: asyncio.Future[None] = loop.create_future()
        self._up = asyncio.Event()
        self._inbox = ""
        self._mailboxes: dict[str, asyncio.Queue[Msg | None]] = {}
        self._numbers = 0
        self._last_error = ""
        self._ending = False
        self._label = ""
        self._servers = 1
        self._refusals = 0
        self._refused: asyncio.Future[WombatError] = loop.create_future()
        self._waiting: dict[str, set[asyncio.Future[Denied]]] = {}
        self._denied: dict[str, Denied] = {}
        self._farewell: asyncio.Task[None] | None = None

    async def open(
        self,
        url: str,
        role: str,
        seconds: float,
        options: Mapping[str, Any],
        credentials: Credentials | None = None,
        domain: str = "",
    ) -> None:
        """Connect; see `connect`."""
        nats.aio.client.DEFAULT_BUFFER_SIZE = _READ_BUFFER
        urls = addresses.servers(url)
        user = self.user = credentials.user if credentials is not None else None
        self._label, self._servers = user.label if user is not None else addresses.user(url) or role, len(urls)
        self.address, self.domain = addresses.shown(url), domain
        self.jetstream = user.jetstream(domain) if user is not None else subjects.jetstream(domain)
        given = {} if credentials is None else credentials.options()
        self.client.encrypted = "tls" in given or any(each.startswith("tls:") for each in urls)
        connecting = asyncio.ensure_future(
            self.client.connect(
                urls,
                name=f"wombat {role}",
                error_cb=self._on_error,
                disconnected_cb=self._on_down,
                reconnected_cb=self._on_up,
                closed_cb=self._on_closed,
                max_reconnect_attempts=-1,
                reconnect_time_wait=cast("int", random.uniform(0.2, 0.3)),  # noqa: S311 - spreads a herd
                ping_interval=10,
                max_outstanding_pings=2,
                inbox_prefix=user.inbox if user is not None else f"_INBOX.{role}",
                **given,
                **options,
            )
        )
        try:
            either: set[asyncio.Future[Any]] = {connecting, self._refused}
            await asyncio.wait(either, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if not connecting.done():
                if self._refused.done():
                    raise self._refused.result()
                raise self._unreachable()
            connecting.result()
        except (OSError, nats.errors.Error) as error:
            raise refusals.refusal(error, self._label) or self._unreachable(error) from error
        finally:
            connecting.cancel()
            await asyncio.gather(connecting, return_exceptions=True)
        if (problem := self._problem()) is not None:
            raise problem
        self._inbox = self.client.new_inbox()
        await self.client.subscribe(f"{self._inbox}.*", cb=self._deliver)
        await self._settle()
        await self._on_up()

    async def _settle(self) -> None:
        """Wait for what the broker says to a new user: the limits of its account."""
        try:
            await self.client.flush()
        except (OSError, nats.errors.Error) as error:
            raise self._unreachable(error) from error
        if (problem := self._problem()) is not None:
            raise problem

    def _problem(self) -> Refused | None:
        """Why this server cannot be used."""
        info = self.client._server_info | {"max_payload": self.max_payload}  # noqa: SLF001 - the library tells it nowhere else
        return requirements.server_problem(info, self.address)

    def _unreachable(self, error: BaseException | None = None) -> Unreachable:
        reason = self._last_error or (_text(error) if error is not None else "no answer")
        return Unreachable(
            f"the broker at `{self.address}` does not answer: {reason}",
            hint="start it with `wombat up`, or set WOMBAT_NATS",
        )

    async def close(self) -> None:
        """End the connection for good."""
        self._ending = True
        if self._farewell is not None:
            await self._farewell
        await self.client.close()

    @property
    def ended(self) -> WombatError:
        """Why the connection has ended for good, once `closed` is done."""
        if self._refused.done():
            return self._refused.result()
        return Unreachable(f"the broker has ended the connection: {self.closed.result()}")

    @property
    def max_payload(self) -> int:
        """Bytes that a message may have now, with its headers."""
        return self.client.max_payload

    def stored_at(self, subject: str) -> str:
        """Where to publish what a stream stores under *subject*: KV values of another domain are sent through its API.

        The broker lets no plain `$KV` subject pass between domains; it maps these, as the official clients do.
        """
        return f"{self.jetstream}.{subject}" if self.domain and subject.startswith("$KV.") else subject

    @property
    def clustered(self) -> bool:
        """The broker is one of several, which may each have a copy of a stream."""
        return "cluster" in self.client._server_info  # noqa: SLF001 - the library tells it nowhere else

    @property
    def connected(self) -> bool:
        """The broker can be asked now."""
        return self._up.is_set()

    async def ready(self, seconds: float) -> None:
        """Wait until the broker can be asked.

        Raises:
            Unreachable: not within *seconds*.
            Refused: never again, for this reason.
        """
        if self._refused.done():
            raise self._refused.result()
        if self.connected:
            return
        try:
            async with asyncio.timeout(seconds):
                await self._up.wait()
        except TimeoutError as error:
            msg = f"the broker did not come back within {seconds:g} s"
            raise Unreachable(msg) from error

    @contextlib.contextmanager
    def watched(self, wake: asyncio.Event) -> Iterator[None]:
        """Set *wake* whenever the connection is lost, is back, or has ended."""
        self._watchers.add(wake)
        try:
            yield
        finally:
            self._watchers.discard(wake)

    async def request(
        self, subject: str, payload: bytes, *, headers: Mapping[str, str] | None = None, seconds: float = 5.0
    ) -> Msg:
        """Ask once. What was asked may have happened where this raises.

        Raises:
            Unreachable: no answer, or the connection was lost meanwhile.
            NobodyAnswers: nobody listens on *subject*.
            Denied: the broker does not let this user ask that.
            DoesNotFit: *payload* is larger than a message may be.
        """
        await self.ready(seconds)
        lost = self._lost
        ask: asyncio.Future[Any] = asyncio.ensure_future(
            self.client.request(subject, payload, timeout=seconds, headers=dict(headers) if headers else None)
        )
        denied: asyncio.Future[Denied] = asyncio.get_running_loop().create_future()
        waiting = self._waiting.setdefault(subject.lower(), set())
        waiting.add(denied)
        try:
            await asyncio.wait({ask, lost, denied}, return_when=asyncio.FIRST_COMPLETED)
            if denied.done():
                raise refusals.not_allowed(self._label, "publish", subject)
            if ask.done():
                answer: Msg = ask.result()
                return answer
        except nats.errors.MaxPayloadError as error:
            raise self.too_large(subject, len(payload) + header_bytes(headers)) from error
        except nats.errors.NoRespondersError as error:
            msg = f"nobody answers on `{subject}`"
            raise NobodyAnswers(msg, hint="is the service running?") from error
        except (nats.errors.Error, OSError) as error:
            msg = f"`{subject}` was not answered: {_text(error)}"
            raise Unreachable(msg, hint="is the service running?") from error
        finally:
            ask.cancel()
            waiting.discard(denied)
            if not waiting:
                self._waiting.pop(subject.lower(), None)
        msg = f"the connection was lost while `{subject}` was asked"
        raise Unreachable(msg)

    def too_large(self, subject: str, size: int) -> DoesNotFit:
        """The error for a message of *size* bytes."""
        msg = f"{size} bytes for `{subject}` are more than the broker takes: {self.max_payload} (`max_payload`)"
        return DoesNotFit(msg, hint="raise `max_payload` in the broker's configuration, on each of its servers")

    @asynccontextmanager
    async def mailbox(self) -> AsyncIterator[tuple[str, asyncio.Queue[Msg | None]]]:
        """A reply subject and the messages that arrive there; None: `check`, else the connection was lost."""
        self._numbers += 1
        token = str(self._numbers)
        box: asyncio.Queue[Msg | None] = asyncio.Queue()
        self._mailboxes[token] = box
        try:
            yield f"{self._inbox}.{token}", box
        finally:
            del self._mailboxes[token]

    async def publish(self, subject: str, payload: bytes, *, reply: str = "") -> None:
        """Send without an answer.

        Raises:
            Unreachable: there is no connection.
            DoesNotFit: *payload* is larger than a message may be.
        """
        if not self.connected:
            msg = "there is no connection to the broker"
            raise Unreachable(msg)
        self._denied.pop(subject.lower(), None)
        try:
            await self.client.publish(subject, payload, reply=reply)
        except nats.errors.MaxPayloadError as error:
            raise self.too_large(subject, len(payload)) from error
        except (nats.errors.Error, OSError) as error:
            msg = f"`{subject}` could not be sent: {_text(error)}"
            raise Unreachable(msg) from error

    def check(self, subject: str) -> None:
        """Raise `Denied` where the broker did not take what was published to *subject* last."""
        if (denied := self._denied.get(subject.lower())) is not None:
            raise denied

    @asynccontextmanager
    async def hints(self, subject: str, hear: Callable[[Msg], None]) -> AsyncIterator[None]:
        """Call *hear* for every message on *subject* that happens to arrive; some may be missed."""

        async def take(message: Msg) -> None:
            hear(message)

        try:
            subscription = await self.client.subscribe(subject, cb=take)
        except nats.errors.Error as error:
            msg = f"`{subject}` cannot be heard: {_text(error)}"
            raise Unreachable(msg) from error
        try:
            yield
        finally:
            with contextlib.suppress(nats.errors.Error, OSError):
                await subscription.unsubscribe()

    async def _deliver(self, message: Msg) -> None:
        box = self._mailboxes.get(message.subject.rpartition(".")[2])
        if box is not None:
            box.put_nowait(message)

    async def _on_up(self) -> None:
        self.generation += 1
        self._refusals = 0
        if self._lost.done():
            self._lost = asyncio.get_running_loop().create_future()
        self._up.set()
        self._wake()
        if self.generation > 1:
            _log.info("broker_back", generation=self.generation)
            if (problem := self._problem()) is not None:
                self._refuse(problem)

    async def _on_down(self) -> None:
        if self._up.is_set() and not self._ending:
            _log.warning("broker_lost")
        self._up.clear()
        if not self._lost.done():
            self._lost.set_result(None)
        for box in self._mailboxes.values():
            box.put_nowait(None)
        self._wake()

    async def _on_closed(self) -> None:
        error = self.client.last_error
        if error is not None and (refused := refusals.refusal(error, self._label)) is not None:
            self._refuse(refused)
        if not self.closed.done():
            self.closed.set_result(str(self.client.last_error or "closed"))
        self._wake()

    async def _on_error(self, error: Exception) -> None:
        self._last_error = str(error) or type(error).__name__
        if isinstance(error, (OSError, nats.errors.TimeoutError)) or not self._up.is_set():
            _log.debug("broker_retried", error=self._last_error)
        else:
            _log.warning("broker_complained", error=self._last_error)
        if (found := refusals.denied(error)) is not None:
            self._deny(*found)
        elif (refused := refusals.refusal(error, self._label)) is not None:
            self._refusals += 1
            # One server of a cluster may know a key later, or no more, before the others do.
            if self._refusals >= self._servers:
                self._refuse(refused)

    def _deny(self, kind: str, subject: str) -> None:
        """Tell whoever waits for an answer on *subject*; a user that may not hear what it must hear is of no use."""
        error = refusals.not_allowed(self._label, kind, subject)
        if kind != "publish":
            self._refuse(error)
            return
        self._denied[subject] = error
        for future in self._waiting.get(subject, ()):
            if not future.done():
                future.set_result(error)
        for box in self._mailboxes.values():
            box.put_nowait(None)

    def _refuse(self, error: WombatError) -> None:
        """End the connection for good: trying again would not help."""
        if self._refused.done() or self._ending:
            return
        self._refused.set_result(error)
        if self._inbox:
            self._farewell = asyncio.create_task(self._end(), name="close the connection")

    async def _end(self) -> None:
        await self.client.close()
        await self._on_closed()

    def _wake(self) -> None:
        for event in self._watchers:
            event.set()


def _text(error: BaseException) -> str:
    return str(error) or type(error).__name__


@asynccontextmanager
async def connect(
    url: str,
    *,
    role: str,
    seconds: float = 10.0,
    prepare: Callable[[Connection], Awaitable[None]] | None = None,
    credentials: Credentials | None = None,
    domain: str = "",
    options: Mapping[str, Any] | None = None,
) -> AsyncIterator[Connection]:
    """Connect a role for as long as the context lasts.

    Args:
        url: `nats://host:port`, several with commas between.
        role: name of the connection, and last part of its inbox prefix.
        seconds: how long to wait for the broker, which may start later than its roles.
        prepare: called now and after every reconnect, `infrastructure.ensure` for the role that may do
            that: a broker can come back with an empty store.
        credentials: who connects, and how the broker is known; its user decides the prefix of the inbox.
        domain: JetStream domain that holds the streams; "": that of the server itself.
        options: further options of the library's `connect`.

    Raises:
        Unreachable: the broker does not answer in time.
        Refused: it lacks something that is needed.
        Denied: it does not let this user in, or is not the one that is to be trusted.
    """
    connection = Connection()
    try:
        await connection.open(url, role, seconds, options or {}, credentials, domain)
        if prepare is None:
            yield connection
            return
        await prepare(connection)
        repeat = asyncio.create_task(_prepare_again(connection, prepare), name="prepare the broker")
        try:
            yield connection
        finally:
            repeat.cancel()
            await asyncio.gather(repeat, return_exceptions=True)
    finally:
        await connection.close()


async def _prepare_again(connection: Connection, prepare: Callable[[Connection], Awaitable[None]]) -> None:
    wake = asyncio.Event()
    done = connection.generation
    with connection.watched(wake):
        while True:
            await wake.wait()
            wake.clear()
            if not connection.connected or connection.generation == done:
                continue
            generation = connection.generation
            try:
                await prepare(connection)
                done = generation
            except WombatError as error:
                _log.warning("broker_not_prepared", error=error.message)
                wake.set()
                await asyncio.sleep(1.0)
