"""What a stack says of its processes, and how they ended."""

import re
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

#: What a process ends with that finds no broker when it starts; it is started again.
_NO_BROKER: Final = "KafkaConnectionError"
_TAIL_BYTES: Final = 500
_ENDED: Final = re.compile(r"(?P<name>\S+) ended: ended \((?P<code>-?\d+)\)")


@dataclass
class Diary:
    """What the stack says, kept in a file, with how processes ended counted."""

    file: Path
    ends: Counter[tuple[str, int]] = field(default_factory=Counter)
    #: Of these, with a traceback that an absent broker does not explain.
    faults: Counter[str] = field(default_factory=Counter)

    def say(self, line: str) -> None:
        if found := _ENDED.search(line):
            self.ends[found["name"], int(found["code"])] += 1
            if found["code"] == "1" and _NO_BROKER not in self._last_words(found["name"]):
                self.faults[found["name"]] += 1
        with self.file.open("a") as file:
            file.write(f"{time.time():.3f} {line}\n")

    def _last_words(self, name: str) -> str:
        log = self.file.parent / "stack" / "logs" / f"{name}.log"
        return log.read_bytes()[-_TAIL_BYTES:].decode(errors="replace")
