"""Routes messages, folds facts into statuses, moves what waits, and writes the view: `python -m streams`."""
