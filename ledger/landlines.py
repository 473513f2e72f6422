"""Landlines that providers have told us of. A short cut: what is lost is learned again (docs/ledger.md).

helio:landline:<number> = <at>, for `LANDLINE_MS` after `at`.
"""

from collections.abc import Sequence
from typing import Final

from schemas.base import Millis
from schemas.codes import is_landline
from schemas.public import StatusRecord

#: How long a provider's word holds: numbers are ported, and given to others.
LANDLINE_MS: Final = 90 * 24 * 3_600_000


def put_args(rows: Sequence[StatusRecord], now: Millis) -> list[str | int]:
    """The arguments of `landline_put.lua`: the landlines that `rows` tell of, of each the newest word."""
    newest: dict[str, Millis] = {}
    for row in rows:
        if row.at + LANDLINE_MS > now and _tells(row):
            newest[row.to_number] = max(row.at, newest.get(row.to_number, 0))
    return [part for number, at in newest.items() for part in (number, at, at + LANDLINE_MS)]


def _tells(row: StatusRecord) -> bool:
    code = row.failure and row.failure.provider_code
    return bool(code and row.provider and is_landline(row.provider, code))
