"""The figures by which a model is judged, beside those of a baseline that looks at no feature."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ebbflow.tables import TableEncoder

LABELS = {"accuracy": "accuracy", "log_loss": "log loss", "rmse": "RMSE", "mae": "MAE", "r2": "R2"}

Metrics = dict[str, float]


def learn_baseline(encoder: TableEncoder, frame: Any) -> dict[str, Any]:
    """What the training rows say of a target without features: its mean, or how frequent each of its classes is."""
    if encoder.task == "regression":
        return {"mean": float(_target_values(encoder, frame).mean())}
    counts = np.bincount(encoder.encode_target(frame), minlength=encoder.n_outputs)
    return {"frequencies": (counts / counts.sum()).tolist()}


def describe_baseline(encoder: TableEncoder, baseline: Mapping[str, Any]) -> str:
    if encoder.task == "regression":
        return f"always the training mean, {baseline['mean']:.6g}"
    return f"always the most frequent class, {encoder.classes[int(np.argmax(baseline['frequencies']))]}"


def measure(encoder: TableEncoder, outputs: np.ndarray, frame: Any, baseline: Mapping[str, Any]) -> dict[str, Metrics]:
    """The metrics of a model's `outputs` (rows, n_outputs) for `frame`, and those of the baseline for the same rows."""
    if encoder.task == "regression":
        actual = _target_values(encoder, frame)
        constant = np.full(len(actual), baseline["mean"])
        return {
            "model": regression_metrics(encoder.decode_target(outputs), actual),
            "baseline": regression_metrics(constant, actual),
        }
    codes = encoder.encode_target(frame)
    with np.errstate(divide="ignore"):  # a class without training rows has logit -inf, and rightly
        constant = np.tile(np.log(baseline["frequencies"]), (len(codes), 1))
    return {"model": classification_metrics(outputs, codes), "baseline": classification_metrics(constant, codes)}


def regression_metrics(predicted: np.ndarray, actual: np.ndarray) -> Metrics:
    """Root mean square error and mean absolute error (units of the target), and R2 = 1 - SSE / SST.

    R2 is NaN where all actual values are equal.
    """
    error = predicted - actual
    total = np.sum((actual - actual.mean()) ** 2)
    return {
        "rmse": float(np.sqrt(np.mean(error**2))),
        "mae": float(np.mean(np.abs(error))),
        "r2": float(1 - np.sum(error**2) / total) if total > 0 else float("nan"),
    }


def classification_metrics(logits: np.ndarray, codes: np.ndarray) -> Metrics:
    """Share of rows whose largest logit is the right class, and mean -log p(right class), in nats."""
    log_probabilities = log_softmax(logits)
    return {
        "accuracy": float(np.mean(np.argmax(logits, axis=1) == codes)),
        "log_loss": float(-np.mean(log_probabilities[np.arange(len(codes)), codes])),
    }


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """log p = z - max z - log sum exp(z - max z), in float64, along the last axis."""
    shifted = np.asarray(logits, np.float64)
    shifted = shifted - shifted.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def metrics_table(heading: str, results: Mapping[str, Metrics]) -> str:
    """A table for reading: one line per metric, the model's figure and the baseline's."""
    width = max(len(heading), 16)
    lines = [f"{heading:<{width}}  {'model':>12}  {'baseline':>12}"]
    for name, value in results["model"].items():
        lines.append(f"  {LABELS[name]:<{width - 2}}  {value:>12.5g}  {results['baseline'][name]:>12.5g}")
    return "\n".join(lines)


def deviations_table(heading: str, results: Mapping[str, Any]) -> str:
    """A table for reading: one line per metric, with "mean" and "deviation" of the model's figures and "baseline"."""
    width = max(len(heading), 16)
    lines = [f"{heading:<{width}}  {'model':>12}  {'deviation':>12}  {'baseline':>12}"]
    for name, value in results["mean"].items():
        rest = f"{results['deviation'][name]:>12.3g}  {results['baseline'][name]:>12.5g}"
        lines.append(f"  {LABELS[name]:<{width - 2}}  {value:>12.5g}  {rest}")
    return "\n".join(lines)


def figures(metrics: Metrics) -> str:
    """All metrics on one line."""
    return "  ".join(f"{LABELS[name]} {value:.5g}" for name, value in metrics.items())


def count(number: int, noun: str) -> str:
    """1 row, 2,000 rows."""
    return f"{number:,} {noun}{'s' * (number != 1)}"


def _target_values(encoder: TableEncoder, frame: Any) -> np.ndarray:
    return encoder.decode_target(encoder.encode_target(frame))
