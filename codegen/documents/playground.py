"""The playground's engine: a sum as text, and all that its page shows of it.

A page calls it in the browser, under a Python without NumPy; see `playground_files`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping

from rot180.codegen.documents.abbreviate import abbreviate
from rot180.codegen.documents.fragments import fragment
from rot180.codegen.documents.html import sections
from rot180.codegen.documents.layer import document
from rot180.codegen.documents.widths import NAMES, Width
from rot180.codegen.kernels.derivation import certificates, derive, module, plain_file
from rot180.derive import checker
from rot180.derive.language.limits import LimitError, metered
from rot180.derive.language.tokens import NotationError

Show = Callable[[Mapping[str, object]], None]


def derive_page(text: str, show: Show = lambda _: None) -> dict[str, object]:
    """Derive a layer, and return what a page shows of it as plain data.

    ``layer`` is its canonical text, ``html`` its theorems, proofs and pictures, ``latex`` the
    statements and proofs to paste, ``kernels`` file name to text, ``certificate`` the proofs as
    JSON, and ``verdicts`` what `derive/checker.py` says of each. A text that is refused has an
    ``error``: its ``message`` and, by the notation, ``start`` and ``end`` of what was found.

    Args:
        text: a name of the catalogue, or a sum in the notation.
        show: is given each part as soon as it is there, and before each the ``stage`` of the work.

    """
    found: dict[str, object] = {}

    def part(**values: object) -> None:
        found.update(values)
        show(values)

    def stage(said: str) -> None:
        show({"stage": said})

    try:
        with metered():
            _derive(text, part, stage)
    except NotationError as error:
        part(error={"message": str(error), "start": error.at, "end": error.at + error.length})
    except (ValueError, LimitError) as error:
        part(error={"message": str(error)})
    except RecursionError:
        said = f"found input that needs more than {sys.getrecursionlimit()} calls within each other"
        part(error={"message": f"{said}; expected fewer brackets in one another"})
    except MemoryError:
        part(error={"message": "out of memory; give a smaller sum"})
    return found


def _derive(text: str, part: Callable[..., None], stage: Callable[[str], None]) -> None:
    proved = derive(text, progress=stage)
    stage("writing the proofs")
    part(
        layer=proved.layer.text,
        html=sections(abbreviate(document(proved))),
        latex=fragment([t for _, t in proved.gradients], Width(NAMES["text"]), whole=False),
    )
    stage("writing the kernels")
    part(kernels={**plain_file(proved), "numpy_kernels.py": module(proved, "numpy")})
    stage("checking the certificate")
    certificate = certificates(proved)
    part(
        certificate=certificate,
        verdicts=[
            {"name": v.name, "verdict": v.verdict, "said": v.statement or v.reason}
            for v in checker.check(certificate)
        ],
    )
