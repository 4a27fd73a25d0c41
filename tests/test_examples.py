"""The examples run and leave what they say."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from rot180.derive.display import mathml
from tests.support.notebooks import executed

ROOT = Path(__file__).parent.parent


def test_photograph(tmp_path: Path) -> None:
    pytest.importorskip("skimage", reason="scikit-image is not installed")
    picture = tmp_path / "photograph.png"
    script = ROOT / "examples" / "photograph.py"
    done = subprocess.run(
        [sys.executable, str(script), str(picture)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert picture.read_bytes().startswith(b"\x89PNG")
    slopes = re.search(r"direction: (\S+), by a difference: (\S+)", done.stdout)
    assert slopes is not None, done.stdout
    assert float(slopes[1]) == pytest.approx(float(slopes[2]), rel=1e-5)
    energy = re.search(r"loss (\S+)\n", done.stdout)
    twice = re.search(r"weight> / 2 = (\S+)", done.stdout)
    assert energy is not None
    assert twice is not None
    assert float(energy[1]) == pytest.approx(float(twice[1]), rel=1e-6)


def test_digits(tmp_path: Path) -> None:
    """A short training gets most held-out digits right, and is drawn."""
    pytest.importorskip("sklearn", reason="scikit-learn is not installed")
    picture = tmp_path / "digits.svg"
    command = [sys.executable, str(ROOT / "examples" / "digits.py"), str(picture), "--epochs", "4"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    right = re.search(r"held out: (\d+) of 360 right", done.stdout)
    assert right is not None, done.stdout
    assert int(right[1]) > 320
    drawn = ElementTree.parse(picture).getroot()
    assert drawn.tag == "{http://www.w3.org/2000/svg}svg"


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.ipynb")), ids=lambda p: p.name)
def test_notebooks(path: Path) -> None:
    """Each run of a notebook gives the outputs that are stored in it, byte for byte."""
    if not mathml.available():
        pytest.skip(mathml.MISSING)
    text = path.read_text(encoding="utf-8")
    assert executed(text) == text
    assert "<script" not in text
