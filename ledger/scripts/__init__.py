"""The Lua scripts: what must be decided together is one of them. Loaded by `ledger.server`."""
