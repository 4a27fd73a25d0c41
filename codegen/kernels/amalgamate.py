"""C headers as one: each is inlined once, before the first that includes it.

A *section* is a header that is included several times, with macros that differ: once for each
type, once for each length of vectors. It cannot be inlined there, so the file includes itself, and
those macros say which section is read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

_INCLUDE = re.compile(r'#include "(.+)"\n')
_SYSTEM_INCLUDE = re.compile(r"#include <.+>\n")
_GUARD = re.compile(
    r"(/\*.*?\*/\n)#ifndef (\w+_H)\n#define \2\n(.*)\n#endif /\* \2 \*/\n", re.DOTALL
)
_GUARD_UNDEFINED = re.compile(r"#undef \w+_H\n")
_BLANK_LINES = re.compile(r"\n{3,}")


def amalgamate(
    name: str, root: str, sections: Mapping[str, str], read: Callable[[str], str]
) -> str:
    """Return a header and all that it includes as one text.

    Args:
        name: the name of the file that the text becomes.
        root: the header that includes the others.
        sections: macro to the section that is read where it is defined, outermost first.
        read: returns the text of a header.

    """
    seen: set[str] = set()

    def once(line: re.Match[str]) -> str:
        new = line[0] not in seen
        seen.add(line[0])
        return line[0] if new else ""

    def inline(header: str) -> str:
        if header in seen:
            return ""
        seen.add(header)
        text = _GUARD_UNDEFINED.sub("", _GUARD.sub(r"\1\3", read(header)))
        wanted = [h for h in _INCLUDE.findall(text) if h not in sections.values()]
        before = "".join(inline(h) for h in wanted)
        text = _INCLUDE.sub(lambda line: "" if line[1] in wanted else f'#include "{name}"\n', text)
        return before + _SYSTEM_INCLUDE.sub(once, text) + "\n"

    guard = f"ROT180_{name.upper().replace('.', '_')}"
    parts = [f"#ifndef {guard}\n#define {guard}\n\n{inline(root)}#endif /* {guard} */\n"]
    parts += [inline(section) for section in sections.values()]
    conditions = [f"#if !defined({macro})\n" for macro in sections]
    conditions = [conditions[0], *(c.replace("#if", "#elif") for c in conditions[1:]), "#else\n"]
    text = "\n".join(a + b for a, b in zip(conditions, parts, strict=True)) + "#endif\n"
    return _BLANK_LINES.sub("\n\n", text)
