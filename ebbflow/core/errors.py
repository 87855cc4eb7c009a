"""The errors a user can meet, each one sentence: who, what was expected, what came, what to do next."""


class EbbflowError(Exception):
    """Base of every error that ebbflow raises on purpose."""


class ShapeError(EbbflowError, ValueError):
    """Shapes or element types do not fit an operation."""


class ArgumentError(EbbflowError, ValueError):
    """An argument has a value that its function does not accept."""


class TableError(EbbflowError, ValueError):
    """A table, or a column of one, cannot be used as asked."""


class ModelFileError(EbbflowError, ValueError):
    """A model file is truncated, altered, foreign, or of a newer version."""


class TracedValueError(EbbflowError, TypeError):
    """Python asked for the value of a traced tensor, which has none until the compiled program runs."""


class NonFiniteLossError(EbbflowError, FloatingPointError):
    """The loss became NaN or infinite.

    Attributes: epoch and step (from 0) of the first bad loss, and layer, the name of the first layer whose output
    was not finite (None when every layer's output was finite and the loss function itself was not).
    """

    def __init__(self, message: str, epoch: int, step: int, layer: str | None):
        super().__init__(message)
        self.epoch, self.step, self.layer = epoch, step, layer
