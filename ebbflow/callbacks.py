"""Callbacks: what a fit calls while it runs."""

from .training.callbacks import Callback, CallbackList, EarlyStopping, History, LambdaCallback, TerminateOnNaN
from .training.progress import ProgressBar

__all__ = ["Callback", "CallbackList", "EarlyStopping", "History", "LambdaCallback", "ProgressBar", "TerminateOnNaN"]
