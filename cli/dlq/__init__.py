"""What `helio dlq` is made of; its commands stand in `cli.commands.dlq` (docs/dead-letters.md).

`helio --help` imports `desk`, `options` and `states`, which are light: the others come with a command.
"""
