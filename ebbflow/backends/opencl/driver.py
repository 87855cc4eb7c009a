"""The GPUs of this machine, through the OpenCL drivers that it has; the only module that imports pyopencl."""

import functools
import warnings
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from ...core.errors import ArgumentError
from .narrow import narrow

# Divisions and roots are rounded correctly, and subnormal numbers count as 0, as on the CPU.
OPTIONS = ("-cl-denorms-are-zero", "-cl-std=CL1.2")
EXACT = "-cl-fp32-correctly-rounded-divide-sqrt"
AT_ONCE = "-cl-opt-disable"  # for processors, on which programs are tried out rather than used: five times sooner
PREAMBLE = "#pragma OPENCL FP_CONTRACT OFF\n"
DOUBLE = "#pragma OPENCL EXTENSION cl_khr_fp64 : enable\n"


@functools.cache
def drivers() -> tuple["Driver", ...]:
    """Every device that an OpenCL driver of this machine offers; none without pyopencl or a driver."""
    try:
        import pyopencl as cl
    except ImportError:
        return ()
    found = []
    # a platform without a device, and a machine without a platform, raise an error
    with suppress(cl.Error):
        for platform in cl.get_platforms():
            with suppress(cl.Error):
                found += platform.get_devices()
    gpus = [device for device in found if device.type & cl.device_type.GPU]
    others = [device for device in found if device not in gpus]
    named = [(f"gpu:{k}", device) for k, device in enumerate(gpus)]
    named += [(f"opencl:{k}", device) for k, device in enumerate(others)]
    return tuple(Driver(name, device) for name, device in named)


class Driver:
    """A device, and the queue in which it does what it is told.

    Attributes:
        name: "gpu:0", or "opencl:0" for what is not a GPU.
        description: what its maker calls it.
        has_double: whether it computes in float64.
    """

    def __init__(self, name: str, device: Any):
        self.name, self._device = name, device
        self.description = " ".join(device.name.split())
        self.has_double = "cl_khr_fp64" in device.extensions.split()

    def __repr__(self) -> str:
        return f"{self.name} {self.description}"

    def type_of(self, dtype: Any) -> np.dtype:
        """The element type in which the device has numbers of this type."""
        return np.dtype(dtype) if self.has_double else narrow(dtype)

    @functools.cached_property
    def _context(self) -> Any:
        import pyopencl as cl

        return cl.Context([self._device])

    @functools.cached_property
    def queue(self) -> Any:
        import pyopencl as cl

        return cl.CommandQueue(self._context)

    def build(self, text: str) -> Any:
        """A program of OpenCL C, made into code by the driver, or taken from pyopencl's cache."""
        import pyopencl as cl

        options = list(OPTIONS)
        if self._device.single_fp_config & cl.device_fp_config.CORRECTLY_ROUNDED_DIVIDE_SQRT:
            options.append(EXACT)
        if not self._device.type & cl.device_type.GPU:
            options.append(AT_ONCE)
        source = (DOUBLE if self.has_double else "") + PREAMBLE + text
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", cl.CompilerWarning)  # remarks of the driver's compiler
            return cl.Program(self._context, source).build(options=options)

    def kernel(self, program: Any, name: str, arguments: Sequence[Any]) -> Any:
        """A kernel of a program with its arguments."""
        import pyopencl as cl

        kernel = cl.Kernel(program, name)
        kernel.set_args(*arguments)
        return kernel

    def launch(self, kernel: Any, size: tuple[int, ...], group: tuple[int, ...]) -> None:
        """Tell the device to run a kernel, after all that it was told before."""
        import pyopencl as cl

        cl.enqueue_nd_range_kernel(self.queue, kernel, size, group)

    def memory(self, nbytes: int, what: str) -> Any:
        """Memory of the device; raises ArgumentError where there is too little of it for `what`."""
        import pyopencl as cl

        most = self._device.max_mem_alloc_size
        try:
            if nbytes <= most:
                return cl.Buffer(self._context, cl.mem_flags.READ_WRITE, max(nbytes, 64))
        except cl.MemoryError:
            most = self._device.global_mem_size
        raise ArgumentError(
            f"{self.name}: expected {what} to fit into the device's memory (at most {most:,} bytes), got {nbytes:,}; "
            'use fewer rows at a time, or the device "cpu"'
        )

    def upload(self, array: np.ndarray, memory: Any, offset: int = 0) -> None:
        """Copy an array to the device; when this returns, the array may change."""
        import pyopencl as cl

        if array.nbytes:
            cl.enqueue_copy(self.queue, memory, array, dst_offset=offset, is_blocking=True)

    def download(self, memory: Any, array: np.ndarray, offset: int = 0) -> np.ndarray:
        """Fill an array from the device, when all that it was told before is done."""
        import pyopencl as cl

        if array.nbytes:
            cl.enqueue_copy(self.queue, array, memory, src_offset=offset, is_blocking=True)
        return array

    def copy(self, source: Any, target: Any, nbytes: int, at: int = 0, to: int = 0) -> None:
        """Copy bytes within the device, from offset `at` to offset `to`."""
        import pyopencl as cl

        if nbytes:
            cl.enqueue_copy(self.queue, target, source, byte_count=nbytes, src_offset=at, dst_offset=to)
