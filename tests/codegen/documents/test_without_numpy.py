"""What proves, writes and checks a layer imports no NumPy: it also runs where there is none."""

from __future__ import annotations

import json
import subprocess
import sys

PROGRAM = """
import json, sys

class NoNumpy:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "numpy":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, NoNumpy())

from rot180.codegen.documents.playground import derive_page

shown = []
answer = derive_page("y[p] = sum[k] x[s*p+k] * w[k]", shown.append)
json.dump({
    "answer": answer,
    "parts": [sorted(part) for part in shown if "stage" not in part],
    "loaded": sorted(name for name in sys.modules if name.partition(".")[0] == "numpy"),
}, sys.stdout)
"""


def test_a_layer_is_derived_written_and_checked_without_numpy() -> None:
    command = [sys.executable, "-c", PROGRAM]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["loaded"] == []
    answer = found["answer"]
    parts = [["html", "latex", "layer"], ["kernels"], ["certificate", "verdicts"]]
    assert found["parts"] == parts and sorted(answer) == sorted(n for part in parts for n in part)
    assert answer["layer"] == "y[p] = sum[k] x[s*p+k] * w[k]"
    for mark in ("<math", "<svg", 'class="theorem"', 'class="proof"', 'class="stepper"'):
        assert mark in answer["html"]
    assert "\\partial" in answer["latex"]
    assert answer["kernels"].keys() == {"plain_kernels.py", "numpy_kernels.py"}
    for name, text in answer["kernels"].items():
        compile(text, name, "exec")
        assert "def grad_x(" in text
    proofs = json.loads(answer["certificate"])["proofs"]
    assert proofs and [v["name"] for v in answer["verdicts"]] == [*proofs]
    assert {v["verdict"] for v in answer["verdicts"]} == {"proved"}
