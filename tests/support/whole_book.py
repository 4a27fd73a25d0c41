"""Write the whole book and compile it: python -m tests.support.whole_book.

No reference may be undefined, every figure is cited, nothing may exceed the margins by a point, and
no page but the last of a chapter may be less than a third full.
"""

from __future__ import annotations

import re
import sys
import tempfile

from rot180.codegen.documents.book import book
from rot180.codegen.documents.html import page
from rot180.codegen.documents.latex import latex
from rot180.codegen.documents.numbering import uncited
from rot180.codegen.documents.pdf import compiled
from tests.support.page_fill import nearly_empty, page_fills


def main() -> int:
    """Return the exit code."""
    whole = book()
    pdf, log = compiled(latex(whole))
    faults = re.findall(r".*(?:undefined|multiply defined).*", log)
    over = re.findall(r"Overfull \\[hv]box \(([\d.]+)pt.*", log)
    faults += [f"a box is {points} pt too large" for points in over if float(points) > 1]
    with tempfile.NamedTemporaryFile(suffix=".pdf") as file:
        file.write(pdf)
        file.flush()
        empty = nearly_empty(page_fills(file.name))
    faults += [f"page {page.number} is {page.share:.0%} full" for page in empty]
    faults += [f"figure {name} is cited nowhere" for name in uncited(whole)]
    print(*faults, sep="\n", file=sys.stderr)
    pages = re.search(r"\((\d+) pages", log)
    print(f"{pages[1] if pages else 0} pages, {len(pdf)} bytes; HTML {len(page(whole))} characters")
    return 1 if faults else 0


if __name__ == "__main__":
    raise SystemExit(main())
