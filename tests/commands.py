"""Runs several `authserver …` commands in one process, since most of a command's time is its start.

Reads [[arguments, typed], …] as JSON, and prints what each of them printed.
"""

import json
import sys

from click.testing import CliRunner

from authserver.cli import main


def run(arguments: list[str], typed: str | None) -> str:
    result = CliRunner().invoke(main, arguments, input=typed, prog_name="authserver")
    if result.exit_code:
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        sys.exit(f"authserver {' '.join(arguments)} ended with {result.exit_code}:\n{result.output}")
    return result.stdout


if __name__ == "__main__":
    print(json.dumps([run(arguments, typed) for arguments, typed in json.load(sys.stdin)]))
