"""Write the whole book and compile it: python tests/support/whole_book.py.

No reference may be undefined, and nothing may exceed the margins by 2 points.
"""

from __future__ import annotations

import re
import sys

from rot180.codegen.documents.book import book
from rot180.codegen.documents.html import page
from rot180.codegen.documents.latex import latex
from rot180.codegen.documents.pdf import compiled


def main() -> int:
    """Return the exit code."""
    whole = book()
    pdf, log = compiled(latex(whole))
    faults = re.findall(r".*(?:undefined|multiply defined).*", log)
    over = re.findall(r"Overfull \\[hv]box \(([\d.]+)pt.*", log)
    faults += [f"a box is {points} pt too wide" for points in over if float(points) > 2]
    print(*faults, sep="\n", file=sys.stderr)
    pages = re.search(r"\((\d+) pages", log)
    print(f"{pages[1] if pages else 0} pages, {len(pdf)} bytes; HTML {len(page(whole))} characters")
    return 1 if faults else 0


if __name__ == "__main__":
    raise SystemExit(main())
