"""Handsets answer: a text to one of our numbers, told by the provider that has that number."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Final, Self

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from simulator.config import Account
from simulator.courier import Courier
from simulator.faults import FaultBook
from simulator.messages import Draft, Message
from simulator.network import Network
from simulator.numbers import E164, SHORT_CODE, plus
from simulator.provider import Provider
from simulator.receipts import Status, plan

_RECEIVED: Final = (Status("received"),)


class _Written(BaseModel):
    """What somebody writes on a handset."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    to: str
    """One of our numbers, in any provider's form."""
    text: Annotated[str, Field(max_length=1600)] = ""
    media: Annotated[
        tuple[Annotated[str, StringConstraints(pattern=r"^https?://[^/\s]+")], ...], Field(max_length=10)
    ] = ()

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not (self.text or self.media):
            raise ValueError("a text has words or media")
        return self


@dataclass(frozen=True, slots=True)
class Texting:
    """The way of a text from a handset: taken in, kept, and told by the courier as receipts are."""

    network: Network
    courier: Courier
    faults: FaultBook
    accounts: Iterable[Account]
    providers: Mapping[str, Provider]
    clock: Callable[[], float]

    def routes(self) -> list[web.RouteDef]:
        """The path."""
        return [web.post("/handsets/{number}/texts", self.write)]

    async def write(self, request: web.Request) -> web.Response:
        """Send a text from a handset; 202 with the provider's id of it."""
        handset = plus(request.match_info["number"].strip())
        if not (E164.fullmatch(handset) or SHORT_CODE.fullmatch(handset)):
            return _json(422, {"detail": f"{handset} is no handset's number"})
        try:
            written = _Written.model_validate_json(await request.read())
        except ValidationError as error:
            return _json(422, {"detail": error.errors(include_url=False, include_context=False)})
        account = self._owner(plus(written.to.strip()))
        if account is None:
            return _json(404, {"detail": f"no account has the number {written.to}"})
        if account.inbound_url is None:
            return _json(409, {"detail": f"account {account.id} has no inbound_url to tell it at"})
        if account.provider == "vonage" and len(written.media) > 1:
            return _json(422, {"detail": "a message of Vonage's has one picture or file"})
        return _json(202, self._sent(handset, account, account.inbound_url, written))

    def _owner(self, number: str) -> Account | None:
        return next((one for one in self.accounts if number in map(plus, one.numbers)), None)

    def _sent(self, handset: str, account: Account, url: str, written: _Written) -> dict[str, str]:
        draft = Draft(
            provider=account.provider,
            account=account.id,
            to=plus(written.to.strip()),
            sender=handset,
            text=written.text,
            media=written.media,
            webhook_url=url,
            channel="mms" if written.media else "sms",
            inbound=True,
        )
        message = Message(
            id=self.providers[account.provider].new_id(draft),
            draft=draft,
            at=self.clock(),
            reaches_handset=False,
            receipts=plan(_RECEIVED, self.faults.receipt_fault(draft), 0.0),
        )
        self.network.accept(message)
        self.courier.schedule([message])
        return {"provider": account.provider, "account": account.id, "provider_message_id": message.id}


def _json(status: int, body: object) -> web.Response:
    return web.Response(status=status, body=json.dumps(body).encode(), content_type="application/json")
