"""What a stack says of its processes, and how they ended."""

import re
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

_ENDED: Final = re.compile(r"(?P<name>\S+) ended: ended \((?P<code>-?\d+)\)")


@dataclass
class Diary:
    """What the stack says, kept in a file, with how processes ended counted."""

    file: Path
    ends: Counter[tuple[str, int]] = field(default_factory=Counter)
    #: Of these, with a traceback: faults of ours.
    faults: Counter[str] = field(default_factory=Counter)

    def say(self, line: str) -> None:
        if found := _ENDED.search(line):
            self.ends[found["name"], int(found["code"])] += 1
            if found["code"] == "1":
                self.faults[found["name"]] += 1
        with self.file.open("a") as file:
            file.write(f"{time.time():.3f} {line}\n")
