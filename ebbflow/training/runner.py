"""Runner: carries out a plan in pieces, so that callbacks, progress and Ctrl-C have their moments."""

from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from .plan import Plan

Limit = Literal["chunk", "epoch", "step"]
CHUNK_SECONDS = 0.08
SELDOM = 50  # what does not train (copies, trials) is done so seldom that it takes at most a fiftieth of the time


@dataclass
class Progress:
    """How far a fit is.

    Attributes:
        epoch: the epoch being worked on, from 0; right after its last step still that one.
        step: how many steps of it are done.
        steps_per_epoch: how many it has.
        logs: the running means of this epoch so far, by name.
        finished: (epoch, logs with val_ entries) for each epoch that ended in the last run.
        done: whether nothing is left to do.
        measuring: whether the epoch's steps are done, and its validation comes next; only for a plan that `announces`.
        non_finite: (epoch, step), both from 0, of a step whose loss was NaN or infinite; the model is as before it.
    """

    epoch: int
    step: int
    steps_per_epoch: int
    logs: dict[str, float]
    finished: list[tuple[int, dict[str, float]]] = field(default_factory=list)
    done: bool = False
    non_finite: tuple[int, int] | None = None
    measuring: bool = False


class Runner(Protocol):
    """Carries out a plan for a model that is built (`model.build_for`)."""

    def __init__(self, model: Any, plan: Plan) -> None: ...

    def run(self, limit: Limit) -> Progress:
        """Go on for about `CHUNK_SECONDS`, but not past the end of the present epoch ("epoch") or step ("step").

        An error or Ctrl-C inside leaves the model as of the last finished step. Between two calls, variables may be
        assigned by callbacks, and the next call goes on from the new values.
        """
        ...

    def end_epoch(self) -> Progress:
        """End the present epoch where it is, as its last step would; nothing is left to do then."""
        ...

    def progress(self) -> Progress:
        """Where the fit is, with the epochs that ended since the last report."""
        ...

    def sync(self) -> None:
        """Make the model's variables hold the present state."""
        ...

    def close(self) -> None:
        """Free what the runner holds; it is not used again."""
        ...
