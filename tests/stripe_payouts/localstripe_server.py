"""Serves localstripe on 127.0.0.1, in this process. Its address is printed; `--port 0` takes a free port.

Its own command listens on all interfaces and writes each change to a file in /tmp. Here nothing is kept: a process
begins with no payouts, and several may run side by side.
"""

import argparse
import socket

from aiohttp import web
from localstripe import resources
from localstripe.server import app


def main() -> None:
    """Listens, prints the address, serves until it is ended."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    listener = socket.create_server(("127.0.0.1", parser.parse_args().port), backlog=64)
    resources.Store.dump_to_disk = lambda _: None
    print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    web.run_app(app, sock=listener, access_log=None, print=None)


if __name__ == "__main__":
    main()
