"""How the local AWS speaks HTTP: connections stay open, and an answer is one write. Stock werkzeug ends each with its answer."""

import io
import sys

from werkzeug.serving import WSGIRequestHandler

BODILESS = ("204", "304")


class Handler(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"
    # An answer goes out as a whole: nothing is gained by waiting for more.
    disable_nagle_algorithm = True

    def log_request(self, *_):
        """A line per request would drown what the caller has to say."""

    def run_wsgi(self):
        if self.headers.get("Transfer-Encoding") or self.headers.get("Expect"):
            self.close_connection = True
            return super().run_wsgi()
        # All of it, whether it is looked at or not: the next request begins behind it.
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        environ = self.make_environ()
        environ["wsgi.input"] = io.BytesIO(body)
        answer = {}

        def start_response(status, headers, _error=None):
            answer.update(status=status, headers=headers)

        try:
            parts = self.server.app(environ, start_response)
            content = b"".join(parts)
            if hasattr(parts, "close"):
                parts.close()
        except Exception as error:
            print(f"the local AWS failed: {error!r}", file=sys.stderr)
            answer.update(status="500 Internal Server Error", headers=[("Content-Type", "text/plain")])
            content = repr(error).encode()
        self.send(answer["status"], answer["headers"], content)

    def send(self, status, headers, content):
        given = {name.lower() for name, _ in headers}
        lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in headers)]
        if "date" not in given:
            lines.append(f"Date: {self.date_time_string()}")
        if "content-length" not in given and not status.startswith(BODILESS):
            lines.append(f"Content-Length: {len(content)}")
        if self.close_connection:
            lines.append("Connection: close")
        head = "\r\n".join([*lines, "", ""]).encode("latin-1")
        self.wfile.write(head if self.command == "HEAD" else head + content)
