"""The adapters: one module per provider, each importing its own SDK and no other."""

from typing import assert_never

from dispatchers.port import ProviderPort
from schemas.directory import Account, TelnyxCredentials, TwilioCredentials, VonageCredentials
from schemas.settings import DispatchSettings


def connect(account: Account, http: DispatchSettings) -> ProviderPort:
    """The adapter of `account`, ready to send; to be called in the running loop. Connects at the first send.

    Importing an SDK and preparing its first request blocks for up to some seconds: call it at start-up.

    Raises:
        SecretMissingError: a credential's reference leads nowhere.
    """
    match account.credentials:
        case TwilioCredentials() as credentials:
            from dispatchers.providers.twilio import TwilioPort

            return TwilioPort(account, credentials, http)
        case TelnyxCredentials() as credentials:
            from dispatchers.providers.telnyx import TelnyxPort

            return TelnyxPort(account, credentials, http)
        case VonageCredentials() as credentials:
            from dispatchers.providers.vonage import VonagePort

            return VonagePort(account, credentials, http)
        case _ as never:
            assert_never(never)
