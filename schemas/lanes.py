"""The two lanes of a provider's tasks."""

from enum import StrEnum


class Lane(StrEnum):
    """Which of a provider's two dispatch topics a task takes; immediate ones go first."""

    IMMEDIATE = "immediate"
    QUEUED = "queued"
