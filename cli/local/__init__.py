"""Everything that runs on this machine for `helio up` and for the tests: broker, ledger, services."""
