"""PDF from LaTeX text, by latexmk in a temporary folder."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from rot180.codegen.system import files, programs

PACKAGES = "texlive-latex-recommended texlive-latex-extra texlive-pictures latexmk"
"""The Debian packages that compile a document."""

CURE = f"on Debian, a document needs: apt install {PACKAGES}"


COMMAND = (
    # no configuration of the user's own, which could allow what the next line forbids
    *("latexmk", "-norc", "-pdf"),
    *("-latexoption=-no-shell-escape", "-interaction=nonstopmode", "-halt-on-error"),
    "document.tex",
)

CONFINED: Mapping[str, str] = MappingProxyType({"openin_any": "p", "openout_any": "p"})
"""The environment in which TeX opens only files of its packages and below the folder it runs in."""


class CompileError(OSError):
    """TeX is missing, did not end, or could not compile a document."""


def compiled(text: str, timeout: float = 300) -> tuple[bytes, str]:
    """Return the PDF of a LaTeX file, and the log of TeX, which starts no program.

    Args:
        text: the LaTeX file.
        timeout: in seconds.

    Raises:
        CompileError: latexmk or TeX is missing, TeX did not end, or the document has an error.

    """
    with programs.workplace() as folder:
        files.write(folder, {"document.tex": text})
        try:
            ran = programs.run(COMMAND, folder, timeout, CONFINED)
        except programs.TimeLimitError as error:
            raise CompileError(
                f"no PDF: TeX did not end within {timeout:g} s and was ended; compile the .tex "
                "file, which is written by --format tex, to see where it stays"
            ) from error
        except programs.ToolError as error:
            raise CompileError(f"no PDF: {error}; {CURE}") from error
        if ran.code != 0:
            raise CompileError(f"no PDF: {_complaint(ran.output)}")
        log = files.contents(folder / "document.log").decode("utf-8", "replace")
        return files.contents(folder / "document.pdf"), log


def _complaint(output: str) -> str:
    """Return the error of TeX; if a file is missing, with the cure."""
    found = re.search(r"^! .*(?:\n.*){0,3}", output, re.MULTILINE)
    said = found[0] if found else output[-500:]
    return f"{said}; {CURE}" if "not found" in said or not found else said
