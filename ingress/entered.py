"""What a caller enters of a recipient's wish: the body of `POST /v1/optouts`."""

from typing import Annotated, Final
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from schemas.directory import E164

#: Characters of a note.
MAX_NOTE: Final = 200


class OptOutBody(BaseModel):
    """Whose wish it is, about what."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"description": "Who does not want to hear."})

    number: Annotated[E164, Field(description="The handset, +E.164.")]
    use_case_id: Annotated[
        UUID | None, Field(description="What it is about; none: all that the organization sends.")
    ] = None
    note: Annotated[
        str, Field(max_length=MAX_NOTE, description="How you came to know, for whoever asks later.")
    ] = ""
