"""Train, compress, measure and promote: `python -m models.sentiment --help`."""

from __future__ import annotations

import sys

from models.sentiment.commands import main

if __name__ == "__main__":
    sys.exit(main())
