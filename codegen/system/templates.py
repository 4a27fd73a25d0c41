"""Templates: strict, plain text, in the `templates` folder of the room that uses them."""

from __future__ import annotations

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template


def template(room: str, name: str) -> Template:
    r"""Return a template of a room: `template("rocq", "proof.v.jinja")`.

    In a LaTeX template, named ``*.tex.jinja``, variables are written ``\VAR{...}`` and
    commands ``\BLOCK{...}``, because braces have a meaning in LaTeX. In an HTML template, named
    ``*.html.jinja``, every text is escaped unless it is `Html`.
    """
    latex, html = (name.endswith(f".{kind}.jinja") for kind in ("tex", "html"))
    return _environment(room, latex, html).get_template(name)


@cache
def _environment(room: str, latex: bool, html: bool) -> Environment:
    return Environment(
        block_start_string="\\BLOCK{" if latex else "{%",
        block_end_string="}" if latex else "%}",
        variable_start_string="\\VAR{" if latex else "{{",
        variable_end_string="}" if latex else "}}",
        comment_start_string="\\NOTE{" if latex else "{#",
        comment_end_string="}" if latex else "#}",
        loader=PackageLoader(f"rot180.codegen.{room}"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=html,
    )
