"""The program: its verbs, and what happens when one of them cannot go on.

Everything that a person can cause (a wrong option, an unreadable picture, a full disk) ends in one line on
standard error that says what to do, and exit code 2; a traceback means a bug in dipsearch.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from typing import Annotated

import typer

from .. import __version__
from ..calling import program
from ..early_signals import listening_early
from ..errors import DipsearchError, out_of_memory
from ..visible import one_line
from .benches.bench import bench
from .dashboard import dashboard
from .degrade import degrade
from .exit_codes import INTERRUPTED, USAGE_ERROR
from .lasting_streams import lasting_streams, nowhere
from .library import library
from .narrow_streams import write_letters_for_what_is_lacking
from .report import report
from .restore import restore
from .search import search
from .show import show

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
"""How the system refuses what is written; to what, it does not say of a stream."""

MAY_FINISH = ("search", "restore")
"""Verbs that deliver something when they are asked to finish."""

app = typer.Typer(
    name="dipsearch",
    help="Restore a damaged image with an untrained network: no training data, no reference image.",
    add_completion=False,
    pretty_exceptions_enable=False,
)
for verb in (search, restore, report, dashboard, show, degrade):
    app.command()(verb)
app.add_typer(library, name="library")
app.add_typer(bench, name="bench")


@app.callback(invoke_without_command=True)
def _without_a_verb(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False,
) -> None:
    if version:
        print(f"dipsearch {__version__}")
    elif context.invoked_subcommand is None:
        print(context.get_help())


def main() -> None:
    """Run the command line of this process and exit."""
    sys.exit(run(sys.argv[1:], last=True))


def run(arguments: Sequence[str], *, last: bool = False) -> int:
    """Run one command; return its exit code, see ``exit_codes``: 2 for anything the caller can mend.

    Args:
        arguments: as they were typed, without the program's name.
        last: the process ends with it.
    """
    sys.stdout, sys.stderr = (stream or nowhere() for stream in (sys.stdout, sys.stderr))  # some close them
    write_letters_for_what_is_lacking((sys.stdout, sys.stderr))
    try:
        with ExitStack() as stack:
            if arguments[:1] and arguments[0] in MAY_FINISH:
                stack.enter_context(listening_early(last=last))
                stack.enter_context(lasting_streams())
            code = typer.main.get_command(app).main(
                args=[_from_home(one) for one in arguments], prog_name=program(), standalone_mode=False
            )
        sys.stdout.flush()
    except typer.TyperException as error:  # a wrong option, a missing argument
        return _refuse(f"{error.format_message().rstrip('.')}{_value(error)}; see {_help_command(error)}")
    except DipsearchError as error:
        return _refuse(str(error))
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except BrokenPipeError:
        # The reader has left (`| head`). Python would complain once more while it flushes at exit.
        _drop_output()
        return 1
    except (MemoryError, RuntimeError) as error:
        if not out_of_memory(error):
            raise
        return _refuse("there is not enough memory for this; use a smaller picture or fewer --workers")
    except OSError as error:
        if not error.filename and error.errno in NO_ROOM:
            _drop_output()
            return _refuse(f"the output cannot be written: the system says: {error.strerror}")
        return _refuse(f"{error.filename or 'it cannot go on'}: the system says: {error.strerror or error}")
    return code if isinstance(code, int) else 0


def _from_home(argument: str) -> str:
    """Write out ``~/`` where no shell has: in ``--out=~/a.png``, or in a list of arguments from a program."""
    option, equals, value = argument.partition("=")
    if argument.startswith("--") and equals:
        return f"{option}={_from_home(value)}"
    if not argument.startswith("~/"):
        return argument
    return os.path.expanduser(argument)  # noqa: PTH111  (a slash at the end stays, as a shell has it)


def _drop_output() -> None:
    """Drop what standard output still holds, which it does not take."""
    with suppress(OSError):  # a stream without a file
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _refuse(text: str) -> int:
    print(f"dipsearch: error: {one_line(text)}", file=sys.stderr)
    return USAGE_ERROR


def _value(error: typer.TyperException) -> str:
    """What was given, where Typer says only what should have been: its cause knows."""
    from pydantic import ValidationError

    if not isinstance(error.__cause__, ValidationError):
        return ""
    return f", and {error.__cause__.errors()[0]['input']} was given"


def _help_command(error: typer.TyperException) -> str:
    context = getattr(error, "ctx", None)
    return f"{context.command_path if context else program()} --help"
