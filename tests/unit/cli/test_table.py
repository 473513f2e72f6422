"""The process table: several processes of one service."""

from pathlib import Path

import pytest

from cli.local.table import SERVICES, services

PORTS = {"ingress": 1, "webhooks": 2, "simulator": 3}


def test_copies_have_names_and_ready_files_of_their_own(tmp_path: Path) -> None:
    own = {"dispatchers-twilio-3": {"ONE": "own"}}
    made = services(tmp_path, PORTS, {"ALL": "all"}, own, {"dispatchers-twilio": 3})
    copies = [process for process in made if process.name.startswith("dispatchers-twilio")]
    assert [process.name for process in copies] == [
        "dispatchers-twilio", "dispatchers-twilio-2", "dispatchers-twilio-3",
    ]  # fmt: skip
    assert len({process.argv for process in copies}) == 1
    assert len({process.ready_file for process in copies}) == 3
    assert [process.env.get("ONE") for process in copies] == [None, None, "own"]
    assert len(made) == len(SERVICES) + 2


def test_a_service_with_a_port_has_no_copies(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="one port"):
        services(tmp_path, PORTS, {}, {}, {"webhooks": 2})
