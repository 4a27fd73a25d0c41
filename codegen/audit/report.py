"""What an audit found, as text, JSON, JUnit, SARIF and a web page."""

from __future__ import annotations

import html
import inspect
import itertools
import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np

from rot180.codegen.audit.diagnosis import Diagnosis
from rot180.codegen.audit.expectations import PROVED
from rot180.codegen.audit.judge import AuditResult, Judge, Mismatch
from rot180.codegen.audit.questions import drawn
from rot180.codegen.audit.targets import JudgedFunction
from rot180.codegen.system.terminal import visible
from rot180.codegen.system.version import version

FORMATS = ("text", "json", "junit", "sarif", "html")
"""The forms of a report."""


@dataclass(frozen=True)
class Audit:
    """An audit that ended.

    Attributes:
        judge: who judged, what and whom.
        verdict: what was found.
        diagnosis: what is wrong; None if nothing is.

    """

    judge: Judge
    verdict: AuditResult
    diagnosis: Diagnosis | None

    @property
    def title(self) -> str:
        """Return what was judged, in words."""
        question = self.judge.question
        of = f"gradient by {self.wrt} of " if question.wrt else ""
        return f"{self.judge.target.name}: {of}{question.name}"

    @property
    def wrt(self) -> str:
        """Return the public name of the operand."""
        question = self.judge.question
        names = question.entry.arguments if question.entry else {}
        return names.get(question.wrt, question.wrt)

    @property
    def data(self) -> dict[str, Any]:
        """Return all of it as JSON has it."""
        out: dict[str, Any] = {
            "target": self.judge.target.name,
            "layer": self.judge.question.name,
            "wrt": self.wrt,
            "seed": self.judge.seed,
            "dtypes": [str(a) for a in self.judge.arithmetic],
            "passed": self.verdict.passed,
            "unsupported": dict(sorted(self.verdict.unsupported.items())),
            "worst error, as a part of its bound": round(self.verdict.worst, 4),
            "bound": self.judge.question.tolerance,
            "right": self.diagnosis is None,
        }
        if self.diagnosis is not None:
            smallest = self.diagnosis.smallest
            out["mismatch"] = {
                "kind": smallest.kind,
                "dtype": smallest.dtype,
                "text": smallest.text,
                "index": list(smallest.index) if smallest.index is not None else None,
                "mistake": self.diagnosis.mistake,
                "terms": list(self.diagnosis.terms),
                "call": {word: _plain(value) for word, value in self.call.items()},
            }
        return out

    @property
    def call(self) -> Mapping[str, Any]:
        """Return the arguments of the smallest call that is wrong."""
        assert self.diagnosis is not None
        case, question = self.diagnosis.smallest.case, self.judge.question
        values = self.diagnosis.smallest.arrays
        return {**drawn(question, case.env, values), **question.keywords(case.env)}


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return {"shape": list(value.shape), "entries": value.tolist()}
    return value


def write(audit: Audit, form: str) -> str:
    """Return a report.

    Args:
        audit: what was found.
        form: one of `FORMATS`.

    """
    if form == "json":
        return json.dumps(audit.data, indent=1) + "\n"
    return {"text": _text, "junit": _junit, "sarif": _sarif, "html": _html}[form](audit)


def _text(audit: Audit) -> str:
    return visible("\n".join(_lines(audit))) + "\n"


def _lines(audit: Audit) -> Iterator[str]:
    verdict, diagnosis = audit.verdict, audit.diagnosis
    dtypes = " and ".join(str(a) for a in audit.judge.arithmetic)
    left = sum(verdict.unsupported.values())
    besides = f"; {left} that it does not support" if left else ""
    if diagnosis is None:
        yield f"{audit.title}: right at {verdict.passed} configurations in {dtypes}{besides}"
        yield f"    the largest error is {verdict.worst:.2f} of its bound"
        if audit.judge.question.tolerance != PROVED:
            yield f"    the bound is {audit.judge.question.tolerance}"
    else:
        yield f"{audit.title}: WRONG, after {verdict.passed} right configurations{besides}"
        yield from (f"    {line}" for line in explained(audit))
        if diagnosis.smallest.kind == "inaccurate":
            yield f"    the bound is {audit.judge.question.tolerance}"
    takes = audit.judge.target.takes
    lacking = [word for word in audit.judge.question.parameters if takes and word not in takes]
    if lacking and audit.judge.question.wrt != "bias":
        yield f"    not judged: {', '.join(lacking)}, which it does not take"
    for why, count in sorted(verdict.unsupported.items()):
        yield f"    not supported, {count} times: {why}"


