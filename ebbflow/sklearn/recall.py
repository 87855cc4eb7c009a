"""Recall: what the first steps of a Pipeline made of the rows of a fold, for all settings that share them."""

import copy
import pickle
from collections.abc import Callable, Collection
from concurrent.futures import Future
from functools import partial
from threading import Lock
from typing import Any

import joblib
import numpy as np

MOST_BYTES = 2**28  # of transformed rows that are kept


class Recall:
    """A memory for Pipelines that lasts as long as a search: a function of equal arguments is called once.

    Threads that ask for what another one is computing wait for it. Rows are handed out as copies, since a later step
    may work in place; the fitted transformer is the same object for all.
    """

    def __init__(self) -> None:
        self._known: dict[str, Future[Any]] = {}
        self._bytes, self._lock = 0, Lock()

    def __deepcopy__(self, memo: Any) -> "Recall":
        return self  # clones of a Pipeline remember together

    def __reduce__(self) -> Any:
        return Recall, ()

    def cache(self, function: Callable[..., Any], ignore: Collection[str] = ()) -> Callable[..., Any]:
        """The function (of a transformer and rows, to transformed rows and a fitted transformer), remembered.

        ignore: the names of arguments that change nothing about what it returns.
        """
        return partial(self._call, function, ignore)

    def _call(self, function: Callable[..., Any], ignore: Collection[str], *args: Any, **kwargs: Any) -> Any:
        try:
            key = joblib.hash((args, {name: value for name, value in kwargs.items() if name not in ignore}))
        except (pickle.PicklingError, AttributeError, TypeError):  # one cannot tell whether it is equal to another
            return function(*args, **kwargs)
        with self._lock:
            future, is_mine = self._known.get(key), key not in self._known
            if future is None:
                future = self._known[key] = Future()
        if is_mine:
            self._compute(key, future, partial(function, *args, **kwargs))
        rows, fitted = future.result()
        return copy.deepcopy(rows), fitted

    def _compute(self, key: str, future: "Future[Any]", call: Callable[[], Any]) -> None:
        try:
            rows, fitted = call()
        except BaseException as error:
            future.set_exception(error)
            self._forget(key)
            return
        future.set_result((rows, fitted))
        size = rows.nbytes if isinstance(rows, np.ndarray) else MOST_BYTES  # frames and sparse rows are not kept
        with self._lock:
            keep = self._bytes + size < MOST_BYTES
            self._bytes += size if keep else 0
        if not keep:
            self._forget(key)

    def _forget(self, key: str) -> None:
        with self._lock:
            self._known.pop(key, None)
