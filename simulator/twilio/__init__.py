"""Twilio's Programmable Messaging, as its API reference describes it."""
