"""Audits of PyTorch's functions that compute programs: no false alarms, in two dtypes."""

import pytest

pytest.importorskip("torch")

from rot180.codegen.audit.adapters.torch_programs import PROGRAMS
from rot180.codegen.audit.judge import Judge
from rot180.codegen.audit.questions import question
from rot180.codegen.audit.report import write
from rot180.codegen.audit.runs import run
from rot180.codegen.audit.targets import target
from rot180.codegen.audit.tolerance import precision
from rot180.derive.language.programs import program


@pytest.mark.parametrize("name", sorted(PROGRAMS))
def test_forward_and_first_gradient(name: str) -> None:
    """Two configurations of each at least; a program that is given by its text is the same."""
    text = program(name).text
    for source, wrt in ((name, ""), (text, program(name).tensors[0].name)):
        asked = question(source, wrt)
        kinds = (precision("float64"), precision("float32"))
        found = run(Judge(asked, target("torch", asked), kinds), 4)
        assert found.diagnosis is None, write(found, "text")
        assert found.verdict.passed >= 2


def test_other_programs_are_refused() -> None:
    """The error names those that there are."""
    with pytest.raises(ValueError, match=r"expected for torch one of linear, conv1d, .*, softmax"):
        target("torch", question("y[i] = exp(x[i])", ""))
