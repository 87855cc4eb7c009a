"""The backpropagation worksheet: every number of one pass forward and back through a small network."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..autodiff import GradientTape
from ..core.errors import ArgumentError
from ..core.tensor import Tensor
from ..functions.arguments import expect
from ..layers.base import Layer
from ..layers.dense import Dense
from .looking import ACTIVATIONS, leaves, sample_of, undisturbed, watched


@dataclass
class Stage:
    """A Dense layer and the activation after it: z = x W + b, a = f(z).

    Attributes: name; activation; x, z, a (rows, n); W, b (None without); the loss's gradients at each of them, named
    d_z and so on; jacobian da_k/dz_j at [row, k, j].
    """

    name: str
    activation: str
    x: np.ndarray
    W: np.ndarray
    b: np.ndarray | None
    z: np.ndarray
    a: np.ndarray
    d_z: np.ndarray
    d_a: np.ndarray
    d_W: np.ndarray
    d_b: np.ndarray | None
    jacobian: np.ndarray

    @property
    def is_elementwise(self) -> bool:
        """Whether each a_j depends on its own z_j alone."""
        return not (self.jacobian * (1 - np.eye(self.z.shape[1]))).any()


@dataclass
class Study:
    """Stages in the order of the layers, the loss, its name, the targets, and whether there are penalties in it."""

    stages: list[Stage]
    loss: float
    loss_name: str
    targets: np.ndarray
    penalized: bool


@dataclass
class _Chain:
    """The Dense layers that were called, one after the other, with the tensors between them."""

    owner: str
    dense: list[Dense] = field(default_factory=list)
    activations: list[str] = field(default_factory=list)
    x: list[Tensor] = field(default_factory=list)
    z: list[Tensor] = field(default_factory=list)
    a: list[Tensor] = field(default_factory=list)

    def note(self, layer: Layer, arguments: tuple[Any, ...], output: Any) -> Any:
        """Take up a call, and return what the layer shall return."""
        (given,) = arguments if len(arguments) == 1 else (None,)
        follows = not self.a or given is self.a[-1]
        if type(layer) is Dense and follows and given.ndim == 2:
            z = given @ layer.kernel
            z = z if layer.bias is None else z + layer.bias
            output = layer.activation(z)
            self.dense.append(layer)
            self.activations.append(getattr(layer.activation, "__name__", "activation"))
            for kept, tensor in ((self.x, given), (self.z, z), (self.a, output)):
                kept.append(tensor)
        elif isinstance(given, Tensor) and follows and not layer.weights and self._passes(given, output):
            if self.a and output is not given:
                self._activate(layer, output)
        else:
            raise ArgumentError(
                f"{self.owner}: expected Dense layers and activations one after the other, for inputs of two axes, "
                f"got {layer}"
            )
        return output

    def _passes(self, given: Tensor, output: Any) -> bool:
        return not self.a or (isinstance(output, Tensor) and output.shape == given.shape)

    def _activate(self, layer: Layer, output: Tensor) -> None:
        function = getattr(layer, "activation", None)
        named = type(layer).__name__.lower() if isinstance(layer, ACTIVATIONS) else layer.name
        name = getattr(function, "__name__", named)
        self.activations[-1] = name if self.activations[-1] == "linear" else f"{name}({self.activations[-1]})"
        self.a[-1] = output


def study(owner: str, model: Any, x: Any, y: Any) -> Study:
    """One pass forward and back for the rows x, y, with every number on the way.

    Raises ArgumentError for a model that is not compiled, or that is not a chain of Dense layers and activations.
    """
    inputs, targets = sample_of(owner, model, x, y)
    chain = _Chain(owner)
    weights = list(model.weights)
    with undisturbed(model), watched(leaves(model), chain.note), GradientTape(persistent=True) as tape:
        tape.watch([weight for weight in weights if weight.aval.is_float])
        y_pred = model(inputs, training=False)
        if not chain.a or y_pred is not chain.a[-1]:
            raise ArgumentError(f"{owner}: expected a model that ends in a Dense layer or its activation, got {model}")
        loss = model.compute_loss(inputs, targets, y_pred)
        penalized = bool(model.losses)
    with undisturbed(model):
        stages = [_stage(chain, k, tape, loss) for k in range(len(chain.dense))]
    name = getattr(model.loss, "name", None) or getattr(model.loss, "__name__", "loss")
    return Study(stages, float(loss.numpy()), name, targets.numpy(), penalized)


def _stage(chain: _Chain, k: int, tape: GradientTape, loss: Tensor) -> Stage:
    layer, z, a = chain.dense[k], chain.z[k], chain.a[k]
    sources = [z, a, layer.kernel, *([] if layer.bias is None else [layer.bias])]
    gradients = [one.numpy() for one in tape.gradient(loss, sources, unconnected_gradients="zero")]
    return Stage(
        name=layer.name,
        activation=chain.activations[k],
        x=chain.x[k].numpy(),
        W=layer.kernel.numpy(),
        b=None if layer.bias is None else layer.bias.numpy(),
        z=z.numpy(),
        a=a.numpy(),
        d_z=gradients[0],
        d_a=gradients[1],
        d_W=gradients[2],
        d_b=None if layer.bias is None else gradients[3],
        jacobian=_jacobian(tape, a, z),
    )


def _jacobian(tape: GradientTape, a: Tensor, z: Tensor) -> np.ndarray:
    rows = []
    for k in range(a.shape[1]):
        seed = np.zeros(a.shape, a.dtype)
        seed[:, k] = 1
        rows.append(tape.gradient(a, z, seed, unconnected_gradients="zero").numpy())
    return np.stack(rows, axis=1)


# the table


def backpropagation_table(model: Any, x: Any, y: Any) -> list[str]:
    """The chain rule, number by number, for one example: a line of text for each z, a, and each derivative of the loss.

    Such as  ∂L/∂w⁽²⁾₁₂ = ∂L/∂z⁽²⁾₁·a⁽¹⁾₂ = 0.12·0.5 = 0.06.  The layer stands above; below, w₁₂ is the weight to unit
    1 from unit 2 of the layer before (`kernel[1, 0]`). Each line ends in the number that the framework computed.

    Parameters:
        model: compiled, a chain of Dense layers and activations.
        x, y: one row.

    Raises ArgumentError for another model, or for more rows.
    """
    owner = "backpropagation_table"
    found = study(owner, model, x, y)
    expect(len(found.targets) == 1, owner, "x", "one row", len(found.targets))
    lines = []
    for number, stage in enumerate(found.stages, 1):
        lines += [f"Forward, layer {number}: {stage.name} ({stage.activation})", *_forward(stage, number)]
    lines += [f"Loss: L = {found.loss_name} = {show(found.loss)}"]
    for number in range(len(found.stages), 0, -1):
        lines += [f"Backward, layer {number}: {found.stages[number - 1].name}", *_backward(found, number)]
    return lines


def _forward(stage: Stage, number: int) -> list[str]:
    lines = []
    for j in range(stage.z.shape[1]):
        factors = [(w(number, j, i), before(number, i), stage.W[i, j], v) for i, v in enumerate(stage.x[0])]
        added = [] if stage.b is None else [(b(number, j), stage.b[j])]
        lines.append(_line(z(number, j), factors, added, stage.z[0, j]))
    for j, value in enumerate(stage.a[0]):
        inner, shown = z(number, j), show(stage.z[0, j])
        if stage.activation == "linear":
            lines.append(f"{a(number, j)} = {inner} = {show(value)}")
        elif stage.is_elementwise:
            f = stage.activation
            lines.append(f"{a(number, j)} = {f}({inner}) = {f}({shown}) = {show(value)}")
        else:
            lines.append(f"{a(number, j)} = {stage.activation}(z{above(number)}){below(j)} = {show(value)}")
    return lines


def _backward(found: Study, number: int) -> list[str]:
    stage = found.stages[number - 1]
    units = range(stage.z.shape[1])
    lines = [_error_of_output(found, number, j) for j in units]
    for j in units:
        # where a_j depends on z_j alone, the sum over k has one term
        own = [j] if stage.is_elementwise else units
        slope = _slope_name(stage, number, j)
        factors = [(d(a(number, k)), slope(k), stage.d_a[0, k], stage.jacobian[0, k, j]) for k in own]
        lines.append(_line(d(z(number, j)), factors, [], stage.d_z[0, j], found.penalized))
    for j in units:
        for i, value in enumerate(stage.x[0]):
            factors = [(d(z(number, j)), before(number, i), stage.d_z[0, j], value)]
            lines.append(_line(d(w(number, j, i)), factors, [], stage.d_W[i, j], found.penalized))
        if stage.d_b is not None:
            terms = [(d(z(number, j)), stage.d_z[0, j])]
            lines.append(_line(d(b(number, j)), [], terms, stage.d_b[j], found.penalized))
    return lines


def _error_of_output(found: Study, number: int, j: int) -> str:
    value = found.stages[number - 1].d_a[0, j]
    if number == len(found.stages):
        return f"{d(a(number, j))} = {show(value)}   (derivative of {found.loss_name})"
    after = found.stages[number]
    names = [(d(z(number + 1, k)), w(number + 1, k, j)) for k in range(after.z.shape[1])]
    factors = [(*pair, after.d_z[0, k], after.W[j, k]) for k, pair in enumerate(names)]
    return _line(d(a(number, j)), factors, [], value, found.penalized)


def _slope_name(stage: Stage, number: int, j: int) -> Any:
    if not stage.is_elementwise:
        return lambda k: f"∂{a(number, k)}/∂{z(number, j)}"
    return lambda k: f"{stage.activation}′({z(number, k)})"


def _line(
    name: str,
    factors: Sequence[tuple[str, str, float, float]],
    terms: Sequence[tuple[str, float]],
    value: float,
    penalized: bool = False,
) -> str:
    """`name = p·q + ... + r = 2·3 + ... + 1 = 7`; what a penalty adds comes last."""
    words = [f"{p}·{q}" for p, q, _, _ in factors] + [r for r, _ in terms]
    numbers = [f"{_factor(p) if k else show(p)}·{_factor(q)}" for k, (_, _, p, q) in enumerate(factors)]
    numbers += [_factor(r) for _, r in terms]
    known = sum(float(p) * float(q) for _, _, p, q in factors) + sum(float(r) for _, r in terms)
    rest = float(value) - known
    if penalized and abs(rest) > 1e-5 * max(abs(known), abs(float(value))):
        words, numbers = [*words, "penalty"], [*numbers, _factor(rest)]
    if not factors and len(words) == 1:
        return f"{name} = {words[0]} = {show(value)}"
    return f"{name} = {' + '.join(words)} = {' + '.join(numbers)} = {show(value)}"


def show(value: Any) -> str:
    """A number with four digits."""
    return f"{float(value):.4g}".replace("-", "−")


def _factor(value: Any) -> str:
    """A number as it stands after an operator: in parentheses if it is negative."""
    text = show(value)
    return f"({text})" if text.startswith("−") else text


def above(layer: int) -> str:
    """A superscript with the number of a layer: ⁽²⁾."""
    return "⁽" + "".join("⁰¹²³⁴⁵⁶⁷⁸⁹"[int(digit)] for digit in str(layer)) + "⁾"


def below(*units: int) -> str:
    """A subscript with the numbers of units, counted from 1: ₁₂, or ₁,₁₀ where one has two digits."""
    texts = ["".join("₀₁₂₃₄₅₆₇₈₉"[int(digit)] for digit in str(unit + 1)) for unit in units]
    return ("," if any(len(text) > 1 for text in texts) else "").join(texts)


def z(layer: int, j: int) -> str:
    return f"z{above(layer)}{below(j)}"


def a(layer: int, j: int) -> str:
    return f"a{above(layer)}{below(j)}"


def b(layer: int, j: int) -> str:
    return f"b{above(layer)}{below(j)}"


def w(layer: int, to: int, source: int) -> str:
    return f"w{above(layer)}{below(to, source)}"


def before(layer: int, i: int) -> str:
    """What comes into a layer: the inputs x, or what the layer before gives."""
    return f"x{below(i)}" if layer == 1 else a(layer - 1, i)


def d(name: str) -> str:
    return f"∂L/∂{name}"
