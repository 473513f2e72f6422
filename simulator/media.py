"""What a provider says of media that came from a handset."""

import mimetypes
from urllib.parse import urlsplit


def content_type(url: str) -> str:
    """By the ending of the address; what has none is taken for a picture."""
    return mimetypes.guess_type(urlsplit(url).path)[0] or "image/jpeg"
