import subprocess
import sys

PROGRAM = """
import sys
sys.modules["matplotlib"] = None
import numpy as np
import ebbflow as ebb

ebb.plot.graph(ebb.ops.tanh, np.ones(2))
try:
    ebb.plot.learning_curves({"loss": [1.0]})
except ImportError as error:
    print(error)
"""


def test_without_matplotlib_only_graphs_are_drawn_and_the_error_says_what_to_do() -> None:
    result = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "ebbflow.plot needs matplotlib: pip install 'ebbflow[plot]'"


def test_importing_the_pictures_does_not_import_matplotlib() -> None:
    program = "import sys, ebbflow.plot; print('matplotlib' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "False"
