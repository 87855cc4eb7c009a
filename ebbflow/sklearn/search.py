"""PopulationSearchCV: a grid of settings, all folds of all settings trained as one population."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from joblib import parallel_config
from joblib.parallel import ParallelBackendBase
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.utils import get_tags
from sklearn.utils.metaestimators import available_if

from .crew import Crew, workers
from .recall import Recall


class PopulationSearchCV(GridSearchCV):
    """GridSearchCV whose networks, of all settings and folds, are trained side by side, one for each core.

        from ebbflow.sklearn import MLPClassifier, PopulationSearchCV

        pipeline = make_pipeline(StandardScaler(), MLPClassifier(early_stopping=True, random_state=0))
        grid = {"mlpclassifier__alpha": [1e-4, 1e-2, 1.0], "mlpclassifier__learning_rate_init": [1e-3, 1e-2]}
        search = PopulationSearchCV(pipeline, grid, cv=5).fit(X, y)
        search.best_params_, search.best_score_, search.predict(X_new)

    Every fit is, bit for bit, the fit of the estimator alone with these settings on these rows, so that all scores are
    those of GridSearchCV. The workers are threads of this process: data is not copied to them, a program is compiled
    once for all of them, and numbers (alpha, rates, dropout, ...) compile nothing.

    Parameters: those of GridSearchCV, with its meaning and defaults, except that
        n_jobs: how many networks are trained at a time, at most one for each core; None and -1 for one on each core
            that this process may use (fewer after ebbflow.config.set_threads, or in a worker of joblib).
        estimator: MLPClassifier, MLPRegressor, or what ends in one, as a Pipeline. Its steps are fitted on the training
            rows of each fold alone, and once for all settings that do not change them. Other estimators are fitted by
            the same threads.

    Attributes, methods and errors: those of GridSearchCV. With random_state=None fits draw their seeds in the order in
        which they happen to begin; give a number to get the same scores again.
    """

    def fit(self, X: Any, y: Any = None, **params: Any) -> "PopulationSearchCV":
        """Train all settings on all folds, then, with `refit`, the best setting on all rows.

        Parameters:
            X, y: as of the estimator's fit.
            params: what the estimator's fit takes (sample_weight, split like the rows), or the splitter (groups).

        Raises what GridSearchCV raises; ValueError if all fits fail.
        """
        count = workers(self.n_jobs)
        backend = OneEach() if count > 1 else "sequential"
        # filters of warnings belong to the process: threads that set them for a moment may leave them to each other
        with warnings.catch_warnings(), parallel_config(backend=backend, n_jobs=count), self._recalling():
            return super().fit(X, y, **params)

    @contextmanager
    def _recalling(self) -> Iterator[None]:
        """In here, a Pipeline that has no memory of its own has one."""
        own = self.estimator
        if not isinstance(own, Pipeline) or own.memory is not None:
            yield
            return
        self.estimator = clone(own).set_params(memory=Recall())
        try:
            yield
        finally:
            self.estimator = own
            best = getattr(self, "best_estimator_", None)
            if best is not None and isinstance(best.memory, Recall):
                best.memory = None

    @available_if(lambda self: hasattr(self, "transform"))
    def fit_transform(self, X: Any, y: Any = None, **params: Any) -> Any:
        """Fit, and what `transform` then makes of X."""
        return self.fit(X, y, **params).transform(X)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags = get_tags(self.estimator).transformer_tags  # networks have `transform`, too
        return tags


class OneEach(ParallelBackendBase):
    """A backend of joblib whose workers are a Crew."""

    supports_retrieve_callback = supports_sharedmem = uses_threads = True

    def effective_n_jobs(self, n_jobs: int | None) -> int:
        """How many fits are under way."""
        return workers(n_jobs)

    def configure(self, n_jobs: int = 1, parallel: Any = None, **_: Any) -> int:
        """Call the workers together; returns how many they are."""
        self.parallel, count = parallel, self.effective_n_jobs(n_jobs)
        self._crew = Crew(count).__enter__()
        return count

    def submit(self, func: Any, callback: Any = None) -> Any:
        """Have a batch of calls carried out."""
        future = self._crew.submit(partial(_carry_out, func.items))
        if callback is not None:
            future.add_done_callback(callback)
        return future

    apply_async = submit  # its name before joblib 1.5

    def retrieve_result_callback(self, future: Any) -> Any:
        """What a batch came to."""
        return future.result()

    def terminate(self) -> None:
        """Send the workers home."""
        self._crew.__exit__()

    def abort_everything(self, ensure_ready: bool = True) -> None:
        """Abandon what is under way."""
        self.terminate()
        if ensure_ready:
            self.configure(self.parallel.n_jobs, self.parallel)


def _carry_out(calls: Any) -> list[Any]:
    """Make the calls without scikit-learn's wrapper, which empties the process's filters of warnings for a moment."""
    with parallel_config(backend="sequential", n_jobs=1):
        return [getattr(function, "function", function)(*args, **kwargs) for function, args, kwargs in calls]
