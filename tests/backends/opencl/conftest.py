"""The device that the tests compute on: a GPU if there is one, else PoCL, which runs the same kernels on a CPU."""

import os
import tempfile

import pytest

from ebbflow.backends.opencl.driver import Driver, drivers

# As with native code: compiled kernels are kept apart from the user's own.
os.environ.setdefault("POCL_CACHE_DIR", os.path.join(tempfile.gettempdir(), "ebbflow-test-pocl"))


@pytest.fixture(scope="session")
def driver() -> Driver:
    pytest.importorskip("pyopencl", reason="pyopencl is not installed (pip install 'ebbflow[gpu]')")
    if not drivers():
        pytest.skip("no OpenCL driver is installed (pip install pocl-binary-distribution)")
    return drivers()[0]
