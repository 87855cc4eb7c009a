"""Programs for 64-bit ARM, run by an emulator, train to the same bits as programs for this machine."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from ebbflow.backends.cpu import jit
from ebbflow.backends.cpu.target import Target, aarch64, host
from ebbflow.compile import Program, compile_program, view
from ebbflow.lowering.layout import round_up
from ebbflow.lowering.program import WORDS
from ebbflow.lowering.table import Slot
from ebbflow.runtime.memory import allocate

from .networks import NETWORKS, data, network, steps_of

COMPILER = shutil.which("aarch64-linux-gnu-gcc")
EMULATOR = shutil.which("qemu-aarch64") or shutil.which("qemu-aarch64-static")
STEPS, BATCHES, BATCH, TAIL = 10, 4, 16, 5
PLACE = 0x5000000000  # where the memory of a program lies in the emulated process

# Reads the memory, shuffles, trains on several threads at once, and writes the memory.
MAIN = r"""
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
void shuffle(char *table);
void run(char *arena, char *table, long thread, long threads);
static char *memory;
static long threads;
static void *work(void *thread) { run(memory + ARENA, memory, (long)thread, threads); return 0; }
int main(int count, char **arguments) {
    pthread_t workers[8];
    threads = atol(arguments[1]);
    memory = mmap((void *)PLACE, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    if (memory == MAP_FAILED || fread(memory, 1, SIZE, stdin) != SIZE) return 1;
    shuffle(memory);
    for (long k = 0; k < threads; k++) if (pthread_create(&workers[k], 0, work, (void *)k)) return 1;
    for (long k = 0; k < threads; k++) pthread_join(workers[k], 0);
    return fwrite(memory, 1, SIZE, stdout) != SIZE;
}
"""


class Block:
    """All the memory that a training program needs, in one block of bytes: first the table, then the arena."""

    def __init__(self, program: Program, arrays: dict[str, np.ndarray]):
        self.program, self.arrays, rows = program, arrays, len(arrays["x"])
        parts = {"table": 8 * (Slot.DATA + 2), "arena": program.blueprint.nbytes}
        parts |= {"order": 8 * rows, "words": 4 * round_up(rows, WORDS), "history": 8 * 100}
        parts |= {name: array.nbytes for name, array in arrays.items()}
        self.nbytes, self.start = 0, {}
        for part, nbytes in parts.items():
            self.start[part] = self.nbytes
            self.nbytes += -(-nbytes // 64) * 64
        self.memory = allocate(self.nbytes)

    def prepare(self, place: int) -> None:
        """The state before the first step, as it is when the block lies at this address."""
        self.memory[:] = 0
        for name, array in self.arrays.items():
            self._part(name)[: array.nbytes] = array.reshape(-1).view(np.uint8)
        arena = self._part("arena")
        arena[: self.program.blueprint.nbytes] = self.program.new_arena()
        for variable, buffer in self.program.variables.items():
            buffer.layout.pack(variable.numpy(), view(arena, buffer))
        table = self.memory[: 8 * (Slot.DATA + 2)].view(np.int64)
        table[Slot.BUDGET], table[Slot.EPOCHS], table[Slot.ROWS] = STEPS, 100, len(self.arrays["x"])
        table[Slot.WHOLE], table[Slot.STEPS], table[Slot.SHUFFLE], table[Slot.SEED] = BATCHES, BATCHES + 1, 1, 7
        for slot, part in ((Slot.ORDER, "order"), (Slot.WORDS, "words"), (Slot.HISTORY, "history")):
            table[slot] = place + self.start[part]
        table[Slot.DATA], table[Slot.DATA + 1] = place + self.start["x"], place + self.start["y"]

    def _part(self, name: str) -> np.ndarray:
        return self.memory[self.start[name] :]

    def results(self) -> list[np.ndarray]:
        """The losses of the epochs, the order of the rows, and all variables."""
        arena, rows = self._part("arena"), len(self.arrays["x"])
        variables = [buffer.layout.unpack(view(arena, buffer)) for buffer in self.program.variables.values()]
        return [self._part("history")[: 8 * 100].view(float), self._part("order")[: 8 * rows].view(int), *variables]


def block(name: str, target: Target) -> Block:
    model, arrays = network(name), data(name, BATCHES * BATCH + TAIL)
    return Block(compile_program(steps_of(model, arrays, BATCH), model.weights, (BATCH, 1), target), arrays)


def here(name: str) -> list[np.ndarray]:
    """The results of training in this process."""
    trained = block(name, host())
    place = trained.memory.ctypes.data
    trained.prepare(place)
    trained.program.shuffle(trained.memory)
    trained.program.function("run")(place + trained.start["arena"], place, 0, 1)
    return trained.results()


def emulated(name: str, threads: list[int], folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[list[np.ndarray]]:
    """The results of training in an emulated process, for each of these numbers of threads."""
    codes: list[bytes] = []
    monkeypatch.setattr(jit, "link", lambda objects, target: codes.extend(objects))  # it is linked below, not into here
    trained = block(name, aarch64())
    monkeypatch.undo()
    (folder / "main.c").write_text(MAIN)
    objects = [f"program{k}.o" for k in range(len(codes))]
    for file, code in zip(objects, codes, strict=True):
        (folder / file).write_bytes(code)
    numbers = {"PLACE": PLACE, "SIZE": trained.nbytes, "ARENA": trained.start["arena"]}
    command = [COMPILER, "-static", "-pthread", *(f"-D{key}={number}l" for key, number in numbers.items())]
    subprocess.run([*command, "main.c", *objects, "-o", "main"], cwd=folder, check=True)
    results = []
    for count in threads:
        trained.prepare(PLACE)
        run = [EMULATOR, str(folder / "main"), str(count)]
        output = subprocess.run(run, input=trained.memory.tobytes(), stdout=subprocess.PIPE, check=True).stdout
        trained.memory[:] = np.frombuffer(output, np.uint8)
        results.append(trained.results())
    return results


@pytest.mark.skipif(not (COMPILER and EMULATOR), reason="needs Debian's gcc-aarch64-linux-gnu and qemu-user")
@pytest.mark.parametrize("name", NETWORKS)
def test_ten_steps_on_arm_give_the_same_bits(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = here(name)
    losses, order, *variables = wanted
    assert (losses[:2] > 0).all() and len(set(order)) == len(order)
    assert all(np.isfinite(variable).all() for variable in variables)
    for got in emulated(name, [1, 3], tmp_path, monkeypatch):
        for one, other in zip(got, wanted, strict=True):
            assert one.dtype == other.dtype and one.tobytes() == other.tobytes()
