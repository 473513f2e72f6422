"""The simulator as one aiohttp application."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Final

from aiohttp import web

from simulator.admin import Admin
from simulator.config import Config, TelnyxAccount, TwilioAccount, VonageAccount
from simulator.courier import Courier
from simulator.exchange import Exchange, read_call, respond
from simulator.faults import FaultBook
from simulator.idempotency import IdempotencyKeys
from simulator.journal import Journal
from simulator.network import Network
from simulator.posts import PostLog
from simulator.provider import Provider, Reply
from simulator.telnyx.api import Telnyx
from simulator.texting import Texting
from simulator.twilio.api import Twilio
from simulator.vonage.api import Vonage

COURIER: Final = web.AppKey("courier", Courier)
_LARGEST_REQUEST: Final = 1024 * 1024


def build(config: Config, clock: Callable[[], float] = time.time) -> web.Application:
    """The application; opens the state file, and sends callbacks once it is started.

    Args:
        config: the configuration file's content.
        clock: seconds since the epoch.

    Raises:
        StateInUseError: another simulator has the state file.
    """
    twilio = Twilio(config.of(TwilioAccount))
    telnyx = Telnyx(config.of(TelnyxAccount), config.callbacks)
    vonage = Vonage(config.of(VonageAccount), config.callbacks)
    providers: dict[str, Provider] = {it.name: it for it in (twilio, telnyx, vonage)}
    network = Network(Journal(config.state))
    courier = Courier(providers, network, concurrency=config.callbacks.concurrency, clock=clock)
    exchange = Exchange(
        network=network,
        courier=courier,
        faults=FaultBook(),
        keys=IdempotencyKeys(network.messages()),
        posts=PostLog(),
        accounts={account.id: account for account in config.accounts},
        clock=clock,
        stopping=asyncio.Event(),
    )
    app = web.Application(client_max_size=_LARGEST_REQUEST)
    app.add_routes(Admin(network, courier, exchange.faults, exchange.posts).routes())
    texting = Texting(network, courier, exchange.faults, config.accounts, providers, clock)
    app.add_routes(texting.routes())
    _add_twilio(app, exchange, twilio)
    _add_telnyx(app, exchange, telnyx)
    app.router.add_post("/v1/messages", partial(exchange.send, vonage))
    _add_lifetime(app, exchange)
    app[COURIER] = courier
    return app


def _add_twilio(app: web.Application, exchange: Exchange, twilio: Twilio) -> None:
    async def fetch(request: web.Request) -> web.Response:
        call = await read_call(request)
        account = twilio.authenticate(call, exchange.clock())
        if isinstance(account, Reply):
            return respond(account)
        message = exchange.network.message(request.match_info["sid"])
        if message is not None and message.draft.account != account:
            message = None
        return respond(twilio.fetched(message, call, exchange.clock()))

    async def page(request: web.Request) -> web.Response:
        call = await read_call(request)
        account = twilio.authenticate(call, exchange.clock())
        if isinstance(account, Reply):
            return respond(account)
        messages = exchange.network.of_account(account)
        return respond(twilio.listed(account, messages, call, exchange.clock()))

    base = "/2010-04-01/Accounts/{account_sid}"
    app.router.add_post(f"{base}/Messages.json", partial(exchange.send, twilio))
    app.router.add_get(f"{base}/Messages.json", page)
    app.router.add_get(f"{base}/Messages/{{sid}}.json", fetch)


def _add_telnyx(app: web.Application, exchange: Exchange, telnyx: Telnyx) -> None:
    async def fetch(request: web.Request) -> web.Response:
        account = telnyx.authenticate(await read_call(request), exchange.clock())
        if isinstance(account, Reply):
            return respond(account)
        message = exchange.network.message(request.match_info["id"])
        if message is not None and message.draft.account != account:
            message = None
        return respond(telnyx.fetched(message, exchange.clock()))

    app.router.add_post("/v2/messages", partial(exchange.send, telnyx))
    app.router.add_get("/v2/messages/{id}", fetch)


def _add_lifetime(app: web.Application, exchange: Exchange) -> None:
    async def lifetime(_: web.Application) -> AsyncIterator[None]:
        await exchange.courier.start()
        yield
        await exchange.courier.stop()
        exchange.network.close()

    async def stop(_: web.Application) -> None:
        exchange.stopping.set()

    app.cleanup_ctx.append(lifetime)
    app.on_shutdown.append(stop)
