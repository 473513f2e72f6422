"""`helio`: runs a stack on this machine, and talks to one anywhere."""
