"""Starts moto's server on 127.0.0.1, mended, and ends with its parent.

Prints one line of JSON with the port as soon as requests are answered. Exit code 3 means that this Python is too old or
lacks the pinned moto, so that the caller can try another one.
"""

import json
import os
import sys

PINNED_MOTO = "5.2.1"
WRONG_PYTHON = 3


def main():
    if sys.version_info < (3, 10):
        sys.exit(WRONG_PYTHON)
    import argparse

    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--stock", action="store_true", help="moto as it is, without mends")
    parser.add_argument("--keep", action="store_true", help="outlive the parent")
    options = parser.parse_args()
    require_pinned_moto()

    import logging

    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from server import Handler
    from werkzeug.serving import make_server

    logging.getLogger("werkzeug").setLevel(logging.CRITICAL)

    if not options.stock:
        import mends
        from mends import quick

        mends.apply()
        # Last, since what it remembers is what the mends have made of it.
        quick.apply()
    app = DomainDispatcherApplication(create_backend_app)
    if not options.stock:
        app = mends.wrap(app)
    server = make_server("127.0.0.1", options.port, app, threaded=True, request_handler=Handler)
    server.daemon_threads = True

    print(json.dumps({"port": server.server_port, "pid": os.getpid()}), flush=True)
    if options.keep:
        let_go_of_parent()
    else:
        end_with_parent()
    load_models_ahead()
    server.serve_forever()


def load_models_ahead():
    """The first call of a service reads its whole model, most of a second for EC2; better while the caller prepares."""
    import threading

    from moto.core.utils import get_service_model

    def load():
        for service in ("ec2", "sts", "iam", "s3", "sns", "sqs", "dynamodb", "autoscaling", "elbv2", "elb"):
            get_service_model(service)

    threading.Thread(target=load, daemon=True).start()


def require_pinned_moto():
    from importlib import metadata

    try:
        if metadata.version("moto") != PINNED_MOTO:
            sys.exit(WRONG_PYTHON)
        metadata.version("flask")
        metadata.version("flask-cors")
    except metadata.PackageNotFoundError:
        sys.exit(WRONG_PYTHON)


def end_with_parent():
    import threading

    def wait_for_end_of_input():
        # Raw reads: a buffered reader would hold a lock that the interpreter wants at its end.
        while os.read(0, 4096):
            pass
        os._exit(0)

    threading.Thread(target=wait_for_end_of_input, daemon=True).start()


def let_go_of_parent():
    """The parent's pipes close when it ends; writing into one would be an error."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)


if __name__ == "__main__":
    main()
