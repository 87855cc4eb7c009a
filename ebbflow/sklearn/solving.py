"""Solving: an estimator's weights go into a network, are trained there, and come back."""

import warnings
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from ..core.variable import Variable
from ..training.callbacks import EarlyStopping
from ..training.callbacks.monitor import MOST_EPOCHS
from ..training.data import Rows, number_of_rows
from .lbfgs import ABNORMAL, FLAT, LIMIT, SETTLED
from .lending import borrowed
from .network import Network, Trained
from .stopping import Rule

NOT_FINITE = (
    "Solver produced non-finite parameter weights. The input data may contain large values and need to be preprocessed."
)
MOST_PLANNED = 10_000  # epochs, for whose losses there is room
_NUMBERS = {"lbfgs": ("tol", "max_iter"), "adam": ("beta_1", "beta_2", "epsilon"), "sgd": ("momentum",)}
_UNTIL_IDLE = EarlyStopping("active", patience=1, mode="max")  # an evaluation that was not needed ends the fit
_ABORTED = {
    0.0: "TOTAL NUMBER OF FUNCTION EVALUATIONS EXCEEDS LIMIT",
    ABNORMAL: "ABNORMAL: no lower loss was found on the line of steepest descent",
    LIMIT: "TOTAL NUMBER OF ITERATIONS REACHED LIMIT",
}


@dataclass
class OptimizerState:
    """What an optimizer remembers between two calls of partial_fit.

    Attributes: learning_rate, the present one; memory, the optimizer's slots, None at first.
    """

    learning_rate: float
    memory: list[np.ndarray] | None = None


@dataclass
class Streams:
    """Where the random numbers are: the state of the order of rows, and of every dropout, each uint32[4]."""

    shuffle: np.ndarray
    dropouts: list[np.ndarray]

    @classmethod
    def of(cls, random_state: Any, hidden_layers: int) -> "Streams":
        seed = random_state.randint(2**31 - 1)
        states = [np.array([seed, 0, purpose, 0], np.uint32) for purpose in range(hidden_layers + 1)]
        return cls(states[0], states[1:])


# into a network and back


def load(one: Any, network: Network) -> None:
    """Set a network's weights, memory, random states and numbers to those of an estimator."""
    model, optimizer = network.model, network.optimizer
    pairs = [*zip(network.weights, one.coefs_ + one.intercepts_, strict=True)]
    for variables, arrays in zip(network.norms, one.batch_norms_, strict=True):
        pairs += zip(variables, arrays, strict=True)
    memory = one._optimizer.memory if one.solver != "lbfgs" else None
    known = memory is not None and [a.shape for a in memory] == [a.shape for a in network.fresh]
    if known:
        pairs += zip(network.memory, memory, strict=True)
    else:
        network.forget()
    for variable, array in pairs:
        variable.assign(np.asarray(array, variable.dtype))
    _set(model.alpha, one.alpha)
    for dropout, state in zip(model.dropouts, one._streams.dropouts, strict=False):
        _set(dropout.rate, one.dropout)
        dropout.seed_generator.state.assign(state)
    for name in _NUMBERS[one.solver]:
        _set(getattr(optimizer, name), getattr(one, name))
    if network.structure.decay:
        _set(optimizer.weight_decay, one.weight_decay)


def _set(variable: Variable, number: float) -> None:
    """Assign a number if it is another one, since the program then has to take it over."""
    if variable.held.numpy() != number:
        variable.assign(float(number))


def store(one: Any, network: Network) -> None:
    """Take over what a network has become."""
    dtype = one.coefs_[0].dtype
    values = partial(network.optimizer.finalized, network.values) if one.solver == "lbfgs" else network.values
    arrays = [array.astype(dtype, copy=False) for array in values(network.weights)]
    one.coefs_, one.intercepts_ = arrays[: len(one.coefs_)], arrays[len(one.coefs_) :]
    one.batch_norms_ = [tuple(a.astype(dtype, copy=False) for a in values(norms)) for norms in network.norms]
    one._streams.dropouts = values([layer.seed_generator.state for layer in network.model.dropouts])
    if one.solver != "lbfgs":
        one._optimizer.memory = values(network.memory)


def keep_best(one: Any, network: Network, best: list[np.ndarray]) -> None:
    """Remember the weights of the best epoch."""
    place = {id(variable): array for variable, array in zip(network.model.weights, best, strict=True)}
    dtype = one.coefs_[0].dtype
    arrays = [place[id(variable)].astype(dtype) for variable in network.weights]
    norms = [tuple(place[id(v)].astype(dtype) for v in variables) for variables in network.norms]
    one._best = arrays[: len(one.coefs_)], arrays[len(one.coefs_) :], norms


def restore_best(one: Any) -> None:
    """Go back to them; the estimator must not share arrays with what it remembers."""
    coefs, intercepts, norms = one._best
    one.coefs_, one.intercepts_ = [a.copy() for a in coefs], [a.copy() for a in intercepts]
    one.batch_norms_ = [tuple(a.copy() for a in arrays) for arrays in norms]


# the solvers


