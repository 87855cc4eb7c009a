"""The table that Python and the training program share: one row of 64-bit numbers.

The first 32 slots are the barrier's, which keeps its two numbers on cache lines of their own. Addresses, counts and
flags are integers, thresholds are float64.
"""

import enum


class Slot(enum.IntEnum):
    """What stands where."""

    BUDGET = 32  # steps that one call may do
    STATUS = enum.auto()  # a Status
    EPOCH = enum.auto()
    STEP = enum.auto()  # steps done of this part of the epoch
    PART = enum.auto()  # 0 training, 1 validation
    EPOCHS = enum.auto()
    PAUSE = enum.auto()  # 1: return at the end of every epoch
    TOTAL = enum.auto()  # steps done since the table was made
    FIRST = enum.auto()  # number of the first row of a batch that is read in order
    ROWS = enum.auto()
    STEPS = enum.auto()  # training steps an epoch
    WHOLE = enum.auto()  # of them with a whole batch
    VALIDATION_STEPS = enum.auto()
    VALIDATION_WHOLE = enum.auto()
    ORDER = enum.auto()  # address of the row numbers of this epoch, int64
    CHOSEN = enum.auto()  # address of the numbers of the rows to train on, 0 for the first ROWS of the arrays
    VALIDATION_ORDER = enum.auto()  # address of the numbers of the rows to validate on, where they are read by number
    WORDS = enum.auto()  # address of as many random words
    SHUFFLE = enum.auto()
    SEED = enum.auto()
    MEMBER = enum.auto()
    PURPOSE = enum.auto()
    PASSED = enum.auto()  # what is added to the epoch's number to make the step word of the order's random state
    TURN = enum.auto()  # that word
    HISTORY = enum.auto()  # address of a float64 row an epoch
    WATCH = enum.auto()  # 1: early stopping
    MONITOR = enum.auto()  # its column of the history
    SIGN = enum.auto()  # 1 to minimize, -1 to maximize, float64
    MIN_DELTA = enum.auto()  # float64
    BASELINE = enum.auto()  # float64, times the sign
    PATIENCE = enum.auto()
    START_FROM = enum.auto()
    KEEP_BEST = enum.auto()  # 1: copy the weights whenever they are the best so far
    HAVE_BEST = enum.auto()
    BEST = enum.auto()  # float64, times the sign
    BEST_EPOCH = enum.auto()
    WAIT = enum.auto()
    STOPPED_EPOCH = enum.auto()
    DATA = enum.auto()  # from here on: addresses of the arrays


class Status(enum.IntEnum):
    """Why the program returned."""

    RUNNING = 0
    FINISHED = 1
    NOT_FINITE = 2
    STOPPED_EARLY = 3
    PAUSED = 4
