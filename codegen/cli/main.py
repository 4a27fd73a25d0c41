"""The command line: ``rot180 derive``, ``book``, ``network``, ``list`` and so on: see ``--help``.

Results go to the standard output, progress and errors to the standard error. The exit code is 2
for bad input and 1 for a failed check, 130 after Ctrl-C and 143 after a request to terminate.
"""

from __future__ import annotations

from collections.abc import Sequence

from rot180.codegen.system import interrupts, streams


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    Args:
        argv: the arguments; those of the process if None, which then also answers signals itself.

    """
    if argv is not None:
        return _run(argv)
    try:
        streams.ensure_open()
    except streams.ClosedOutputError as error:
        streams.say(str(error))
        return 2
    interrupts.answer()
    try:
        return _run(None)
    finally:
        interrupts.work_is_done()


def _run(argv: Sequence[str] | None) -> int:
    # imports SymPy, which takes long: from here on Ctrl-C is answered
    from rot180.codegen.cli.commands import run

    return run(argv)


if __name__ == "__main__":
    raise SystemExit(main())
