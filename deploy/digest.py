"""`python deploy/digest.py`: one hash of everything that the rendered manifests are made of."""

import hashlib
from pathlib import Path

HELM = Path(__file__).parent / "helm"


def digest() -> str:
    """SHA-256 over names and bytes of the chart's files and the example's values."""
    files = [*(HELM / "heliograph").rglob("*"), HELM / "example.yaml"]
    whole = hashlib.sha256()
    for file in sorted(file for file in files if file.is_file()):
        whole.update(f"{file.relative_to(HELM).as_posix()}\n".encode())
        whole.update(hashlib.sha256(file.read_bytes()).digest())
    return whole.hexdigest()


if __name__ == "__main__":
    print(digest())
