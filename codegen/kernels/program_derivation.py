"""A program with the theorems about it, and the files that are written for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TypeVar

from rot180.codegen.kernels.derivation import (
    CERTIFICATE,
    GENERATED,
    PLAIN,
    Progress,
    ProvedLayer,
    certificate,
    derive_kernels,
    header,
    quiet,
)
from rot180.codegen.kernels.fused_kernel import steps_of
from rot180.codegen.kernels.interface import kernel_interface
from rot180.codegen.kernels.joint_function import VJP, JointKernel, joint_kernel
from rot180.codegen.kernels.kernel import Kernel, Module
from rot180.codegen.kernels.modules import layer_module, rendered
from rot180.codegen.kernels.names import derived_names
from rot180.codegen.kernels.numpy_backend import NumpyKernel
from rot180.codegen.kernels.plain_backend import PlainKernel
from rot180.codegen.kernels.plain_programs import plain_program
from rot180.codegen.kernels.program_functions import STEP, forward_tensors, program_kernels
from rot180.codegen.kernels.program_passes import StepSequence, program_passes
from rot180.codegen.kernels.targets import TARGETS
from rot180.codegen.plans.lower import ProvedPlan, proved_plan
from rot180.codegen.plans.plan import Plan
from rot180.derive.gradients.gradient import operand
from rot180.derive.gradients.program_gradient import compact_gradient, program_gradient
from rot180.derive.gradients.program_steps import (
    AnyStep,
    ProgramFunction,
    ProgramStep,
    program_functions,
    tangent_function,
)
from rot180.derive.kernel.proof import Theorem
from rot180.derive.language.layers import Layer
from rot180.derive.language.limits import metered
from rot180.derive.language.programs import Program, make_program, read
from rot180.derive.language.terms import define

AnyKernel = TypeVar("AnyKernel", bound=Kernel)


@dataclass(frozen=True)
class ProvedProgram:
    """A program and the theorems about it: all that its files are written from.

    Attributes:
        program: the definitions.
        functions: the forward pass and the gradients, each a theorem and the steps to it.
        wrt: the one operand that it was differentiated by, or None for every operand.
        progress: called with what is being done.

    """

    program: Program
    functions: tuple[ProgramFunction, ...]
    wrt: str | None = None
    progress: Progress = field(default=quiet, compare=False)

    @property
    def text(self) -> str:
        """Return the program in the notation."""
        return self.program.text

    @property
    def chains(self) -> tuple[ProgramFunction, ...]:
        """Return the functions that compute gradients."""
        return tuple(f for f in self.functions if f.name != "forward")

    @cached_property
    def compact(self) -> tuple[Theorem, ...]:
        """Prove the gradients without intermediates, where they are short; no kernel needs them."""
        short = (compact_gradient(self.program, f.theorem) for f in self.chains)
        return tuple(t for t in short if t is not None)

    @cached_property
    def named(self) -> tuple[tuple[str, Theorem], ...]:
        """Prove the gradients that contain operators, by name; no kernel needs them."""
        out = []
        for f in self.chains:
            wrt = f.name.removeprefix("grad_")
            self.progress(f"naming the operators in the gradient by {wrt}")
            with metered():
                found = program_gradient(self.program, wrt, named=True)
            out += [(f.name, found)] if found.proof != f.theorem.proof or found.words else []
        return tuple(out)

    @property
    def gradients(self) -> tuple[tuple[str, Theorem], ...]:
        """Return the theorems about the gradients, each with a name for it."""
        named = dict(self.named)
        chains = [(f.name, named.get(f.name, f.theorem)) for f in self.chains]
        short = [(t.name.partition(".")[2], t) for t in self.compact]
        return (*chains, *short)

    @property
    def steps(self) -> tuple[ProgramStep, ...]:
        """Return every step once."""
        steps = (s for f in self.functions for s in f.steps if isinstance(s, ProgramStep))
        return tuple({id(s): s for s in steps}.values())

    @property
    def command(self) -> str:
        """Return the command that writes its files."""
        option = f" --wrt {self.wrt}" if self.wrt else ""
        return f'rot180 derive "{self.text}"{option} -o out'


def prove_program(
    program: Program, wrt: str | None = None, progress: Progress = quiet
) -> ProvedProgram:
    """Derive and prove the gradients of a program, and what its kernels compute.

    Args:
        program: the definitions.
        wrt: the one operand to differentiate by; None for every operand.
        progress: called with what is being done.

    Raises:
        ValueError: the program has no such operand.

    """
    if wrt is not None:
        operand(program, wrt)
    return ProvedProgram(program, program_functions(program, wrt, progress), wrt, progress)


def program_files(derivation: ProvedProgram, progress: Progress = quiet) -> dict[str, str]:
    """Return file name → text of everything that is written for a program, except the document.

    Raises:
        LoweringError: a step cannot be lowered, or two names in the code would be equal.

    """
    texts = {CERTIFICATE: program_certificates(derivation)}
    for target in TARGETS.values():
        progress(f"writing the {target.name} kernels")
        texts[target.file] = rendered(program_module(derivation, target.name), target.name)
        texts |= {name: text() for name, text in target.runtime.items()}
    return texts


def program_module(
    derivation: ProvedProgram, target: str, joint: bool = False, fused: bool = False
) -> Module:
    """Return the module of a program's kernels.

    Args:
        derivation: the program and its theorems.
        target: "numpy" or "cython".
        joint: whether it has a function that returns all gradients.
        fused: whether passes compute several steps each, in C.

    """
    found = TARGETS[target]
    steps, plans = _kernels(derivation, found.kernel)
    program, functions = derivation.program, derivation.functions
    typed = issubclass(found.kernel, NumpyKernel)
    joint = joint and len(functions) > 1
    wholes = [joint_kernel(program, functions[1:], steps.items(), typed)] if joint else []
    passes = program_passes(_sequences(derivation, wholes), plans) if fused else {}
    if fused and joint:
        wholes = [joint_kernel(program, functions[1:], steps.items(), typed, passes[VJP])]
    each = program_kernels(program, functions, steps.items(), typed, passes)
    called: set[AnyStep] = set()
    for f in _sequences(derivation, wholes):
        own = {step for p in passes.get(f.name, ()) for step in steps_of(p.found)}
        called.update(step for step in f.steps if step not in own)
    kernels = tuple(kernel for step, kernel in steps.items() if step in called)
    said = tuple(program_header(derivation))
    module = found.module(said, derivation.text, kernels, False)
    every = {p.name: p for passes_of in passes.values() for p in passes_of}
    return replace(module, programs=(*each, *wholes), passes=tuple(every.values()))


def _sequences(
    derivation: ProvedProgram, wholes: Sequence[JointKernel]
) -> Sequence[StepSequence]:
    """Return the steps of all functions, in which passes are looked for."""
    made = {t.name for t in forward_tensors(derivation.program)}

    def sequence(word: str, steps: Sequence[AnyStep], last: Sequence[AnyStep]) -> StepSequence:
        forward = tuple(s for s in steps if s.name in made)
        back = tuple(s for s in steps if s.name not in made)
        return StepSequence(word, forward, back, tuple(last))

    found = [sequence(f.name, f.steps, f.steps[-1:]) for f in derivation.functions]
    for f in wholes:
        last = [g.steps[-1] for g in f.functions]
        found.append(sequence(f.name, [c.step for c in f.calls], last))
    return found


def user_module(spec: str, target: str, fused: bool = False) -> Module:
    """Derive a layer or a program, and return the module of its kernels.

    Args:
        spec: a name of the catalogue, a layer or a program in the notation.
        target: "numpy" or "cython".
        fused: whether passes compute several steps of a program each, in C.

    Raises:
        ValueError, LoweringError: it cannot be read, derived or lowered.

    """
    found = read(spec)
    proved = prove_program(found) if isinstance(found, Program) else derive_kernels(spec)
    return joint_module(proved, target, fused)


def joint_module(
    proved: ProvedLayer | ProvedProgram, target: str, fused: bool = False
) -> Module:
    """Return the module of a layer's or a program's kernels, with `vjp`.

    Args:
        proved: the layer or program and its theorems.
        target: "numpy" or "cython".
        fused: whether passes compute several steps of a program each, in C.

    Raises:
        LoweringError: a theorem cannot be lowered.

    """
    typed = TARGETS[target].kernel is NumpyKernel
    if isinstance(proved, ProvedProgram):
        return program_module(proved, target, joint=True, fused=fused)
    found = proved.layer
    said = header(proved.layer, proved.kernels, proved.command if target == "numpy" else "")
    made = layer_module(proved.layer, proved.kernels, target, said)
    steps = [_gradient_step(found, kernel) for kernel in made.kernels[1:]]
    functions = [ProgramFunction(s.name, s.theorem, (s,)) for s in steps]
    if not steps:  # no operand, no gradient
        return made
    pairs = zip(steps, made.kernels[1:], strict=True)
    whole = joint_kernel(make_program((found.output,)), functions, pairs, typed)
    return replace(made, programs=(whole,))


def tangent_module(spec: str, target: str, fused: bool = False) -> Module:
    """Derive the derivative of a layer or a program in a direction; return the module of `jvp`.

    Args:
        spec: a name of the catalogue, a layer or a program in the notation.
        target: "numpy" or "cython".
        fused: whether passes compute several steps each, in C.

    Raises:
        ValueError, LoweringError: it cannot be read, derived or lowered.

    """
    found = read(spec)
    program = found if isinstance(found, Program) else make_program((found.output,))
    proved = ProvedProgram(program, (tangent_function(program),))
    return program_module(proved, target, fused=fused)


def _gradient_step(layer: Layer, kernel: Kernel) -> ProgramStep:
    """Return the gradient that a kernel of a layer computes as a step."""
    t = kernel.theorem
    made = define(kernel.name, kernel.interface.box.shape, tuple(v for v, _ in t.variables), t.rhs)
    return ProgramStep(kernel.name, replace(layer, output=made), t)


def _kernels(
    derivation: ProvedProgram, kind: type[AnyKernel]
) -> tuple[dict[ProgramStep, AnyKernel], dict[ProgramStep, Plan]]:
    """Lower the steps of a program; return the kernel and the plan of each.

    Args:
        derivation: the program and its theorems.
        kind: the kernels of a target.

    Raises:
        LoweringError: a step cannot be lowered, or two names in the code would be equal.

    """
    made: dict[ProgramStep, AnyKernel] = {}
    plans: dict[ProgramStep, Plan] = {}
    words: set[str] = set()
    for step, proved in zip(derivation.steps, _plans(derivation), strict=True):
        word, n = f"{STEP}_{step.name}", 1
        while word in words:
            n += 1
            word = f"{STEP}{n}_{step.name}"
        words.add(word)
        interface = kernel_interface(step.layer, step.theorem, proved.plan)
        made[step] = kind(word, step.theorem, interface, proved.plan)
        plans[step] = proved.plan
    return made, plans


def _plans(derivation: ProvedProgram) -> Sequence[ProvedPlan]:
    names = {t.name for s in derivation.steps for t in (*s.layer.tensors, s.layer.output)}
    for step in derivation.steps:
        names |= derived_names(step.layer, gradients=False).keys()
    return [proved_plan(step.theorem, names) for step in derivation.steps]


def program_certificates(derivation: ProvedProgram) -> str:
    """Return the statements and proofs of a program's theorems as JSON text."""
    proved = [*(f.theorem for f in derivation.functions), *derivation.compact]
    plain = [t.proof for t in proved]
    proved += [t for _, t in derivation.named if t.proof not in plain]
    proved += [f.short for f in derivation.functions if f.short is not None]
    proved += [s.theorem for s in derivation.steps]
    proved += [t for p in _plans(derivation) for t in p.theorems]
    return certificate({"layer": derivation.text}, proved)


def program_header(derivation: ProvedProgram) -> list[str]:
    """Return the lines of the comment at the top of a module."""
    about = [(f.name, f.computed) for f in derivation.functions]
    about += [(f"{STEP}_{s.name}", s.theorem) for s in derivation.steps]
    proofs = [f"  {name}: {t.name}, proof {t.proof.digest}" for name, t in about]
    lines = [GENERATED, f"Program: {derivation.text}", "Theorems:", *proofs]
    return [*lines, f"Regenerate: {derivation.command}"]


def plain_program_file(derivation: ProvedProgram) -> dict[str, str]:
    """Return file name → text of a program's kernels as plain Python loops."""
    steps, _ = _kernels(derivation, PlainKernel)
    wholes = program_kernels(derivation.program, derivation.functions, steps.items(), False, {})
    kernels = tuple(steps.values())
    *said, regenerate = program_header(derivation)
    return {PLAIN: plain_program([*said, f"{regenerate} --style plain"], wholes, kernels)}
