"""Routes of the local AWS itself, below /moto-api/secresponse.

GET  /moto-api/secresponse                            who this is, its mends, and the number of the latest delivery
GET  /moto-api/secresponse/deliveries?after=N&wait=S  what EventBridge delivered to Lambda targets after number N;
                                                      waits up to S seconds for the first
"""

import json
import threading
from urllib.parse import parse_qs

PREFIX = "/moto-api/secresponse"
# Enough for any rehearsal; a listener that lags further behind has gone.
REMEMBERED = 10_000


class Deliveries:
    def __init__(self):
        self.changed = threading.Condition()
        self.latest = 0
        self.items = []

    def add(self, delivery):
        with self.changed:
            self.latest += 1
            self.items.append({"number": self.latest, **delivery})
            del self.items[:-REMEMBERED]
            self.changed.notify_all()

    def after(self, number, wait):
        with self.changed:
            self.changed.wait_for(lambda: self.latest > number, timeout=wait)
            return [item for item in self.items if item["number"] > number]


deliveries = Deliveries()


def routes(app, mends):
    def handle(environ, start_response):
        path = environ.get("PATH_INFO", "")
        if not path.startswith(PREFIX):
            return app(environ, start_response)
        query = parse_qs(environ.get("QUERY_STRING", ""))
        if path == PREFIX:
            answer = {"name": "secresponse local AWS", "mends": mends, "latest": deliveries.latest}
        elif path == f"{PREFIX}/deliveries":
            after = int(query.get("after", ["0"])[0])
            wait = min(float(query.get("wait", ["0"])[0]), 30)
            answer = {"deliveries": deliveries.after(after, wait)}
        else:
            start_response("404 NOT FOUND", [("Content-Type", "text/plain")])
            return [b"no such route"]
        body = json.dumps(answer, default=str).encode()
        start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
        return [body]

    return handle
