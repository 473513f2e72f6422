"""Where the providers report: verified, read, acknowledged by the broker, and only then answered."""
