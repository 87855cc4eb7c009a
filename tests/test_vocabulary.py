"""What holds for everything that a model is written with: layers, activations, losses, metrics, optimizers and so on.

The laws run over all public names of the modules below, so a new class or function is held to them as it is.
"""

import importlib
import inspect
import json
import math
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ebbflow as ebb
from ebbflow import config, layers, losses, optimizers
from ebbflow.core.errors import ArgumentError, ShapeError
from ebbflow.functions.naming import snake_case

from .layers.makers import MAKERS

MODULES = {
    name: importlib.import_module(f"ebbflow.{name}")
    for name in (
        *("layers", "activations", "losses", "metrics", "optimizers", "optimizers.schedules"),
        *("regularizers", "constraints", "initializers", "callbacks"),
    )
}
PUBLIC = {f"{module}.{name}": getattr(MODULES[module], name) for module in MODULES for name in MODULES[module].__all__}
CLASSES = {name: cls for name, cls in PUBLIC.items() if isinstance(cls, type) and name.endswith(f".{cls.__name__}")}
FUNCTIONS = {name: thing for name, thing in PUBLIC.items() if inspect.isfunction(thing)}
BASES = {
    *("layers.Layer", "losses.Loss", "losses.LossFunctionWrapper", "metrics.Metric", "metrics.MeanMetricWrapper"),
    *("metrics.MeanOfLoss", "optimizers.Optimizer", "optimizers.schedules.LearningRateSchedule"),
    *("regularizers.Regularizer", "constraints.Constraint", "initializers.Initializer", "callbacks.Callback"),
}

# what the constructors need that have no default for it
NEEDED: dict[str, dict[str, Any]] = {
    "layers.Activation": {"activation": "tanh"},
    "layers.Dense": {"units": 4},
    "layers.Dropout": {"rate": 0.5},
    "layers.Embedding": {"input_dim": 4, "output_dim": 2},
    "layers.GaussianDropout": {"rate": 0.5},
    "layers.GaussianNoise": {"stddev": 0.5},
    "layers.InputLayer": {"shape": (3,)},
    "layers.Lambda": {"function": ebb.ops.square},
    "layers.Normalization": {"mean": [1.0], "variance": [2.0]},  # one of them alone is refused
    "layers.Permute": {"dims": (1,)},
    "layers.RBF": {"units": 4},
    "layers.RandomRotation": {"factor": 0.1},
    "layers.RandomTranslation": {"height_factor": 0.1, "width_factor": 0.1},
    "layers.RandomZoom": {"height_factor": 0.1},
    "layers.RepeatVector": {"n": 2},
    "layers.Rescaling": {"scale": 2.0},
    "layers.Reshape": {"target_shape": (3,)},
    "metrics.AUC": {"multi_label": True},  # so that it may be given num_labels
    "losses.LossFunctionWrapper": {"fn": losses.huber},
    "metrics.MeanMetricWrapper": {"fn": losses.huber},
    "metrics.MeanOfLoss": {"loss": losses.Huber()},
    "metrics.PrecisionAtRecall": {"recall": 0.5},
    "metrics.RecallAtPrecision": {"precision": 0.5},
    "metrics.SensitivityAtSpecificity": {"specificity": 0.5},
    "metrics.SpecificityAtSensitivity": {"sensitivity": 0.5},
    "optimizers.Optimizer": {"learning_rate": 0.1},
    "optimizers.schedules.CosineDecay": {"initial_learning_rate": 0.1, "decay_steps": 9},
    "optimizers.schedules.CosineDecayRestarts": {"initial_learning_rate": 0.1, "first_decay_steps": 9},
    "optimizers.schedules.ExponentialDecay": {"initial_learning_rate": 0.1, "decay_steps": 9, "decay_rate": 0.5},
    "optimizers.schedules.InverseTimeDecay": {"initial_learning_rate": 0.1, "decay_steps": 9, "decay_rate": 0.5},
    "optimizers.schedules.OneCycle": {"max_learning_rate": 0.1, "total_steps": 20},
    "optimizers.schedules.PiecewiseConstantDecay": {"boundaries": [2], "values": [0.1, 0.2]},
    "optimizers.schedules.PolynomialDecay": {"initial_learning_rate": 0.1, "decay_steps": 9},
    "optimizers.schedules.StepDecay": {"initial_learning_rate": 0.1, "drop_steps": 3},
    "callbacks.BackupAndRestore": {"backup_dir": "backup"},
    "callbacks.CSVLogger": {"filename": "log.csv"},
    "callbacks.LearningRateScheduler": {"schedule": lambda epoch: 0.1},
    "callbacks.ModelCheckpoint": {"filepath": "model.ebb"},
}


