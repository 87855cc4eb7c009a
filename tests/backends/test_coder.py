"""Machine code made on several threads is the same as made by llvmlite, one module after the other."""

import pytest

from ebbflow.backends.cpu import jit
from ebbflow.backends.cpu.target import host
from ebbflow.compile import write
from ebbflow.lowering.peak import chain_kernel


def test_threads_make_the_same_code_as_llvmlite_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [write([], [chain_kernel(chains)], host()) for chains in range(1, 9)]
    with jit.Coder(host(), threads=3) as coder:
        for text in texts:
            coder.add(text)
        together = coder.finish()
    monkeypatch.setattr(jit, "_emitter", lambda: None)
    assert together == [jit.machine_code(text, host()) for text in texts]


def test_what_cannot_be_compiled_is_raised_where_the_code_is_asked_for() -> None:
    with jit.Coder(host(), threads=2) as coder:
        coder.add("this is no module")
        with pytest.raises(RuntimeError, match="expected"):
            coder.finish()
