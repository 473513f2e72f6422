"""`python -m dispatchers --provider twilio`: one process for one provider; many may share its partitions."""

import argparse

import uvloop

from broker.failing import failing
from broker.starting import begin
from dispatchers.app import serve
from dispatchers.lines import GapError
from dispatchers.reader import RetentionError
from schemas.exits import Exit
from schemas.provider import Provider


def main() -> None:
    """Run until told to stop. Exit codes: `schemas.exits`."""
    parser = argparse.ArgumentParser(prog="python -m dispatchers", description=__doc__)
    parser.add_argument("--provider", required=True, type=Provider, choices=list(Provider))
    provider = parser.parse_args().provider
    with failing("dispatchers", {RetentionError: Exit.RETENTION, GapError: Exit.GAP}):
        uvloop.run(serve(begin(), provider))


if __name__ == "__main__":
    main()
