"""What a function reads, whatever client it uses: a proxy before the database, which asks it for
the capacity that each call consumes."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import urlsplit

_HOP = {"connection", "content-length", "date", "server", "transfer-encoding"}
"""Headers that are about one connection, or that the proxy writes itself."""


@dataclass(slots=True)
class Reading:
    """Calls of the database, the capacity units that they consumed, and the items that they
    looked at and returned."""

    calls: int = 0
    units: float = 0.0
    scanned: int = 0
    returned: int = 0

    def add(self, answer: Any) -> None:
        """Count an answer of GetItem, Query, BatchGetItem or a write."""
        self.calls += 1
        consumed = answer.get("ConsumedCapacity", [])
        consumed = consumed if isinstance(consumed, list) else [consumed]
        self.units += sum(each["CapacityUnits"] for each in consumed)
        found = answer.get("Count", 1 if "Item" in answer else 0)
        found += sum(map(len, answer.get("Responses", {}).values()))
        self.returned += found
        self.scanned += answer.get("ScannedCount", found)


class Meter(ThreadingHTTPServer):
    """Stands before the database at `url` while it is entered."""

    daemon_threads = True

    def __init__(self, url: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.database = urlsplit(url).netloc
        self.reading = Reading()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def take(self) -> Reading:
        """What was read since the last time."""
        taken, self.reading = self.reading, Reading()
        return taken

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, args=[0.05], daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 65_536
    server: Meter

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        body = json.dumps(asked | {"ReturnConsumedCapacity": "TOTAL"}).encode()
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOP}
        database = HTTPConnection(self.server.database, timeout=30)
        try:
            # The signature no longer fits, which a database on this machine does not look at.
            database.request("POST", self.path, body, headers)
            response = database.getresponse()
            content = response.read()
        finally:
            database.close()
        answer = json.loads(content)
        self.server.reading.add(answer)
        if "ReturnConsumedCapacity" not in asked:
            answer.pop("ConsumedCapacity", None)
        content = json.dumps(answer).encode()
        self.send_response(response.status)
        for name, value in response.getheaders():
            # The checksum is of the body as it was.
            if name.lower() not in _HOP | {"x-amz-crc32"}:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        self.wfile.flush()
