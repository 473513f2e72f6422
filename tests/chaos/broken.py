"""Services with one promise taken out, to show that the run would notice: a test of the test.

    python -m tests.chaos.broken VARIANT MODULE [ARGUMENTS...]

runs the module as `python -m MODULE` would, with the variant's part replaced.
"""

import runpy
import sys
from collections.abc import Callable, Sequence


def dedupe_off() -> None:
    """Every record of a message is taken for its first."""
    from streams import dedupe

    dedupe.judge = lambda *_args, **_kw: dedupe.New()


def claim_off() -> None:
    """Every claim is won, whatever the ledger says."""
    from ledger import Ledger
    from ledger.claims import Absent, Ask, Looked, Won

    async def look(_self: Ledger, ids: Sequence[str]) -> list[Looked]:
        return [Looked(Absent(), until_passed=False) for _ in ids]

    async def claim(_self: Ledger, asks: Sequence[Ask]) -> list[Won]:
        return [Won(0) for _ in asks]

    Ledger.look = look  # type: ignore[method-assign, assignment] # broken on purpose
    Ledger.claim = claim  # type: ignore[method-assign, assignment] # broken on purpose


def intent_late() -> None:
    """Intents are written with the outcome, after the call."""
    from dispatchers.journal import Journal

    intents, write = Journal.intents, Journal.write
    late: list[tuple[object, object]] = []

    async def later(_self: Journal, items: object, voids: object) -> None:
        late.append((items, voids))

    async def with_them(self: Journal, records: object) -> None:
        await write(self, records)  # type: ignore[arg-type] # handed on
        while late:
            await intents(self, *late.pop())  # type: ignore[arg-type] # handed on

    Journal.intents = later  # type: ignore[method-assign, assignment] # broken on purpose
    Journal.write = with_them  # type: ignore[method-assign] # likewise


VARIANTS: dict[str, Callable[[], None]] = {
    "dedupe-off": dedupe_off,
    "claim-off": claim_off,
    "intent-late": intent_late,
}

if __name__ == "__main__":
    variant, module, *arguments = sys.argv[1:]
    VARIANTS[variant]()
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