def parameters_of(cls: type) -> dict[str, inspect.Parameter]:
    """What a constructor takes by name, with what **kwargs hands to Layer."""
    taken = list(inspect.signature(cls.__init__).parameters.values())[1:]
    own = {one.name: one for one in taken if one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD)}
    hands_on = issubclass(cls, layers.Layer) and any(one.kind is one.VAR_KEYWORD for one in taken)
    return own | {key: one for key, one in parameters_of(layers.Layer).items() if key not in own} if hands_on else own


def every(things: Any) -> Any:
    return pytest.mark.parametrize("name", sorted(things))


# arguments

WRONG = {
    "object": object(),
    "text": "nonsense",
    "nan": math.nan,
    "-1": -1,
    "0": 0,
    "list": [0.5],
    "mixed": [0.5, "a"],
}
# Which of these are no mistake: by what they then are, for a parameter of any class, or of that one where it differs.
# Flags, whose default is True or False, take 0; initializers take numbers, for a constant.
RIGHT: list[tuple[str, str, str]] = [
    ("text", "a text", "name monitor"),
    ("text", "a path", "backup_dir filename filepath log_dir"),
    ("-1 0", "an axis", "axis"),
    ("-1 0", "any number", "ELU.alpha baseline centers gain initial_value_threshold mean minval threshold value"),
    ("-1 0", "the number of a class, or one that is none", "ignore_class"),
    ("-1 0", "a range of images, in parts of their size, or a color", "height_factor width_factor x_factor y_factor"),
    ("-1 0", "a range of images, in parts of their size, or a color", "rotation shear translation zoom fill_value"),
    ("-1 0", "a range of angles, in turns", "RandomRotation.factor"),
    ("-1", "a length that follows from the others", "target_shape"),
    ("0", "a number of 0 or more", "alpha dead end_learning_rate epsilon factor gamma initial_accumulator_value"),
    ("0", "a number of 0 or more", "initial_learning_rate l1 l2 label_smoothing learning_rate max_learning_rate"),
    ("0", "a number of 0 or more", "max_value maxval min_delta min_lr min_value negative_slope power precision rate"),
    ("0", "a number of 0 or more", "recall sensitivity specificity stddev warmup_target weight_decay"),
    ("0", "a number of 0 or more", "InverseTimeDecay.decay_rate ReLU.threshold VarianceScaling.scale"),
    ("0", "how much of the past is kept", "beta_1 beta_2 ema_momentum momentum rho"),
    ("0", "a whole number from 0", "class_id cooldown degree histogram_freq num_regressors patience seed"),
    ("0", "a whole number from 0", "start_from_epoch verbose warmup_steps"),
    ("0", "what Keras has by default", "embeddings_freq embeddings_metadata profile_batch"),
    ("-1 0 list", "a number, or one for each feature", "Normalization.mean Rescaling.scale offset"),
    ("0 list", "a number, or one for each feature or threshold", "variance thresholds"),
    ("list", "one for each output or step", "boundaries label_weights quantile"),
    ("-1 0 list", "a number, or an array of them", "Constant.value"),
    ("", "above 0", "F1Score.threshold FBetaScore.threshold LBFGS.learning_rate Lion.beta_1 RBF.gamma"),
    (" ".join(WRONG), "whatever a callback will be given", "model"),
]
TAKEN = {name: set(labels.split()) for labels, _, names in RIGHT for name in names.split()}


def right_for(name: str, parameter: inspect.Parameter) -> set[str]:
    """The labels of what is no mistake for a parameter."""
    own = f"{name.split('.')[-1]}.{parameter.name}"
    if own in TAKEN or parameter.name in TAKEN:
        return TAKEN.get(own, TAKEN.get(parameter.name, set()))
    if isinstance(parameter.default, bool):
        return {"0"}
    return {"-1", "0"} if parameter.name.endswith("_initializer") else set()


@every(CLASSES)
def test_a_wrong_argument_raises_an_error_with_the_names_of_class_and_parameter(name: str) -> None:
    cls = CLASSES[name]
    for parameter in parameters_of(cls).values():
        right = right_for(name, parameter)
        for label, wrong in WRONG.items():
            arguments = NEEDED.get(name, {}) | {parameter.name: wrong}
            if label in right:
                cls(**arguments)
            else:
                with pytest.raises((ArgumentError, ShapeError), match=rf"(?s){cls.__name__}.*\b{parameter.name}\b"):
                    cls(**arguments)
                    pytest.fail(f"{cls.__name__} took {wrong!r} for {parameter.name}")


