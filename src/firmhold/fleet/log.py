"""What a part of the server says while it runs: one JSON object a line, on standard error."""

import json
import logging
from datetime import UTC, datetime

_FIELDS = ("code", "path", "device")


class _Lines(logging.Formatter):
    """Writes a record as one line; nothing in it can begin another."""

    def __init__(self, part: str) -> None:
        super().__init__()
        self._part = part

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "part": self._part,
            "level": record.levelname.lower(),
            "event": record.getMessage(),
        }
        line |= {name: str(getattr(record, name)) for name in _FIELDS if hasattr(record, name)}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)


def begin(part: str) -> None:
    """Have everything that is logged in this process written so."""
    handler = logging.StreamHandler()
    handler.setFormatter(_Lines(part))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for chatty in ("httpx", "httpcore", "uvicorn.error"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
