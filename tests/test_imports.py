"""Who may import whom: the folders are the way of a model through ebbflow, and nothing reaches back up."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "ebbflow"

# A module imports only from its own layer or a lower one.
LAYERS = {
    "core": 0,
    "version": 0,
    "config": 0,
    "ops": 1,
    "operators": 2,
    "functions": 3,
    "random": 3,
    "utils": 3,
    "autodiff": 4,
    "passes": 5,
    "lowering": 6,
    "backends": 7,
    "placement": 8,
    "runtime": 8,
    "compile": 8,
    "activations": 9,
    "layers": 9,
    "optimizers": 9,
    "losses": 9,
    "metrics": 9,
    "initializers": 9,
    "regularizers": 9,
    "constraints": 9,
    "training": 10,
    "callbacks": 10,
    "population": 10,
    "models": 11,
    "tables": 11,
    "plot": 12,
    "": 12,  # the public names, `import ebbflow as ebb`; importing them is being a user of everything below
    "sklearn": 12,
    "tf": 12,
    "cli": 13,
    "studio": 13,
    "__main__": 13,
}
HEAVY = ["polars", "narwhals", "pandas", "pyarrow", "PIL", "llvmlite", "sklearn", "matplotlib", "torch", "pyopencl"]
HEAVY += ["optuna", "distributed", "cloudpickle"]

FILES = sorted(PACKAGE.rglob("*.py"))


def imported_modules(file: Path) -> Iterator[str]:
    """The full names of the modules that `file` imports, anywhere in it: `from a import b` gives a and a.b."""
    package = file.relative_to(ROOT).with_suffix("").parts[:-1]
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield from (f"{base}.{alias.name}" for alias in node.names)
            yield from [base] if base != "ebbflow" else []  # `from ebbflow import core` is about core only


def unit(module: str) -> str:
    """The part of ebbflow that a module belongs to: ebbflow.core.graph -> core; ebbflow or ebbflow.Tensor -> ''."""
    part = (module.split(".") + [""])[1]
    return part if (PACKAGE / part).is_dir() or (PACKAGE / f"{part}.py").is_file() else ""


def units_imported(file: Path) -> set[str]:
    return {unit(name) for name in imported_modules(file) if name.split(".")[0] == "ebbflow"}


def test_every_part_of_ebbflow_has_a_layer() -> None:
    parts = {file.relative_to(PACKAGE).parts[0].removesuffix(".py") for file in FILES} - {"__init__"}
    assert parts <= LAYERS.keys(), "give each new file or folder of ebbflow/ its layer number in this test"


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_a_module_imports_from_its_own_layer_or_lower(file: Path) -> None:
    part = file.relative_to(PACKAGE).parts[0].removesuffix(".py")
    if part == "__init__":
        return  # the public names come from everywhere
    upward = {other for other in units_imported(file) if LAYERS.get(other, 0) > LAYERS.get(part, 99)}
    assert not upward, f"{file.relative_to(ROOT)} (layer {LAYERS.get(part)}) must not import {sorted(upward)}"


def test_only_the_cpu_backend_imports_llvmlite() -> None:
    importers = {
        file.relative_to(PACKAGE) for file in FILES if "llvmlite" in {n.split(".")[0] for n in imported_modules(file)}
    }
    assert {file.parts[:2] for file in importers} <= {("backends", "cpu"), ("backends", "cpu.py")}


def test_only_the_driver_imports_pyopencl() -> None:
    importers = {
        file.relative_to(PACKAGE).as_posix()
        for file in FILES
        if "pyopencl" in {name.split(".")[0] for name in imported_modules(file)}
    }
    assert importers == {"backends/opencl/driver.py"}


@pytest.mark.parametrize(
    ("statement", "forbidden"),
    [
        ("import ebbflow", HEAVY),
        ("from ebbflow.cli import options; options.build_parser().format_help()", ["numpy", *HEAVY]),
    ],
    ids=["import ebbflow", "ebbflow --help"],
)
def test_what_is_not_needed_is_not_imported(statement: str, forbidden: list[str]) -> None:
    program = f"import sys; {statement}; print(*(set({forbidden}) & sys.modules.keys()))"
    result = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.split() == []
