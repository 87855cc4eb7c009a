"""The `ebbflow` command: train a network on a table, evaluate it, predict with it.

Only the command that was asked for is imported, after its options were found good, so `--help` answers at once. Nothing
but `sys` is imported outside of `main`, which can then answer for an interruption from the first moment on.
"""

import sys

BAD_INPUT, INTERRUPTED = 2, 130


def main(arguments: list[str] | None = None) -> int:
    """Run the command line `arguments` (default: those of the process) and return the exit status.

    0: done; 2: the input or an option was bad, one line on the standard error stream says how; 130: interrupted.
    """
    try:
        from ebbflow.cli.options import build_parser

        return _run(build_parser().parse_args(arguments))
    except KeyboardInterrupt:
        print("\nebbflow: interrupted", file=sys.stderr)
        return INTERRUPTED


def _run(options) -> int:
    import importlib
    import os

    from ebbflow.core.errors import EbbflowError

    sys.stdout.reconfigure(errors="backslashreplace")  # a column's name must not fail to print
    try:
        importlib.import_module(f"ebbflow.cli.{options.command}").run(options)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read our output (`ebbflow predict ... | head`) has seen enough; Python would complain again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except EbbflowError as error:
        return _fail(str(error))
    except MemoryError:
        return _fail("the memory does not suffice; use a smaller table or a smaller network")
    except OSError as error:
        return _fail(f"{error.strerror or error}" + (f": {error.filename}" if error.filename else ""))
    return 0


def _fail(message: str) -> int:
    print(f"ebbflow: error: {' '.join(message.split())}", file=sys.stderr)
    return BAD_INPUT
