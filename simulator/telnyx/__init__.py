"""Telnyx's Messaging API v2, as its documents describe it."""
