"""When a fit has gone on long enough: scikit-learn's rule."""

from typing import Any

LEAST_RATE = 1e-6


class Rule:
    """After each epoch: is the loss, or the score on the rows to validate on, still improving?

    An epoch that does not improve the best value by tol is counted; one that does sets the count to 0; more than
    n_iter_no_change of them in a row end the fit. With learning_rate="adaptive" they divide the rate by 5 instead,
    until it is 1e-6 or less. The counts are attributes of the estimator, as scikit-learn's: a warm start goes on.
    """

    def __init__(self, estimator: Any, sign: float = 1.0):
        self.estimator, self.sign = estimator, sign  # sign: 1 where a higher score is better, else -1

    @property
    def patience(self) -> float:
        """How many epochs will pass before the fit can end."""
        left = self.estimator.n_iter_no_change + 1 - self.estimator._no_improvement_count
        return max(1, left)

    def note_loss(self, loss: float) -> None:
        """An epoch ended with this loss, and the loss is what counts."""
        one = self.estimator
        one._no_improvement_count = one._no_improvement_count + 1 if loss > one.best_loss_ - one.tol else 0
        one.best_loss_ = min(one.best_loss_, loss)

    def note_score(self, score: float) -> bool:
        """An epoch ended with this score, and the score is what counts; returns whether it is the best one."""
        one = self.estimator
        behind = self.sign * (score - one.best_validation_score_) < one.tol
        one._no_improvement_count = one._no_improvement_count + 1 if behind else 0
        is_best = self.sign * score > self.sign * one.best_validation_score_
        if is_best:
            one.best_validation_score_ = score
        return is_best

    @property
    def is_over(self) -> bool:
        """Whether the fit ends here; lowers an adaptive rate where that is what is left to try."""
        one = self.estimator
        if one._no_improvement_count <= one.n_iter_no_change:
            return False
        what = "Validation score" if one.early_stopping else "Training loss"
        message = f"{what} did not improve more than tol={one.tol:f} for {one.n_iter_no_change} consecutive epochs."
        optimizer = one._optimizer
        if one.solver != "sgd" or not isinstance(one.learning_rate, str) or one.learning_rate != "adaptive":
            return self._say(f"{message} Stopping.")
        if optimizer.learning_rate <= LEAST_RATE:
            return self._say(f"{message} Learning rate too small. Stopping.")
        optimizer.learning_rate /= 5.0
        one._no_improvement_count = 0
        return not self._say(f"{message} Setting learning rate to {optimizer.learning_rate:f}")

    def _say(self, message: str) -> bool:
        if self.estimator.verbose:
            print(message)
        return True
