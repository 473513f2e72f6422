"""Vonage's Messages API v1, as its reference describes it."""
