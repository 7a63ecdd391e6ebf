"""Whatever moto does not implement is answered by a clean 400 in the protocol of the call.

Stock moto answers HTML with status 500 (404 for REST), which the SDK retries and cannot parse.
"""

import json
import re
import sys
import threading
import traceback
from collections import defaultdict
from xml.sax.saxutils import escape


# Moto walks its dictionaries while other calls change them, which ends in a 500 now and then, and reads before it writes,
# which lets two writers of one S3 key win: the calls of one service wait for each other.
ONE_AT_A_TIME = defaultdict(threading.RLock)


def clean(app):
    def handle(environ, start_response):
        if environ.get("PATH_INFO", "").startswith("/moto-api"):
            return app(environ, start_response)
        held = {}

        def hold(status, headers, exc_info=None):
            held["status"], held["headers"] = status, headers
            return lambda _: None

        operation = operation_of(environ)
        try:
            with ONE_AT_A_TIME[service_of(environ)]:
                body = b"".join(app(environ, hold))
            if not is_html_error(held, body):
                start_response(held["status"], held["headers"])
                return [body]
            code, message = "InvalidAction", f"the local AWS does not implement {operation}"
        except NotImplementedError as error:
            code, message = "InvalidAction", f"the local AWS does not implement {operation}: {error}"
        except Exception as error:  # whatever moto stumbles over: the caller must not see HTML, nor retry
            traceback.print_exc(file=sys.stderr)
            code, message = "InternalFailure", f"the local AWS failed at {operation}: {error!r}"
        content_type, body = error_body(environ, code, message)
        payload = body.encode()
        start_response(
            "400 BAD REQUEST",
            [("Content-Type", content_type), ("Content-Length", str(len(payload))), ("x-amzn-errortype", code)],
        )
        return [payload]

    return handle


def is_html_error(held, body):
    """Whether Flask found no route, or stumbled; the content type does not tell, as moto's own answers share it."""
    return held["status"][:3] in ("404", "405", "500") and body[:14].lower() == b"<!doctype html"


def operation_of(environ):
    route = f"{environ.get('REQUEST_METHOD')} {environ.get('PATH_INFO')} of {service_of(environ) or 'a service'}"
    return environ.get("HTTP_X_AMZ_TARGET") or route


def service_of(environ):
    scope = re.search(r"Credential=[^/]+/[^/]+/[^/]+/([^/]+)/", environ.get("HTTP_AUTHORIZATION", ""))
    return scope.group(1) if scope else ""


def error_body(environ, code, message):
    service = service_of(environ)
    fields = f"<Code>{code}</Code><Message>{escape(message)}</Message>"
    if service == "ec2":
        return "text/xml", f"<Response><Errors><Error>{fields}</Error></Errors><RequestID>lab</RequestID></Response>"
    if service == "s3":
        return "application/xml", f"<Error>{fields}</Error>"
    if environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
        return "text/xml", f"<ErrorResponse><Error><Type>Sender</Type>{fields}</Error></ErrorResponse>"
    return "application/json", json.dumps({"__type": code, "message": message})
