"""A bucket on this machine: moto's S3, one request at a time, so that a condition and its write are one step.

Runs in an environment of its own (`benchmarks.peers.MOTO`); prints its port, then serves until it is ended.
"""


def serve() -> None:
    """Until the process is ended."""
    from moto.server import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    application = DomainDispatcherApplication(create_backend_app)
    server = make_server("127.0.0.1", 0, application, threaded=False)
    print(server.server_port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    serve()
