"""The command `authserver` for shells of tests, quicker: most of a command's time is its start, which is done once.

`python -m tests.deploy.typed SOCKET` loads the product and forks for each call; what stands in PATH as `authserver` is
CALL, which hands over its arguments, folder, variables and the three streams, and ends as the command ended.
"""

import contextlib
import json
import os
import signal
import socket
import sys

from authserver.cli import NOUNS, main

CALL = """#!{python} -SE
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as there:
    there.connect({path!r})
    said = json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ)]).encode()
    socket.send_fds(there, [len(said).to_bytes(4, "big")], [0, 1, 2])
    there.sendall(said)
    sys.exit(int(there.makefile().read() or 70))
"""


def serve(path: str) -> None:
    """Take calls until killed, each in a process of its own."""
    for noun in NOUNS:
        main.get_command(None, noun)  # type: ignore[arg-type]
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as here:
        here.bind(path)
        here.listen()
        while True:
            call, _ = here.accept()
            if os.fork() == 0:
                here.close()
                answer(call)
            call.close()


def answer(call: socket.socket) -> None:
    """Be the command that was called, and end with it."""
    size, streams, _, _ = socket.recv_fds(call, 4, 3)
    arguments, folder, variables = json.loads(call.makefile("rb").read(int.from_bytes(size, "big")))
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(variables)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    status = 70
    try:
        main(arguments, prog_name="authserver")
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError):
                stream.flush()
        call.sendall(str(status).encode())
        os._exit(status)


if __name__ == "__main__":
    serve(sys.argv[1])
