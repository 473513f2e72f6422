"""`python -m ingress api` and `python -m ingress intake`: the two doors, a process each."""

import argparse
import logging
import sys
from typing import Final

import uvloop

from broker.failing import failing
from ingress import api, intake
from schemas import environment

_DOORS: Final = {"api": api.serve, "intake": intake.serve}


def main() -> None:
    """Run one door until told to stop. Exit codes: `schemas.exits`."""
    parser = argparse.ArgumentParser(prog="python -m ingress", description=__doc__)
    parser.add_argument("door", choices=sorted(_DOORS))
    door = parser.parse_args().door
    with failing("ingress"):
        settings = environment.settings()
        logging.basicConfig(
            level=settings.log_level,
            format="%(asctime)s %(levelname)s %(name)s %(message)s",
            stream=sys.stderr,
        )
        if settings.ready_file is not None:
            settings.ready_file.unlink(missing_ok=True)
        uvloop.run(_DOORS[door](settings))


if __name__ == "__main__":
    main()
