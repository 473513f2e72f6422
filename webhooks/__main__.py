"""`python -m webhooks`: takes the providers' callbacks until told to stop."""

import uvloop

from broker.failing import failing
from broker.starting import begin
from webhooks.server import serve


def main() -> None:
    """Run until told to stop. Exit codes: `schemas.exits`."""
    with failing("webhooks"):
        uvloop.run(serve(begin()))


if __name__ == "__main__":
    main()
