"""`python -m tests.contracts.topics.record` adds the records and schemas of a release to the corpus."""

import asyncio
import json
import tomllib
from pathlib import Path
from typing import Any, Final

from schemas import published, topics
from tests.contracts.topics import made

CORPUS: Final = Path(__file__).parent / "golden"
PROJECT: Final = Path(__file__).parents[3] / "pyproject.toml"


async def lines() -> dict[str, list[dict[str, Any]]]:
    """All records that are to be kept, by schema; requests with what they mean."""
    statuses, inbound = made.statuses(), await made.inbound()
    return {
        published.REQUEST: [{**one.shown(), "means": made.meaning(one.value)} for one in made.requests()],
        topics.STATUS: [one.shown() for one in statuses],
        topics.INBOUND: [one.shown() for one in inbound],
        published.EVENT: [one.shown() for one in made.events([*statuses, *inbound])],
    }


def write(folder: Path) -> None:
    """The corpus of today's code.

    Raises:
        FileExistsError: it is there. What was released is never changed.
    """
    folder.mkdir(parents=True)
    for name, schema in published.schemas().items():
        text = json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
        (folder / f"{name}.schema.json").write_text(text, encoding="utf-8")
    for name, found in asyncio.run(lines()).items():
        text = "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in found)
        (folder / f"{name}.jsonl").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write(CORPUS / tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]["version"])
