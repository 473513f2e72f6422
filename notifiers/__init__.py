"""Tells the endpoints of teams without Kafka what became of their messages: signed, and at least once."""
