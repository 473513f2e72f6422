"""`python -m ingress api` and `python -m ingress intake`: the two doors, a process each."""

import argparse
from typing import Final

import uvloop

from broker.failing import failing
from broker.starting import begin
from ingress import api, intake

_DOORS: Final = {"api": api.serve, "intake": intake.serve}


def main() -> None:
    """Run one door until told to stop. Exit codes: `schemas.exits`."""
    parser = argparse.ArgumentParser(prog="python -m ingress", description=__doc__)
    parser.add_argument("door", choices=sorted(_DOORS))
    door = parser.parse_args().door
    with failing("ingress"):
        uvloop.run(_DOORS[door](begin()))


if __name__ == "__main__":
    main()
