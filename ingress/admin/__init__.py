"""The admin API: the directory and its API keys over REST (docs/admin.md)."""
