"""By how much each store outlives the moment at which a message is forgotten, in milliseconds.

`forget_at` is the same for all, but clocks differ and a key may be used again at just that time. So who
judges whether it is new forgets after the claims: a key that is new again finds no claim of the old message,
which would keep the new one from being sent. The view forgets last: until then REST repeats the old answer.
"""

from typing import Final

_HOUR: Final = 3_600_000

#: Claims (also in ledger/scripts/claims.lua).
CLAIMS_MS: Final = 1 * _HOUR
#: What `route` knows of ids that it has seen.
SIGHTINGS_MS: Final = 2 * _HOUR
#: The status view.
VIEW_MS: Final = 3 * _HOUR
