"""`python -m dispatchers --provider twilio`: one process for one provider; many may share its partitions."""

import argparse
import logging
import sys

import uvloop

from broker.topics import TopicsDifferError
from dispatchers.app import serve
from dispatchers.lines import GapError
from dispatchers.reader import RetentionError
from schemas.exits import Exit
from schemas.provider import Provider
from schemas.settings import Settings


def main() -> None:
    """Run until told to stop. Exit codes: `schemas.exits`."""
    parser = argparse.ArgumentParser(prog="python -m dispatchers", description=__doc__)
    parser.add_argument("--provider", required=True, type=Provider, choices=list(Provider))
    provider = parser.parse_args().provider
    settings = Settings()
    logging.basicConfig(
        level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stderr
    )
    if settings.ready_file:
        settings.ready_file.unlink(missing_ok=True)
    try:
        uvloop.run(serve(settings, provider))
    except* TopicsDifferError as e:
        _end(Exit.TOPICS, e)
    except* RetentionError as e:
        _end(Exit.RETENTION, e)
    except* GapError as e:
        _end(Exit.GAP, e)


def _end(code: Exit, errors: BaseExceptionGroup[Exception]) -> None:
    for error in errors.exceptions:
        logging.getLogger("dispatchers").critical("%s", error)
    sys.exit(code)


if __name__ == "__main__":
    main()
