"""What a day cap is: carriers limit how many segments go out on one day (docs/ledger.md)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cap:
    """No more than `most` segments a day of `name`: `number:<E.164>`, `campaign:<id>` or `brand:<id>`."""

    name: str
    most: int
