"""What every value that the platform tells has in common."""

from pydantic import BaseModel, ConfigDict


class Value(BaseModel):
    """Frozen. Fields that a newer platform adds are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")
