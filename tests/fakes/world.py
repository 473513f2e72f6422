"""Small directories for tests, made the way that real ones are: from a file, through entries."""

import hashlib
from textwrap import dedent, indent

from directory.changes import compare
from directory.file import parse
from directory.snapshot import Directory
from schemas.directory import AnyEntity, Entry, identity

KEY = "helio_acme"
OTHER_KEY = "helio_globex"
READ_KEY = "helio_read"
SUSPENDED_KEY = "helio_old"
TWILIO, TELNYX, SMS_ONLY, OTHERS = "+14155550100", "+12125550110", "+14155550102", "+16465550130"
HANDSET = "+14155550199"


def sha256(key: str) -> str:
    """As the directory keeps a key."""
    return hashlib.sha256(key.encode()).hexdigest()


FILE = f"""
organizations:
  operator:
    accounts:
      tw:
        credentials: &tw
          provider: twilio
          account_sid: AC00
          api_key_sid: SK00
          api_key_secret: env:TW
          auth_tokens: [env:TW]
      tw-old: {{credentials: *tw, status: suspended}}
      tx:
        credentials: {{provider: telnyx, api_key: "env:TX", public_keys: ["env:TX"]}}
  acme:
    numbers:
      "{TWILIO}": {{account: tw}}
      "{TELNYX}": {{account: tx}}
      "{SMS_ONLY}": {{account: tw, capabilities: [sms]}}
      "+14155550103": {{account: tw, status: suspended}}
      "+14155550104": {{account: tw-old}}
      "+14155550105": {{account: tw}}
      "+14155550106": {{account: tw}}
      "+14155550107": {{account: tw, capabilities: [mms]}}
    assistants:
      desk:
        name: Desk
        numbers: ["{TWILIO}", "{TELNYX}", "{SMS_ONLY}", "+14155550103", "+14155550104", "+14155550107"]
      asleep: {{name: Asleep, numbers: ["+14155550105"], status: suspended}}
    api_keys:
      demo: {{sha256: {sha256(KEY)}}}
      reader: {{sha256: {sha256(READ_KEY)}, scopes: [read]}}
      old: {{sha256: {sha256(SUSPENDED_KEY)}, status: suspended}}
  globex:
    numbers:
      "{OTHERS}": {{account: tw}}
    assistants:
      support: {{name: Support, numbers: ["{OTHERS}"]}}
    api_keys:
      globex: {{sha256: {sha256(OTHER_KEY)}}}
"""


def directory(text: str = FILE, variables: dict[str, str] | None = None) -> Directory:
    """The directory that the file `text` makes of nothing."""
    changes, problems = compare(
        Directory(), parse(text, source="test", variables=variables or {}), prune=False
    )
    assert not problems
    made, refused = Directory().after([change.entry(0) for change in changes])
    assert not refused
    return made


def made_of(*entities: AnyEntity) -> Directory:
    """A directory of these; of two of the same id the later one holds."""
    found = {identity(entity): entity for entity in entities}
    made, refused = Directory().after(
        Entry(kind=kind, id=id_, organization=entity.organization, version=1, at=1, entity=entity)
        for (kind, id_), entity in found.items()
    )
    assert not refused
    return made


def of(organization: str, sections: str) -> str:
    """A file with one organization."""
    return f"organizations:\n  {organization}:\n" + indent(dedent(sections), "    ")
