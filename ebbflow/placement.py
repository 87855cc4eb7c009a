"""Where models are trained and used: the processor, or a GPU that has an OpenCL driver.

    ebb.devices()            # [Device("cpu", ...), Device("gpu:0", "NVIDIA ..."), ...]
    with ebb.device("gpu"):
        model.fit(x, y)

A GPU needs `pip install "ebbflow[gpu]"` and the OpenCL driver of its maker. It computes the same formulas, and adds in
the same order.
"""

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from .core.errors import ArgumentError

_chosen: ContextVar[Any] = ContextVar("device", default=None)


@dataclass(frozen=True)
class Device:
    """Something that computes.

    Attributes:
        name: what `device` takes: "cpu", "gpu:0", "gpu:1", ..., or "opencl:0" for what an OpenCL driver offers besides
            GPUs, such as a processor.
        description: what its maker calls it.
    """

    name: str
    description: str

    def __str__(self) -> str:
        return f"{self.name} {self.description}"


def devices() -> list[Device]:
    """All devices of this machine, the processor first."""
    return [_processor(), *(Device(driver.name, driver.description) for driver in _drivers())]


@contextmanager
def device(name: str | Device) -> Iterator[Device]:
    """Inside this context, `fit`, `evaluate`, `predict` and single batches are computed by this device.

    Parameters:
        name: one of `devices()`, or its name; "gpu" is the first GPU.

    Models compiled with run_eagerly=True are computed by NumPy everywhere, and so are single operations. Raises
    ArgumentError for a device that is not there.
    """
    found, driver = _find(name.name if isinstance(name, Device) else name)
    before = _chosen.set(driver)
    try:
        yield found
    finally:
        _chosen.reset(before)


def chosen() -> Any:
    """The driver of the device in whose context this is called; None for the processor."""
    return _chosen.get()


def expect_processor(caller: str) -> None:
    """Raise ArgumentError inside the context of another device, for what only the processor does."""
    if chosen() is not None:
        raise ArgumentError(
            f'{caller}: expected the device "cpu", got {chosen().name!r}, on which one model is trained at a time; '
            "call it outside of the context of that device"
        )


def _drivers() -> Any:
    """The drivers, imported when asked for: pyopencl is an extra."""
    from .backends.opencl.driver import drivers

    return drivers()


def _processor() -> Device:
    return Device("cpu", f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores")


def _find(name: Any) -> tuple[Device, Any]:
    """A device and its driver, which the processor has none of."""
    asked = name.lower() if isinstance(name, str) else name
    if asked in ("cpu", "cpu:0"):
        return _processor(), None
    asked = f"{asked}:0" if asked in ("gpu", "opencl") else asked
    for driver in _drivers():
        if driver.name == asked:
            return Device(driver.name, driver.description), driver
    there = ", ".join(map(str, devices()))
    raise ArgumentError(
        f"device: expected one of {there}, got {name!r}; a GPU needs pip install 'ebbflow[gpu]' and its maker's OpenCL "
        "driver"
    )