def test_the_table_of_right_arguments_holds_no_names_of_the_past() -> None:
    known = {(name.split(".")[-1], parameter) for name, cls in CLASSES.items() for parameter in parameters_of(cls)}
    known |= {("", parameter) for _, parameter in known}
    assert {("", *name.split("."))[-2:] for name in TAKEN} <= known
    assert set(NEEDED) <= set(CLASSES)


# descriptions


def test_every_name_that_is_public_is_a_class_a_function_or_a_module() -> None:
    others = {name for name, thing in PUBLIC.items() if not callable(thing)}
    assert others == {"optimizers.schedules"}


@every(CLASSES | FUNCTIONS)
def test_a_description_begins_with_a_sentence(name: str) -> None:
    text = PUBLIC[name].__dict__.get("__doc__") if name in CLASSES else PUBLIC[name].__doc__
    assert text, "has no docstring of its own"
    assert text.splitlines()[0].endswith("."), text.splitlines()[0]


@every(CLASSES)
def test_every_parameter_is_described(name: str) -> None:
    """By the class, by what it is derived from, or by the class to which it refers with `as of X` or `as for X`."""
    cls = CLASSES[name]
    texts = [text for base in cls.__mro__ for text in descriptions_of(base)]
    words = set(re.findall(r"\w+", " ".join(texts)))
    assert not set(parameters_of(cls)) - words


def descriptions_of(cls: type) -> Iterator[str]:
    text = cls.__dict__.get("__doc__") or ""
    yield text
    for other in re.findall(r"\bas (?:of|for) (\w+)", text):
        found = [one for one in CLASSES.values() if one.__name__ == other and one is not cls]
        yield from (text for one in found for text in descriptions_of(one))


# configurations

# what is tried in place of a default, the first that is taken
OTHERS: tuple[Any, ...] = (
    *(0.3, 3, 5, 0.75, [0.25, 0.5], [2, 1], [5], -1),
    *("float32", "float64", "l2", "non_neg", "uniform", "sum", "columns", "fan_out", "PR", "majoring", "macro"),
    *("variance_weighted_average", "channels_first", "nearest", "vertical", "relu", {"name": 1.0}),
)
NOT_HELD = {
    "Embedding.weights": "the state, not the configuration",
    "InputLayer.batch_shape": "instead of shape",
    "Lambda.mask": "always None",
    "Dropout.p": "another name of rate, instead of it",
    "Embedding.mask_zero": "always False",
    "loss_scale_factor": "always None",
    "input_shape": "the configuration of the model has an Input instead",
    "input_dim": "the same; that of Embedding is held, as its files show",
}
DESCRIBED = {name: cls for name, cls in CLASSES.items() if hasattr(cls, "get_config") and name not in BASES}


