"""`python -m notifiers`: tells subscriptions what happened, until told to stop."""

import uvloop

from broker.failing import failing
from broker.starting import begin
from notifiers.app import serve


def main() -> None:
    """Run until told to stop. Exit codes: `schemas.exits`."""
    with failing("notifiers"):
        uvloop.run(serve(begin()))


if __name__ == "__main__":
    main()
