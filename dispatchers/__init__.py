"""The service that hands messages to providers: paced, claimed, at most once per intent.

See docs/dispatchers.md.
"""
