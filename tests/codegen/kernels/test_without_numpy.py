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

from rot180.codegen.documents.html import page
from rot180.codegen.documents.layer import document
from rot180.codegen.kernels.derivation import certificates, derive, module, plain_file
from rot180.derive import checker

proved = derive("y[p] = sum[k] x[s*p+k] * w[k]")
certificate = certificates(proved)
json.dump({
    "theorems": [str(theorem) for _, theorem in proved.gradients],
    "html": page(document(proved)),
    "plain": plain_file(proved)["plain_kernels.py"],
    "numpy": module(proved, "numpy"),
    "certificate": certificate,
    "verdicts": [[v.name, v.verdict] for v in checker.check(certificate)],
    "loaded": sorted(name for name in sys.modules if name.partition(".")[0] == "numpy"),
}, sys.stdout)
"""


def test_a_layer_is_derived_written_and_checked_without_numpy() -> None:
    command = [sys.executable, "-c", PROGRAM]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["loaded"] == []
    assert any("dilate(grad_y, s)" in theorem for theorem in found["theorems"])
    assert "<math" in found["html"] and "<svg" in found["html"]
    for text in (found["plain"], found["numpy"]):
        compile(text, "kernels", "exec")
        assert "def grad_x(" in text
    proofs = json.loads(found["certificate"])["proofs"]
    assert proofs and found["verdicts"] == [[name, "proved"] for name in proofs]
