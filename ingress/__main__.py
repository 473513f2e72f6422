"""`python -m ingress api` and `python -m ingress intake`: the two doors, a process each."""

import argparse
import logging
import sys
from typing import Final

import uvloop

from broker.topics import TopicsDifferError
from ingress import api, intake
from schemas.exits import Exit
from schemas.settings import Settings

_DOORS: Final = {"api": api.serve, "intake": intake.serve}


def main() -> None:
    """Run one door until told to stop."""
    parser = argparse.ArgumentParser(prog="python -m ingress", description=__doc__)
    parser.add_argument("door", choices=sorted(_DOORS))
    door = parser.parse_args().door
    settings = Settings()
    logging.basicConfig(
        level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stderr
    )
    if settings.ready_file is not None:
        settings.ready_file.unlink(missing_ok=True)
    try:
        uvloop.run(_DOORS[door](settings))
    except TopicsDifferError as error:
        logging.getLogger("ingress").critical("%s", error)
        sys.exit(Exit.TOPICS)


if __name__ == "__main__":
    main()