class Stochastic:
    """Epochs of "sgd" or "adam", as many together in native code as the rule of stopping surely allows."""

    def __init__(self, one: Any, network: Network, data: Rows, validation: Rows | None, batch_size: int, epochs: int):
        self.one, self.network, self.data, self.validation = one, network, data, validation
        self.batch_size, self.epochs = batch_size, epochs
        self.rule = Rule(one, 1.0 if network.direction == "max" else -1.0)
        self.watched = f"val_{network.watched}"
        each = one.verbose or (one.solver == "sgd" and one.learning_rate == "invscaling")
        self.most = 1.0 if each else float("inf")
        self.shuffled = one.shuffle and batch_size < number_of_rows(data)

    def run(self) -> bool:
        """Train; returns whether the rule ended it."""
        self.one.n_iter_, is_over = 0, False
        while self.one.n_iter_ < self.epochs and not is_over:
            is_over = self._run(min(self.epochs, self.one.n_iter_ + MOST_PLANNED))
        return is_over

    def _run(self, end: int) -> bool:
        """Until so many epochs are done, or the rule says that it is over."""
        one = self.one
        best = EarlyStopping(self.watched, patience=MOST_EPOCHS, mode=self.network.direction, restore_best_weights=True)
        stopping = best if one.early_stopping else None
        state = one._streams.shuffle if self.shuffled else None
        planned = self.data, self.validation, self.batch_size, end - one.n_iter_, state, stopping
        self.has_best = self.has_diverged = is_over = False
        with self.network.training(*planned):
            try:
                while one.n_iter_ < end and not is_over:
                    is_over = self._go_on(int(min(end - one.n_iter_, self.rule.patience, self.most)))
            except KeyboardInterrupt as interrupt:
                self._note(getattr(interrupt, "trained", Trained([], False)))
                warnings.warn("Training interrupted by user.", stacklevel=6)
                is_over = True
        if self.has_best:
            keep_best(one, self.network, best.best_weights)
        if self.has_diverged:
            self._tell_of_divergence()
        return is_over

    def _go_on(self, epochs: int) -> bool:
        """So many epochs more; returns whether it is over."""
        if self.network.structure.schedule is None:
            self.network.optimizer.learning_rate = float(self.one._optimizer.learning_rate)
        trained = self.network.train(epochs)
        self._note(trained)
        self.has_diverged = trained.diverged
        return trained.diverged or self.rule.is_over

    def _note(self, trained: Trained) -> None:
        """Write down epochs that ended."""
        one = self.one
        one._streams.shuffle = one._streams.shuffle + np.array([0, 0, 0, len(trained.logs)], np.uint32)
        for logs in trained.logs:
            one.n_iter_ += 1
            one.t_ += number_of_rows(self.data)
            one.loss_ = logs["loss"]
            one.loss_curve_.append(one.loss_)
            if one.verbose:
                print(f"Iteration {one.n_iter_}, loss = {one.loss_:.8f}")
            self.has_best |= self._judge(logs)
            if one.solver == "sgd" and one.learning_rate == "invscaling":
                one._optimizer.learning_rate = one.learning_rate_init / (one.t_ + 1) ** one.power_t

    def _judge(self, logs: dict[str, float]) -> bool:
        """Let the rule see an epoch; returns whether it is the best one."""
        one = self.one
        if self.validation is not None:
            one.validation_scores_.append(logs[self.watched])
            if one.verbose:
                print(f"Validation score: {logs[self.watched]:f}")
        if one.early_stopping:
            return self.rule.note_score(logs[self.watched])
        self.rule.note_loss(logs["loss"])
        return False

    def _tell_of_divergence(self) -> None:
        """The loss became NaN or infinite: an error, unless there are the weights of a better time to go back to."""
        one = self.one
        told = (
            f"The loss became NaN or infinite in iteration {one.n_iter_ + 1}; try a smaller learning_rate_init, or "
            "scale the data to about -1 .. 1."
        )
        if not one.early_stopping:
            raise ValueError(f"{NOT_FINITE} {told}")
        one.n_iter_ += 1
        one.loss_curve_.append(float("nan"))
        one.validation_scores_.append(float("nan"))
        warnings.warn(f"{told} The weights are those of the best epoch before.", ConvergenceWarning, stacklevel=7)


def solve_lbfgs(one: Any, network: Network, data: Rows) -> None:
    """In the network's arithmetic as far as that leads, from there in float64."""
    status = _minimize(one, network, data, one.max_fun)
    store(one, network)
    if status not in (FLAT, LIMIT, 0.0) and network.structure.dtype != "float64":
        with borrowed(replace(network.structure, dtype="float64")) as exact:
            load(one, exact)
            exact.optimizer.continue_with(network.values(network.memory))
            (done,) = network.optimizer.numbers(network.values, "active")
            status = _minimize(one, exact, data, one.max_fun - int(done))
            store(one, exact)
    one.stopped_ = status in (FLAT, SETTLED)
    if one.verbose:
        print(f"lbfgs: {one.n_iter_} iterations, loss = {one.loss_:.8f}")
    if not one.stopped_:
        warnings.warn(
            f"lbfgs failed to converge after {one.n_iter_} iteration(s) (status={int(status == ABNORMAL) + 1}):\n"
            f"{_ABORTED[status]}\n\nYou might also want to scale the data, or to increase max_iter={one.max_iter} or "
            f"max_fun={one.max_fun}.",
            ConvergenceWarning,
            stacklevel=5,
        )


def _minimize(one: Any, network: Network, data: Rows, left: int) -> float:
    """One call of native code, in which an epoch is an evaluation of the loss of all rows; returns the status."""
    data = data | {"x": data["x"].astype(network.structure.dtype, copy=False)}  # once, not in every evaluation
    with network.training(data, None, number_of_rows(data), left, None, _UNTIL_IDLE):
        network.train(left)
    accepted, one.loss_, status = network.optimizer.numbers(network.values, "accepted", "point_loss", "status")
    one.n_iter_ = int(accepted)
    return status
