"""Guide: leads native code through epochs that are not one pass over the rows, or that not all end with a validation.

The loop in native code knows one kind of epoch. For any other it pauses after each, and at the end of each pass, and
its table is changed to say what comes next.
"""

import numpy as np

from ..compile import Program
from ..lowering.table import Slot
from .plan import Plan

NOTHING = (-1, 1)  # (whole batches, steps) of a validation whose only step reads nothing


class Guide:
    """Writes into the table of a program what is to be done next.

    Parameters:
        order: memory for the numbers of the rows, whose address is in the table.
        whole: whole batches in a pass.
        validation: (whole batches, steps) of a validation.
    """

    def __init__(
        self,
        plan: Plan,
        program: Program,
        table: np.ndarray,
        order: np.ndarray,
        whole: int,
        validation: tuple[int, int],
    ):
        self._plan, self._program, self._table, self._order = plan, program, table, order
        self._whole, self._validation = whole, validation
        self._at = self._passed = -1  # the epoch that the table is about; the pass whose order is written

    def lead(self) -> bool:
        """Make the table say what comes next; returns whether steps before can no longer be repeated from it."""
        table, plan = self._table, self._plan
        epoch = int(table[Slot.EPOCH])
        step = 0 if table[Slot.PART] else int(table[Slot.STEP])
        passed, done = plan.place_of(epoch, step)
        if table[Slot.PART] or (epoch, passed) == (self._at, self._passed):
            return False
        if plan.shuffle and passed != self._passed:
            self._shuffle(epoch, passed)
        # Native code counts the steps of an epoch; the order is of a pass, which began `done - step` steps before it.
        batch = min(plan.batch_size, plan.rows)
        table[Slot.ORDER] = self._order.ctypes.data + self._order.itemsize * batch * (done - step)
        table[Slot.WHOLE] = self._whole - (done - step)
        validates = plan.validates(epoch)
        table[Slot.VALIDATION_WHOLE], table[Slot.VALIDATION_STEPS] = self._validation if validates else NOTHING
        stopping = plan.early_stopping
        if stopping is not None:
            table[Slot.WATCH] = int(validates or stopping.monitor in plan.train_names)
        self._at, self._passed = epoch, passed
        return True

    def steps_left(self) -> int:
        """Training steps up to the end of this pass."""
        _, done = self._plan.place_of(int(self._table[Slot.EPOCH]), int(self._table[Slot.STEP]))
        return self._plan.steps_per_pass - done

    @property
    def skips(self) -> bool:
        """Whether the validation after this epoch is left out."""
        return not self._plan.validates(int(self._table[Slot.EPOCH]))

    def _shuffle(self, epoch: int, passed: int) -> None:
        """Write the order of a pass; native code is told to shuffle no more."""
        table = self._table
        table[Slot.ORDER] = self._order.ctypes.data  # where it is written
        table[Slot.PASSED] = int(self._plan.shuffle_state[3]) + passed - epoch
        table[Slot.SHUFFLE] = 1
        self._program.shuffle(table)
        table[Slot.SHUFFLE] = 0
