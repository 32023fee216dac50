"""Takes messages of git hosts, and does nothing with them but have the right sources looked at."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from wombat_gitops.domain.errors import InternalError, NotFound, Refused
from wombat_gitops.domain.webhooks import delivery_of, is_authentic, read_push

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wombat_gitops.domain.webhooks import Hook, Message
    from wombat_gitops.ports import Refresher

_REMEMBERED: Final = 4096
"""Messages that are remembered at most."""
_WINDOW_SECONDS: Final = 3600.0
"""How long a message is remembered; a later repetition costs one look at the source, no more."""


class NotAuthentic(Refused):
    """A message that was not made with the source's secret."""


class WebhookReceiver:
    """Judges messages.

    Args:
        refresher: has sources looked at.
        now: seconds since 1970, for times in messages.
        monotonic: seconds that only grow.
    """

    def __init__(
        self, hooks: Sequence[Hook], refresher: Refresher, now: Callable[[], float], monotonic: Callable[[], float]
    ) -> None:
        self._hooks = {hook.source: hook for hook in hooks}
        self._refresher = refresher
        self._now = now
        self._monotonic = monotonic
        self._seen: OrderedDict[tuple[str, bytes], float] = OrderedDict()

    def expects(self, source: str) -> bool:
        """Whether the source has a webhook, so that reading a message is worth while."""
        return source in self._hooks

    async def receive(self, source: str, message: Message) -> tuple[str, ...]:
        """Have looked at what *message* is about, and tell the sources; none for what needs nothing.

        A push concerns every source of the same repository and branch that has the same secret, so
        one webhook serves all folders of a repository.

        Raises:
            NotFound: the source has no webhook.
            NotAuthentic: the message was not made with its secret.
            Refused: the body is not what the host sends.
            Unreachable: the watchers cannot be told; the host may send it again.
        """
        hook = self._hooks.get(source)
        if hook is None:
            msg = f"there is no webhook `{source[:64]}`"
            raise NotFound(msg)
        try:
            authentic = is_authentic(hook, message, self._now())
        except Refused as error:  # where the secret lies is nobody's business out there
            raise InternalError(error.message) from error
        if not authentic:
            msg = "the message is not signed with the secret of this source"
            raise NotAuthentic(msg, hint="give the host and the list of sources the same secret")
        push = read_push(hook, message)
        if push is None or self._was_seen(hook, message):
            return ()
        secret = hook.secret()
        concerned = tuple(
            other.source for other in self._hooks.values() if push.concerns(other) and other.secret() == secret
        )
        for one in concerned:
            await self._refresher.refresh(one)
        self._remember(hook, message)
        return concerned

    def _was_seen(self, hook: Hook, message: Message) -> bool:
        oldest = self._monotonic() - _WINDOW_SECONDS
        return any(self._seen.get((hook.source, mark), float("-inf")) > oldest for mark in delivery_of(hook, message))

    def _remember(self, hook: Hook, message: Message) -> None:
        for mark in delivery_of(hook, message):
            self._seen[(hook.source, mark)] = self._monotonic()
        while len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)