def config_of(name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """The configuration of a thing, after a look at its way through a file."""
    module, thing = MODULES[name.rpartition(".")[0]], CLASSES[name](**NEEDED.get(name, {}) | arguments)
    held = thing.get_config()
    saved = json.loads(json.dumps(module.serialize(thing), allow_nan=False))
    for again in (module.deserialize(saved), type(thing).from_config(held)):
        assert type(again) is type(thing) and again.get_config() == held
    return held


def taken_instead(name: str, parameter: inspect.Parameter, held: dict[str, Any]) -> Any:
    """Something that a parameter may be and is not in the usual configuration."""
    usual = held.get(parameter.name, parameter.default)
    if isinstance(usual, bool):
        return not usual
    for other in OTHERS:
        try:
            CLASSES[name](**NEEDED.get(name, {}) | {parameter.name: other})
        except (ArgumentError, ShapeError):
            continue
        if not np.array_equal(np.ravel(other), np.ravel(usual)):
            return other
    raise AssertionError(f"{name}: add something to OTHERS that {parameter.name} may be")


@every(DESCRIBED)
def test_a_configuration_holds_every_argument_through_a_file(name: str) -> None:
    usual = config_of(name, {})
    for parameter in parameters_of(CLASSES[name]).values():
        if {parameter.name, f"{name.split('.')[-1]}.{parameter.name}"} & NOT_HELD.keys():
            continue
        own = config_of(name, {parameter.name: taken_instead(name, parameter, usual)})
        changed = {key for key in own if own[key] != usual.get(key)} - ({"name"} if parameter.name != "name" else set())
        assert changed, f"{parameter.name} is not in the configuration"


def is_found_by_name(name: str) -> bool:
    module = name.rpartition(".")[0]
    made_of_nothing = all(one.default is not one.empty for one in parameters_of(CLASSES[name]).values())
    return made_of_nothing and module != "layers" and "get" in MODULES[module].__all__


@every(filter(is_found_by_name, DESCRIBED))
def test_things_are_found_by_the_names_of_their_classes(name: str) -> None:
    module, _, cls = name.rpartition(".")
    spelled = cls.lower() if module == "optimizers" else snake_case(cls)  # optimizers by any case, as in Keras
    for identifier in (cls, spelled, CLASSES[name], CLASSES[name]()):
        found = MODULES[module].get(identifier)
        if module == "losses" and identifier is spelled:  # as in Keras the function, one value per sample
            assert found is getattr(losses, spelled)
        else:
            assert type(found) is CLASSES[name]


# the names of Keras

GOLDEN = Path(__file__).parent / "golden" / "keras_signatures.json"
KERAS = json.loads(GOLDEN.read_text(encoding="utf-8"))
# what Keras takes and ebbflow does not, since it has no such thing
MISSING: list[tuple[str, str]] = [
    (
        "tensors that are sparse, ragged, optional, or of another framework",
        "sparse ragged tensor input_tensor optional",
    ),
    ("batch renormalization, and batches on several devices", "renorm renorm_clipping renorm_momentum synchronized"),
    ("adapters and fewer bits for large models", "lora_rank lora_alpha quantization_config"),
    ("kernels of convolutions of any layout", "input_axes output_axes"),
]
# what is required in Keras and has a default in ebbflow
OPTIONAL = {
    "layers.Dropout": "rate may also be given as p",
    "activations.threshold": "by itself it is the threshold function of the first networks, step",
}


# whose methods are held to those of Keras too
OWNERS = {"Model": ebb.Model, "Sequential": ebb.Sequential, "Layer": layers.Layer, "Variable": ebb.Variable}
# what these methods take in Keras and not in ebbflow, and why
OTHERWISE: dict[str, str] = {
    "Variable.__init__": "a variable begins with a value, which has a shape and a type",
    "Model.__init__": "there are no symbolic tensors",
    "Model.build": "the shape that it is built for is never guessed",
    "train_step": "the batch comes as x, y, and the state of the training is the variables'",
    "test_step": "the same",
    "predict_step": "the same",
    "call": "a layer takes what its own call says",
    "evaluate": "**kwargs are older names",
    "compute_output_shape": "of one input shape",
    "add_weight": "no variables on several devices: aggregation overwrite_with_gradient",
}


def bare_signature(function: Any) -> str:
    """What a function takes, without annotations."""
    bare = [one.replace(annotation=one.empty) for one in inspect.signature(function).parameters.values()]
    return str(inspect.Signature(bare))[1:-1]


def methods_of(owner: type) -> dict[str, Any]:
    """The public methods of a class, as functions of the object or of the class, and its constructor."""
    named = {name: getattr(owner, name) for name in dir(owner) if not name.startswith("_") or name == "__init__"}
    return {name: getattr(one, "__func__", one) for name, one in named.items() if inspect.isroutine(one)}


def signatures_of(package: Any) -> dict[str, str]:
    """What everything callable in these modules of Keras takes, as it is written."""
    found: dict[str, str] = {}
    for module in MODULES:
        part = package
        for name in module.split("."):
            part = getattr(part, name)
        for name in sorted(name for name in dir(part) if not name.startswith("_") and callable(getattr(part, name))):
            found[f"{module}.{name}"] = bare_signature(getattr(part, name))
    owners = {"Layer": package.layers.Layer} | {name: getattr(package, name) for name in OWNERS if name != "Layer"}
    for name, owner in owners.items():
        found |= {f"{name}.{method}": bare_signature(function) for method, function in methods_of(owner).items()}
    return found


def test_the_signatures_are_those_of_keras() -> None:
    """EBBFLOW_GOLDEN=write writes them anew, to be read in the diff."""
    keras = pytest.importorskip("keras", reason="Keras is not needed: tests/golden holds its signatures")
    found = {"keras": keras.__version__, "signatures": signatures_of(keras)}
    if os.environ.get("EBBFLOW_GOLDEN") == "write":
        GOLDEN.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    elif keras.__version__ != KERAS["keras"]:
        pytest.skip(f"tests/golden holds the signatures of Keras {KERAS['keras']}, not of {keras.__version__}")
    else:
        assert found == KERAS


@every(name for name in CLASSES | FUNCTIONS if name in KERAS["signatures"])
def test_names_order_and_defaults_of_parameters_are_those_of_keras(name: str) -> None:
    """What comes after those of Keras, or by name only, may be more."""
    own = PUBLIC[name]
    ours = parameters_of(own) if name in CLASSES else dict(inspect.signature(own).parameters)
    assert_as_in_keras(name, ours, name in OPTIONAL)


METHODS = {f"{owner}.{name}": one for owner, cls in OWNERS.items() for name, one in methods_of(cls).items()}


@every(name for name in METHODS if name in KERAS["signatures"] and not {name, name.split(".")[1]} & set(OTHERWISE))
def test_names_order_and_defaults_of_parameters_of_methods_are_those_of_keras(name: str) -> None:
    assert_as_in_keras(name, dict(inspect.signature(METHODS[name]).parameters), name.endswith(".add_variable"))


def test_every_exception_is_a_method_of_both() -> None:
    both = set(METHODS) & set(KERAS["signatures"])
    assert set(OTHERWISE) <= both | {name.split(".")[1] for name in both}


def assert_as_in_keras(name: str, ours: dict[str, inspect.Parameter], defaults_differ: bool = False) -> None:
    theirs = eval(f"lambda {KERAS['signatures'][name]}: None")
    asked = [one for one in inspect.signature(theirs).parameters.values() if one.kind is one.POSITIONAL_OR_KEYWORD]
    absent = {parameter for _, names in MISSING for parameter in names.split()}
    assert {one.name for one in asked} - set(ours) <= absent
    by_place = [one.name for one in ours.values() if one.kind is one.POSITIONAL_OR_KEYWORD]
    assert all(one == other.name for one, other in zip(by_place, asked, strict=False))
    for one in asked:
        if one.name in ours and not defaults_differ:
            assert ours[one.name].default == one.default, one.name


# double precision

X = np.random.default_rng(0).normal(size=(8, 3))
LABELS = np.arange(8) % 3


def fit_in_double_precision(model: Any, optimizer: Any, loss: Any, x: np.ndarray, y: np.ndarray) -> None:
    """Fit a model for some compiled steps; all that it holds is float64, and every weight that learns has moved."""
    model.compile(optimizer, loss)
    model.build_for(x.shape, y, "test")
    before = [weight.numpy() for weight in model.trainable_weights]
    history = model.fit(x, y, batch_size=len(x), epochs=3, verbose=0).history
    assert np.isfinite(history["loss"]).all()
    assert all(variable.dtype == np.float64 for variable in (*model.weights, *model.optimizer.variables[1:]))
    for weight, old in zip(model.trainable_weights, before, strict=True):
        assert np.isfinite(weight.numpy()).all() and not np.array_equal(weight.numpy(), old), weight.name


def classifier() -> ebb.Sequential:
    return ebb.Sequential([layers.Input((3,)), layers.Dense(3, "softmax", bias_initializer=0.1)])


@pytest.fixture
def double_precision() -> None:
    ebb.set_random_seed(1)
    config.set_floatx("float64")


@every(name for name in CLASSES if name.startswith("optimizers.") and name.count(".") == 1 and name not in BASES)
def test_every_optimizer_learns_in_double_precision(name: str, double_precision: None) -> None:
    fit_in_double_precision(classifier(), CLASSES[name](), "sparse_categorical_crossentropy", X, LABELS)


def test_every_loss_is_learned_from_in_double_precision(double_precision: None) -> None:
    """The sum of all of them, in one program."""
    of_labels = (losses.SparseCategoricalCrossentropy, losses.CategoricalGeneralizedCrossEntropy)
    every_loss = [cls() for name, cls in CLASSES.items() if name.startswith("losses.") and name not in BASES]

    def total(y_true: Any, y_pred: Any) -> Any:
        one_hot = ebb.ops.one_hot(y_true, 3, dtype=y_pred.dtype)
        values = [loss(y_true if isinstance(loss, of_labels) else one_hot, y_pred) for loss in every_loss]
        assert all(value.dtype == np.float64 for value in values)
        return sum(values)

    fit_in_double_precision(classifier(), optimizers.SGD(1e-8), total, X, LABELS)


class Branches(ebb.Model):
    """Every layer that has a weight or a formula, side by side above inputs of three features."""

    def __init__(self) -> None:
        super().__init__()
        self.branches = {name: make() for name, make in MAKERS.items() if name != "Dense float64"}
        self.above = layers.Dense(1)

    def call(self, inputs: Any) -> Any:
        flat = layers.Flatten()
        whole = ebb.ops.cast(ebb.ops.abs(inputs) > 0.5, inputs.dtype)
        outputs = [flat(layer(whole if name == "Embedding" else inputs)) for name, layer in self.branches.items()]
        return self.above(layers.concatenate(outputs))


def test_every_layer_learns_in_double_precision(double_precision: None) -> None:
    fit_in_double_precision(Branches(), optimizers.SGD(0.01), "mse", X, X[:, :1])