def explained(audit: Audit) -> Iterator[str]:
    """Yield what is wrong: the mistake, the smallest call, and the terms at fault, line by line."""
    diagnosis = audit.diagnosis
    assert diagnosis is not None
    if diagnosis.mistake:
        yield f"mistake: {diagnosis.mistake}"
    smallest = diagnosis.smallest
    yield f"smallest call, in {smallest.dtype}:"
    for word, value in audit.call.items():
        yield f"    {word} = {_shown(value)}"
    yield wrong_entry(smallest)
    yield from diagnosis.terms[:8]
    if len(diagnosis.terms) > 8:
        yield f"and {len(diagnosis.terms) - 8} more"


def wrong_entry(mismatch: Mismatch) -> str:
    """Return the first wrong entry of a result, and what is wrong with it."""
    at = f"[{','.join(map(str, mismatch.index))}]" if mismatch.index is not None else ""
    return f"result{at}: {mismatch.text}"


def _shown(value: Any) -> str:
    if not isinstance(value, np.ndarray):
        return str(value)
    entries = str(value.tolist())
    shape = f"array of the shape {value.shape}"
    return f"{shape}, {entries}" if len(entries) <= 80 else shape


def _junit(audit: Audit) -> str:
    failed = audit.diagnosis is not None
    suite = ElementTree.Element(
        "testsuite", name="rot180 audit", tests="1", failures=str(int(failed))
    )
    case = ElementTree.SubElement(suite, "testcase", classname="audit", name=visible(audit.title))
    if failed:
        text = _text(audit)
        ElementTree.SubElement(case, "failure", message=text.splitlines()[0]).text = text
    ElementTree.indent(suite)
    return ElementTree.tostring(suite, encoding="unicode") + "\n"


def _sarif(audit: Audit) -> str:
    title = {"text": "A result differs from the definition of its layer"}
    rule = {
        "id": "wrong-pass",
        "shortDescription": title,
        "fullDescription": {"text": f"{title['text']}, at sizes and parameters that fit it."},
        "help": {"text": "The message has the smallest wrong call and the terms at fault."},
    }
    driver = {"name": "rot180 audit", "version": version(), "rules": [rule]}
    results = []
    if audit.diagnosis is not None:
        result = {
            "ruleId": rule["id"],
            "ruleIndex": 0,
            "level": "error",
            "message": {"text": _text(audit)},
            "partialFingerprints": {"mistake/v1": audit.diagnosis.mistake or "unknown"},
            "locations": [{"physicalLocation": _place(audit.judge.target)}],
        }
        results.append(result)
    run = {"tool": {"driver": driver}, "results": results}
    schema = "https://json.schemastore.org/sarif-2.1.0.json"
    return json.dumps({"$schema": schema, "version": "2.1.0", "runs": [run]}, indent=1) + "\n"


def _place(target: JudgedFunction) -> dict[str, Any]:
    """Return the file and the line of a target, as far as they are known."""
    path, _, name = target.name.rpartition(":")
    file = path if path.endswith(".py") else path.replace(".", "/") + ".py"
    where = file if path else name
    place: dict[str, Any] = {"artifactLocation": {"uri": where}, "region": {"startLine": 1}}
    code = getattr(inspect.unwrap(target.function), "__code__", None)
    if path and code is not None:
        place["region"] = {"startLine": code.co_firstlineno}
        with suppress(ValueError):
            own = Path(code.co_filename).resolve().relative_to(Path.cwd())
            place["artifactLocation"] = {"uri": own.as_posix()}
    return place


def _html(audit: Audit) -> str:
    parts = [f"<pre>{html.escape(_text(audit))}</pre>", *_drawn(audit)]
    title = html.escape(audit.title)
    style = (
        "body{font:16px/1.5 system-ui;margin:2rem auto;max-width:60rem}"
        "td{border:1px solid #bbb;padding:.2rem .6rem;text-align:right}"
        ".wrong{background:#fdd;font-weight:bold}"
    )
    body = "\n".join(parts)
    return (
        f'<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>{title}</title>\n'
        f"<style>{style}</style>\n<h1>{title}</h1>\n{body}\n</html>\n"
    )


def _drawn(audit: Audit) -> Iterator[str]:
    """Draw the entries of the smallest wrong result, a table for each last two axes."""
    if audit.diagnosis is None:
        return
    smallest = audit.diagnosis.smallest
    found, wrong, expected = smallest.result, smallest.wrong, smallest.expected
    if smallest.kind != "wrong" or found is None or wrong is None or expected is None:
        return
    shape = (-1, *(found.shape[-2:] if found.ndim > 1 else (1, found.size)))
    tables = zip(*(a.reshape(shape) for a in (found, expected, wrong)), strict=True)
    for table in itertools.islice(tables, 16):
        yield "<table>"
        for row in zip(*table, strict=True):
            cells = (
                f'<td class="wrong">{a:g}<br>not {b:g}</td>' if off else f"<td>{a:g}</td>"
                for a, b, off in zip(*row, strict=True)
            )
            yield f"<tr>{''.join(cells)}</tr>"
        yield "</table>"
