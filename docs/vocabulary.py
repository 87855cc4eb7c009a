"""Writes docs/vocabulary.md: every public name, which names of Keras are missing and why, and what differs.

    python docs/vocabulary.py

The names come from the modules themselves and from the list of Keras' names that the tests hold ebbflow to.
"""

import importlib
import inspect
import json
import re
from pathlib import Path

FOLDER = Path(__file__).parent
PAGE = FOLDER / "vocabulary.md"
KERAS = json.loads((FOLDER.parent / "tests" / "golden" / "keras_signatures.json").read_text(encoding="utf-8"))

# modules of which Keras has one of the same name, and its names are compared
COMPARED = (
    *("layers", "activations", "losses", "metrics", "optimizers", "optimizers.schedules"),
    *("regularizers", "constraints", "initializers", "callbacks"),
)
OTHERS = {
    "ops": "functions of tensors, named as in `keras.ops`",
    "random": "random tensors",
    "models": "models with a history",
    "plot": "pictures",
    "population": "many networks at once",
    "utils": "helpers",
    "config": "settings",
}

# why names of Keras are not here: the first pattern that fits the name
REASONS = (
    (
        "layers of images, sounds and volumes; ebbflow is for dense networks",
        r"layers\.(.*Conv.*|.*Pool.*|Cropping.*|UpSampling.*|ZeroPadding.*|SpatialDropout.*|Resizing|CenterCrop"
        r"|GroupNormalization|.*Spectrogram|MaxNumBoundingBoxes)",
    ),
    (
        "layers of sequences",
        r"layers\.(.*RNN.*|GRU.*|LSTM.*|Bidirectional|TimeDistributed|Masking|.*Attention|ReversibleEmbedding)",
    ),
    (
        "text and categories become numbers before the network; the command line does it for tables",
        r"layers\.(TextVectorization|.*Lookup|Hash.*|CategoryEncoding|Discretization)",
    ),
    (
        "changes of color and mixtures of images; shifts, turns, shears, zooms and flips are here",
        r"layers\.(Random.*|RandAugment|AugMix|AutoContrast|CutMix|MixUp|Contrast.*|Equalization|Solarization)",
    ),
    ("layers of other frameworks", r"layers\.(FlaxLayer|JaxLayer|TorchModuleWrapper|TFSMLayer)"),
    (
        "made of what is here: a function in `call`, an argument of any layer, or `ops`",
        r"layers\.(ActivityRegularization|Dot|dot|EinsumDense|Pipeline|UnitNormalization|InputSpec|Wrapper)",
    ),
    ("losses of sequences, of similarity and of marked images", r"losses\.(?i:ctc|circle|dice|tversky)"),
    ("metrics of marked images", r"metrics\..*IoU"),
    ("made for large models, for 16 bits or for sparse rows", r"optimizers\.(Adafactor|Lamb|Ftrl|Muon|Loss.*)"),
    ("of short-time Fourier transforms", r"initializers\.(?i:stft.*)"),
    ("of other programs", r"callbacks\.(OrbaxCheckpoint|RemoteMonitor)"),
    (
        "not yet",
        r"layers\.(AlphaDropout|SpectralNormalization)|metrics\.(?i:.*correlation)"
        r"|optimizers\.(MultiOptimizer|OptimizerMap|ScheduleFreeAdamW)",
    ),
    ("called ProgressBar here, or an argument of the optimizer (`use_ema`)", r"callbacks\.(ProgbarLogger|SwapEMA.*)"),
)

# what is here, and otherwise than in Keras
DIFFERENCES = {
    "Models": "`Sequential`, or a subclass of `Model` with `call`; no symbolic tensors (`Model(inputs, outputs)`)",
    "Data": "`fit`, `evaluate` and `predict` take arrays, also memory-mapped ones; no generators, no `tf.data`",
    "Rows": "NaN and infinity in the data are refused, with the place of the first",
    "`fit`": "one native program does all steps, with losses, metrics, validation and shuffling; it comes back to "
    "Python where a callback is due",
    "Steps": "`call`, `train_step(x, y)` and `update_state` are traced once: shapes are fixed, and a choice between "
    "values is `ops.where`",
    "Weights without a gradient": "`fit` warns of them, by name",
    "Numbers": "float32, or float64 by `dtype=` or `config.set_floatx`; no 16 bits, no mixed precision",
    "Randomness": "`set_random_seed` gives the same bits on any number of cores",
    "Hyperparameters": "learning rates, rates of dropout, penalties, ... are inputs of the program: assign them, and "
    "nothing is compiled again",
    "Files": "`model.save` writes one `.ebb` file, with the optimizer's state; `.keras` and `.h5` are not read",
    "Devices": "the processor, or a GPU by OpenCL ([devices](devices.md)); no training of one model on several",
    "Searches": "[populations](populations.md) in place of KerasTuner; scikit-learn's estimators in `ebbflow.sklearn`",
    "Errors": "ValueErrors that say what was expected, what came, and what to do next",
}


def names_of(module: str) -> list[str]:
    """The public names of a module, without modules."""
    found = importlib.import_module(f"ebbflow.{module}")
    return sorted(name for name in set(found.__all__) if not inspect.ismodule(getattr(found, name)))


def of_keras(module: str) -> list[str]:
    return sorted(name.rpartition(".")[2] for name in KERAS["signatures"] if name.rpartition(".")[0] == module)


def missing() -> list[str]:
    """module.name of what Keras has in the compared modules and ebbflow has not."""
    return [f"{module}.{name}" for module in COMPARED for name in of_keras(module) if name not in names_of(module)]


def reason_for(name: str) -> int | None:
    """The number of the reason; None if there is none."""
    return next((k for k, (_, pattern) in enumerate(REASONS) if re.fullmatch(pattern, name)), None)


def listed(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "-"


def page() -> str:
    here = "\n".join(
        f"| `{module}` | {listed([name for name in names_of(module) if name in of_keras(module)])} | "
        f"{listed([name for name in names_of(module) if name not in of_keras(module)])} |"
        for module in COMPARED
    )
    others = "\n".join(f"| `{module}` | {about} | {listed(names_of(module))} |" for module, about in OTHERS.items())
    reasons = "\n".join(
        f"| {why} | {listed([name for name in missing() if reason_for(name) == k])} |"
        for k, (why, _) in enumerate(REASONS)
    )
    differences = "\n".join(f"| {what} | {how} |" for what, how in DIFFERENCES.items())
    return f"""# What is there, and what differs from Keras

What ebbflow has of Keras {KERAS["keras"]} it has by the same name, with the same arguments in the same order, the same
defaults and the same meaning; the tests hold it to that. This page is written by `python docs/vocabulary.py` from
the modules themselves.

## What differs

| What | How |
| --- | --- |
{differences}

## Names as in Keras

| `ebbflow.` | as in Keras | here only |
| --- | --- | --- |
{here}

## Other modules

| `ebbflow.` | what it is | names |
| --- | --- | --- |
{others}

## Names of Keras that are not here

| Why | Names |
| --- | --- |
{reasons}
"""


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(PAGE)
