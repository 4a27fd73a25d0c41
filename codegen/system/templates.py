"""Templates: strict, plain text, in the `templates` folder of the room that uses them."""

from __future__ import annotations

from jinja2 import Environment, PackageLoader, StrictUndefined, Template


def template(room: str, name: str) -> Template:
    """Return a template of a room: `template("rocq", "proof.v.jinja")`."""
    environment = Environment(
        loader=PackageLoader(f"rot180.codegen.{room}"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(name)
