"""The files of the playground: a page in which the engine itself runs, in the reader's browser.

The page starts a worker, which runs Pyodide (CPython for the browser) and, in it, this package. All
that the page loads lies in its folder. Pyodide is not shipped: a folder with its files is given.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from io import BytesIO
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from rot180 import codegen, derive
from rot180.codegen.documents.html import ICON, masthead, policy
from rot180.codegen.documents.site_frame import SiteFrame
from rot180.codegen.figures.stepper import stepper_script, stepper_style
from rot180.codegen.figures.svg import style as picture_style
from rot180.codegen.system import files
from rot180.codegen.system.files import resource
from rot180.codegen.system.templates import template
from rot180.derive.display.mathml import Html
from rot180.derive.language.layers import catalogue

PYODIDE = (
    "pyodide.mjs",
    "pyodide.asm.mjs",
    "pyodide.asm.wasm",
    "python_stdlib.zip",
    "pyodide-lock.json",
)
"""What a page loads of Pyodide; versions before 314 have other names."""

ABOUT = "package.json"
"""Has the version; a page does not load it."""

DISTRIBUTIONS = ("sympy", "mpmath", "jinja2", "markupsafe", "latex2mathml")
"""The distributions that the engine imports, without NumPy."""

EXAMPLE = "y[p] = sum[k] x[s*p+d*k-lo] * w[k]"
"""The sum that a page opens with."""

_PACKED = {".py", ".txt", ".jinja", ".css", ".js", ".h", ".c", ".v"}
_TESTS = {"tests", "benchmarks", "test-examples", "__pycache__"}
_LICENCES = ("LICENSE", "AUTHORS", "METADATA")


@dataclass(frozen=True)
class LoadedFile:
    """A row of the page's table of what it loads.

    Attributes:
        name: the file.
        size: its size in words.
        source: where it comes from, a text.

    """

    name: str
    size: str
    source: str


def pyodide_files(folder: Path) -> dict[str, bytes]:
    """Return file name → contents of what is needed of Pyodide.

    Args:
        folder: has the files of the npm package ``pyodide``.

    Raises:
        ValueError: a file is missing there.

    """
    found = {}
    for name in (*PYODIDE, ABOUT):
        try:
            found[name] = files.contents(folder / name)
        except OSError as error:
            raise ValueError(
                f"--pyodide: found {folder} without {name}, expected the files of the npm package "
                "pyodide: run `npm pack pyodide`, unpack it, and give its folder `package`"
            ) from error
    _version(found[ABOUT])
    return found


def playground(
    pyodide: Mapping[str, bytes], site: SiteFrame | None = None
) -> dict[str, str | bytes]:
    """Return file name → contents of the playground; the page is ``index.html``.

    Args:
        pyodide: the files of Pyodide.
        site: what surrounds the page, if it belongs to a site.

    Raises:
        ValueError: a distribution that the engine imports is not installed.

    """
    version = _version(pyodide[ABOUT])
    loaded = {f"pyodide/{name}": data for name, data in pyodide.items() if name != ABOUT}
    loaded["packages.zip"] = _packed(dict(_packages()))
    loaded["worker.js"] = resource("documents", "static/playground_worker.js").encode()
    rows = [LoadedFile(n, _size(len(d)), _source(n, version)) for n, d in loaded.items()]
    loaded["index.html"] = _page(rows, _size(sum(map(len, loaded.values()))), site).encode()
    digest = sha256(b"".join(sha256(data).digest() for data in loaded.values())).hexdigest()[:16]
    # the worker of the cache is not in the cache: the browser itself looks for a newer one
    cache = template("documents", "playground_cache.js.jinja").render(
        files=json.dumps(["./", *loaded]), digest=digest
    )
    return {**loaded, "cache.js": cache}


def _page(rows: list[LoadedFile], total: str, site: SiteFrame | None) -> str:
    looks = ("document", *(["site"] if site else ()), "playground")
    own = [resource("documents", f"static/{name}.css") for name in looks]
    styles = [*own, stepper_style(), picture_style()]
    scripts = [resource("documents", f"static/{name}.js") for name in ("copy", "playground")]
    moving = stepper_script()
    return template("documents", "playground.html.jinja").render(
        policy=policy(
            [*scripts, moving],
            styles,
            "worker-src 'self'",
            "img-src data:",
            "form-action 'self'" if site else "form-action 'none'",
        ),
        icon=ICON,
        masthead=masthead(site) if site else "",
        styles=list(map(Html, styles)),
        stepper=Html(moving),
        scripts=list(map(Html, scripts)),
        example=EXAMPLE,
        catalogue=list(catalogue().items()),
        files=rows,
        total=total,
    )


def _version(about: bytes) -> str:
    try:
        return str(json.loads(about)["version"])
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(
            f"--pyodide: found no version in {ABOUT}, expected that of the npm package pyodide"
        ) from error


def _packages() -> Iterator[tuple[str, bytes]]:
    """Yield name and contents of the engine's files and of what it imports, with the licences."""
    for name in DISTRIBUTIONS:
        for path in _installed(name).files or ():
            top, *below = path.parts
            about = top.endswith(".dist-info")
            packed = path.name.startswith(_LICENCES) if about else path.suffix in _PACKED
            if packed and below and top != ".." and not _TESTS & {*below}:
                yield path.as_posix(), files.contents(Path(str(path.locate())))
    for module in (derive, codegen):
        root = Path(str(module.__file__)).parent
        for file in sorted(root.rglob("*")):
            if file.suffix in _PACKED and "__pycache__" not in file.parts:
                inside = file.relative_to(root).as_posix()
                yield f"rot180/{root.name}/{inside}", files.contents(file)


def _installed(name: str) -> Distribution:
    try:
        return distribution(name)
    except PackageNotFoundError as error:
        raise ValueError(
            f'found no {name} installed, expected it for the page: pip install "rot180[book]"'
        ) from error


def _packed(texts: Mapping[str, bytes]) -> bytes:
    """Return files as a ZIP archive, the same for the same files."""
    archive = BytesIO()
    with ZipFile(archive, "w", ZIP_DEFLATED) as packed:
        for name, data in sorted(texts.items()):
            packed.writestr(ZipInfo(name), data, ZIP_DEFLATED, 9)
    return archive.getvalue()


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 1e5 else f"{count / 1e3:.0f} kB"


def _source(name: str, version: str) -> str:
    """Say where a file comes from."""
    if name.startswith("pyodide/"):
        return f"the npm package pyodide, version {version}"
    if name == "packages.zip":
        found = [_installed(name) for name in DISTRIBUTIONS]
        return f"rot180, and from PyPI {', '.join(f'{d.name} {d.version}' for d in found)}"
    return "rot180"
