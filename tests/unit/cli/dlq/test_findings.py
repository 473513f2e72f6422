"""What the doctor says of dead letters."""

from cli.dlq import findings
from cli.dlq.handled import Found, Handled
from schemas import topics
from schemas.replays import What
from tests.unit.cli.dlq.letters import HOUR, NOW, letter, marks


def test_the_doctor_names_what_nobody_has_looked_at() -> None:
    old, new = letter(b"{"), letter(b"", topics.EVENTS)
    open_ones = [Found(old, Handled()), Found(old, marks(What.BEGUN)), Found(new, marks(What.DROPPED))]
    (finding,) = findings.of_found(open_ones, NOW + HOUR)
    assert finding.said == "2 records of requests could not be read, the oldest 1 h 0 min ago"
    assert "helio dlq list --topic requests" in finding.todo
    (well,) = findings.of_found([Found(new, marks(What.DROPPED))], NOW)
    assert (well.ok, well.said) == (True, "no letter is open; 1 were seen to")
