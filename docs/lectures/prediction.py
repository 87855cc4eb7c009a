# %% [markdown]
# # Prediction: from one unit to a deep network
#
# A network turns numbers into numbers. This page builds one up from its smallest part, and at each step measures what
# the new part can do that the one before could not.

# %%
import sys
import warnings
from pathlib import Path  # hidden

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, make_circles, make_moons

import ebbflow as ebb
from ebbflow import activations, layers, models, optimizers, plot
from ebbflow.plot.canvas import COLORS, tidy

ebb.set_random_seed(1)
random = np.random.default_rng(1)

# %% [markdown]
# ## The perceptron
#
# One unit has a weight $w_j$ for each input $x_j$, and a bias $w_0$. It adds up, and sends the sum through a
# non-linear function $g$:
#
# $$z = w_0 + \sum_j x_j w_j \qquad \hat y = g(z), \qquad \text{here } g(z) = \sigma(z) = \frac{1}{1 + e^{-z}}$$
#
# Take $w_0 = 1$, $w = (3, -2)$ and the input $x = (-1, 2)$: then $z = 1 + 3 \cdot (-1) - 2 \cdot 2 = -6$.

# %%
x, w, w0 = np.array([-1.0, 2.0]), np.array([3.0, -2.0]), 1.0
z = w0 + x @ w
y = activations.sigmoid(z)
print(f"z = {z:g}, y = {float(y):.4f}")
assert z == -6 and round(float(y), 3) == 0.002  # hidden

# %% [markdown]
# The same unit as a network: a `Dense` layer of one unit, whose weights we set by hand. Where $z = 0$, $\hat y$ is 1/2.
# This is the line $1 + 3 x_1 - 2 x_2 = 0$; on one side of it $z < 0$ and $\hat y < 1/2$, on the other both are larger.

# %%
unit = ebb.Sequential([ebb.Input((2,)), layers.Dense(1, activation="sigmoid")])
unit.set_weights([np.array([[3.0], [-2.0]]), np.array([1.0])])

points = random.uniform(-3, 3, (150, 2))
side = (1 + 3 * points[:, 0] - 2 * points[:, 1] > 0).astype(int)
axes = plot.decision_regions(unit, points, side, feature_names=("x1", "x2"), class_names=("z < 0", "z > 0"))
axes.set_title("The line 1 + 3 x1 - 2 x2 = 0", fontsize=11)
assert np.array_equal(unit.predict(points, verbose=0)[:, 0] > 0.5, side == 1)  # hidden

# %% [markdown]
# ## Units with a threshold
#
# The oldest unit is that of McCulloch and Pitts (1943). Its weights are given, nothing is learned: $y = 1$ if
# $\sum_j x_j w_j$ reaches a threshold, else 0. Logic can be built of it.

# %%
inputs = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
AND = models.McCullochPitts([1, 1], threshold=2)
OR = models.McCullochPitts([1, 1], threshold=1)
NOT = models.McCullochPitts([-1], threshold=0)
print("x1 x2  AND OR")
for (x1, x2), a, o in zip(inputs, AND(inputs).numpy(), OR(inputs).numpy(), strict=True):
    print(f"{x1:2.0f} {x2:2.0f}  {a[0]:3.0f} {o[0]:2.0f}")
print("NOT 0 =", int(NOT([[0.0]])[0, 0]), " NOT 1 =", int(NOT([[1.0]])[0, 0]))
assert AND(inputs).numpy().ravel().tolist() == [0, 0, 0, 1]  # hidden
assert OR(inputs).numpy().ravel().tolist() == [0, 1, 1, 1]  # hidden
assert float(NOT([[0.0]])[0, 0]) == 1 and float(NOT([[1.0]])[0, 0]) == 0  # hidden

# %% [markdown]
# ### Rosenblatt's perceptron
#
# Rosenblatt (1958) let the unit find its weights. It looks at one example after the other and learns from its mistakes
# only; $t$ is the right answer, 0 or 1, and $y$ its own:
#
# $$w \leftarrow w + \eta\,(t - y)\,x \qquad w_0 \leftarrow w_0 + \eta\,(t - y)$$
#
# If some line has all examples on their right sides, $\pm u \cdot (x, 1) \ge \gamma$ with a $u$ of length 1, and no
# $(x, 1)$ is longer than $R$, then the unit makes at most $(R / \gamma)^2$ mistakes in all, however often it goes
# through the data (Novikoff, 1962). Let us count them.

# %%
u = np.array([2.0, 1.0, 0.5]) / np.linalg.norm([2.0, 1.0, 0.5])  # w1, w2, w0
cloud = random.uniform(-2, 2, (400, 2)).astype(np.float32)
distance = np.c_[cloud, np.ones(400)] @ u
cloud, distance = cloud[abs(distance) > 0.05], distance[abs(distance) > 0.05]
target = (distance > 0).astype(np.float32)

perceptron = models.Perceptron()
perceptron.fit(cloud, target, epochs=100, verbose=0)
R, gamma = np.linalg.norm(np.c_[cloud, np.ones(len(cloud))], axis=1).max(), abs(distance).min()
print("mistakes in each epoch:", perceptron.mistakes)
print(f"in all {sum(perceptron.mistakes)}, at most {(R / gamma) ** 2:.0f} allowed by the theorem")
assert perceptron.converged and sum(perceptron.mistakes) <= (R / gamma) ** 2  # hidden

# %% [markdown]
# ### Adaline
#
# Widrow and Hoff (1960) measured the error before the threshold, at the sum $z$ itself, with targets $t = \pm 1$. This
# is the delta rule:
#
# $$w \leftarrow w + \eta\,(t - z)\,x$$
#
# It also learns from right answers, and it is the first gradient descent of this course: $-(t - z)\,x$ is half the
# gradient of $(t - z)^2$. So it comes close to the line of least squares, also where no line separates the classes.

# %%
two = np.concatenate([random.normal(-0.7, 1.0, (300, 2)), random.normal(0.7, 1.0, (300, 2))]).astype(np.float32)
which = np.repeat([0.0, 1.0], 300).astype(np.float32)

adaline = models.Adaline(learning_rate=0.001)
adaline.fit(two, which, epochs=60, verbose=0)
learned = np.concatenate([weight.ravel() for weight in adaline.get_weights()])
least_squares = np.linalg.lstsq(np.c_[two, np.ones(600)], 2 * which - 1, rcond=None)[0]
print("learned by the delta rule", learned.round(3))
print("least squares            ", least_squares.round(3))
assert np.abs(learned - least_squares).max() < 0.03  # hidden

# %% [markdown]
# ### What none of them can do: XOR
#
# "One or the other, but not both" has no line that separates its classes (Minsky and Papert, 1969). We try many lines,
# and then Rosenblatt's rule, which notices that its weights come back to where they were.

# %%
xor = np.array([0, 1, 1, 0], np.float32)
lines = np.stack(np.meshgrid(*[np.linspace(-2, 2, 41)] * 3), axis=-1).reshape(-1, 3)  # w1, w2, w0
answers = (inputs @ lines[:, :2].T + lines[:, 2] >= 0).T
right = (answers == xor).sum(axis=1)
print(f"the best of {len(lines)} lines has {right.max()} of 4 right")
assert right.max() == 3  # hidden

single = models.Perceptron(name="unit")
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    single.fit(inputs, xor, epochs=50, verbose=0)
print("mistakes in each epoch:", single.mistakes)
print(said[0].message)
assert not single.converged and "no line separates" in str(said[0].message)  # hidden

# %% [markdown]
# A layer of units in between, a *hidden* layer, is enough. By hand: the first hidden unit is OR, the second AND, and
# the output says "OR but not AND". And learned from the four examples, with smooth units in place of thresholds:

# %%
by_hand = ebb.Sequential([models.McCullochPitts([[1, 1], [1, 1]], [1, 2]), models.McCullochPitts([1, -1], 1)])
print("by hand:", by_hand(inputs).numpy().ravel())

hidden = ebb.Sequential([layers.Dense(4, activation="tanh"), layers.Dense(1, activation="sigmoid")])
hidden.compile(optimizers.Adam(0.1), "binary_crossentropy")
hidden.fit(inputs, xor, batch_size=4, epochs=200, verbose=0)
print("learned:", hidden.predict(inputs, verbose=0).ravel().round(3))
assert np.array_equal(by_hand(inputs).numpy().ravel(), xor)  # hidden
assert np.abs(hidden.predict(inputs, verbose=0).ravel() - xor).max() < 0.1  # hidden

# %%
_, panels = plt.subplots(1, 2, figsize=(8.6, 3.4), layout="constrained")
for axes, model, title in zip(panels, (single, hidden), ("One unit, one line", "Four hidden units"), strict=True):
    plot.decision_regions(model, inputs, xor, feature_names=("x1", "x2"), axes=axes).set_title(title, fontsize=11)
    axes.legend(loc="center", framealpha=0.85)

# %% [markdown]
# ## Regressions are networks without a hidden layer
#
# With $g(z) = z$ and a squared error, the unit is **linear regression**, $\hat y = w_1 x_1 + \dots + w_d x_d + b$. With
# several outputs, each with weights of its own, it is **multivariate regression**, $\hat y = W x + b$. We make data
# with a $W$ and $b$ that we know, and look whether training finds them. (ebbflow keeps examples as rows, so it stores
# the transpose of this $W$: inputs down, outputs across.)

# %%
W, b = np.array([[1.0, -2.0], [0.5, 3.0], [-1.5, 0.0]]), np.array([4.0, -1.0])
x = random.normal(size=(500, 3)).astype(np.float32)
y = (x @ W + b + 0.1 * random.normal(size=(500, 2))).astype(np.float32)

regression = models.linear_regression(outputs=2, optimizer=optimizers.LBFGS())
regression.fit(x, y, batch_size=500, epochs=30, verbose=0)
found, bias = regression.get_weights()
print("W\n", found.round(2), "\nb", bias.round(2))
exact = models.ridge_solution(x, y)
print(f"largest difference to the closed form of least squares: {np.abs(found - exact[0]).max():.0e}")
assert np.abs(found - exact[0]).max() < 1e-4 and np.abs(found - W).max() < 0.03  # hidden

# %% [markdown]
# With the sigmoid and cross-entropy, the unit is **logistic regression**: $\hat y = \sigma(w \cdot x + b)$ is a
# probability. Here it tells malignant from benign tumors by 30 measurements.

# %%
x, y = load_breast_cancer(return_X_y=True)
order = random.permutation(len(x))
train, test = order[:400], order[400:]
x = ((x - x[train].mean(0)) / x[train].std(0)).astype(np.float32)
logistic = models.logistic_regression(penalty=1e-3, optimizer=optimizers.Adam(0.02))
logistic.fit(x[train], y[train], epochs=60, verbose=0)
accuracy = logistic.evaluate(x[test], y[test], verbose=0, return_dict=True)["accuracy"]
print(f"right for {accuracy:.1%} of {len(test)} patients that it has not seen")
assert accuracy > 0.93  # hidden

# %% [markdown]
# With one output for each of $k$ classes and
#
# $$\hat y_i = \mathrm{softmax}(z)_i = \frac{e^{z_i}}{e^{z_1} + \dots + e^{z_k}}, \qquad \sum_i \hat y_i = 1,$$
#
# it is **softmax regression**. The borders between its classes are straight lines, too: $\hat y_i = \hat y_j$ where
# $z_i = z_j$. So whatever lies between two points of one class is of that class.

# %%
iris = load_iris()
x, y = iris.data[:, 2:].astype(np.float32), iris.target
softmax = models.softmax_regression(classes=3, optimizer=optimizers.Adam(0.1))
softmax.fit(x, y, epochs=150, verbose=0)
probabilities = softmax.predict(x, verbose=0)
print("three flowers:\n", probabilities[[0, 60, 149]].round(3))
print(f"their sums differ from 1 by {np.abs(probabilities.sum(1) - 1).max():.0e} at most")
axes = plot.decision_regions(softmax, x, y, feature_names=iris.feature_names[2:], class_names=list(iris.target_names))
axes.set_title(f"Softmax regression: {np.mean(probabilities.argmax(1) == y):.1%} right", fontsize=11)
assert np.allclose(probabilities.sum(1), 1, atol=1e-6) and np.mean(probabilities.argmax(1) == y) > 0.93  # hidden


def mixed(net, corners):
    """How many of 5,000 pairs of points that get the same answer have a point between them that gets another."""
    pairs = np.random.default_rng(0).uniform(*corners, (2, 5000, 2)).astype(np.float32)
    answers = [np.atleast_2d(net.predict(some, verbose=0)) for some in (*pairs, pairs.mean(axis=0))]
    one, other, between = (a.argmax(1) if a.shape[1] > 1 else a[:, 0] > 0.5 for a in answers)
    return int(np.sum((one == other) & (between != one)))


print("between two points of one class lies another class in", mixed(softmax, ((0, 0), (7, 3))), "of 5,000 pairs")
assert mixed(softmax, ((0, 0), (7, 3))) == 0  # hidden

# %% [markdown]
# ## Dense layers, and deep networks
#
# Several units with the same inputs are a *dense* layer: all inputs are connected with all outputs. A batch of examples
# goes through it at once. 4 examples through a layer of 3 units give $z$ of shape $(4, 3)$, and $g$, which works on
# each number alone, keeps the shape.

# %%
x = random.normal(size=(4, 2)).astype(np.float32)  # 4 examples with 2 features
layer = layers.Dense(units=3)
z = layer(x)
a = activations.tanh(z)
print("x", x.shape, " W", layer.kernel.shape, " b", layer.bias.shape, " z", z.shape, " a", a.shape)
assert z.shape == a.shape == (4, 3) and layer.kernel.shape == (2, 3)  # hidden

# %% [markdown]
# A *deep* network is such layers, one on the other. Layer $k$ takes what the layer below it has made:
#
# $$z_{k,i} = w^{(k)}_{0,i} + \sum_j g(z_{k-1,j})\, w^{(k)}_{j,i}$$
#
# A network with one hidden layer is often called a single-layer network. Each layer may have another activation.

# %%
deep = ebb.Sequential(
    [
        ebb.Input((2,)),
        layers.Dense(3, activation="relu"),
        layers.Dense(3, activation="tanh"),
        layers.Dense(5, activation="sigmoid"),
        layers.Dense(2, activation="softmax"),
    ]
)
for k, one in enumerate(deep.layers, start=1):
    print(f"layer {k}: {one.kernel.shape} weights and {one.bias.shape} biases, outputs {one.output_shape}")
print(deep.count_params(), "parameters; the outputs for the first example:", deep(x).numpy()[0].round(3))

a = x.astype(np.float64)  # and the same by the formula
W1, b1, W2, b2, W3, b3, W4, b4 = deep.get_weights()
a = np.maximum(a @ W1 + b1, 0)
a = np.tanh(a @ W2 + b2)
a = 1 / (1 + np.exp(-(a @ W3 + b3)))
z = a @ W4 + b4
a = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
print("largest difference to the formula:", f"{np.abs(deep(x).numpy() - a).max():.0e}")
assert np.abs(deep(x).numpy() - a).max() < 1e-6  # hidden

# %% [markdown]
# ## A layer of one's own
#
# A layer is a class: `build` makes weights with `add_weight`, and `call` is its formula. This is all there is to
# `Dense`. The derivative follows from the formula, and training is compiled to machine code as it is for the layers
# of the library.


# %%
class MyDense(layers.Layer):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape):
        self.W = self.add_weight((input_shape[-1], self.units), "glorot_uniform", name="W")
        self.b = self.add_weight((self.units,), "zeros", name="b")

    def call(self, inputs):
        z = inputs @ self.W + self.b
        return activations.sigmoid(z)


x, y = make_moons(250, noise=0.15, random_state=0)
own = ebb.Sequential([MyDense(8), MyDense(1)])
own.compile(optimizers.Adam(0.05), "binary_crossentropy", metrics=["accuracy"])
history = own.fit(x, y, epochs=300, verbose=0).history
print(f"accuracy after 1 epoch {history['accuracy'][0]:.2f}, after 300 epochs {history['accuracy'][-1]:.2f}")
assert history["accuracy"][-1] > 0.95  # hidden

# %% [markdown]
# ## Activations and their derivatives
#
# | name | $g(z)$ | $g'(z)$ |
# |---|---|---|
# | identity | $z$ | $1$ |
# | step | $1$ if $z \ge 0$, else $0$ | $0$ |
# | sigmoid | $1 / (1 + e^{-z})$ | $g(z)\,(1 - g(z))$ |
# | tanh | $(e^z - e^{-z}) / (e^z + e^{-z})$ | $1 - g(z)^2$ |
# | ReLU | $\max(0, z)$ | $1$ if $z > 0$, else $0$ |
# | Leaky ReLU | $\max(0.01 z, z)$ | $1$ if $z > 0$, else $0.01$ |
#
# A `GradientTape` finds the derivatives; the table is what it should find.


# %%
def leaky_relu(z):
    return activations.leaky_relu(z, negative_slope=0.01)


functions = {
    "identity": activations.identity,
    "step": activations.step,
    "sigmoid": activations.sigmoid,
    "tanh": activations.tanh,
    "ReLU": activations.relu,
    "Leaky ReLU": leaky_relu,
}


def slope(g, z):
    z = ebb.Variable(np.asarray(z, np.float64))
    with ebb.GradientTape() as tape:
        a = g(z)
    return tape.gradient(a, z, unconnected_gradients="zero").numpy()


z = np.linspace(-5, 5, 400)
_, panels = plt.subplots(2, 3, figsize=(9, 4.8), layout="constrained", sharex=True)
for axes, (name, g) in zip(panels.flat, functions.items(), strict=True):
    axes.plot(z, g(z).numpy(), color=COLORS[0], label="g(z)")
    axes.plot(z, slope(g, z), "--", color=COLORS[1], label="g'(z)")
    axes.set_ylim(-1.3, 2.3)
    tidy(axes, name)
panels[0, 0].legend(frameon=False)

sigma, tanh = 1 / (1 + np.exp(-z)), np.tanh(z)  # hidden
table = [1 + 0 * z, 0 * z, sigma * (1 - sigma), 1 - tanh**2, 1.0 * (z > 0), np.where(z > 0, 1, 0.01)]  # hidden
for g, formula in zip(functions.values(), table, strict=True):  # hidden
    assert np.allclose(slope(g, z), formula, atol=1e-6)  # hidden

# %% [markdown]
# What matters for learning is the derivative: on its way down through a network, the gradient is multiplied by it at
# every unit.

# %%
places = np.array([-6.0, -2.0, 0.0, 2.0, 6.0])
print("g'(z) at z =", *[f"{place:9.0f}" for place in places])
for name, g in functions.items():
    print(f"{name:12}", *[f"{value:9.4f}" for value in slope(g, places)])
assert slope(activations.sigmoid, [0.0])[0] == 0.25 and slope(activations.sigmoid, [6.0])[0] < 0.003  # hidden
assert slope(activations.tanh, [6.0])[0] < 1e-4 and not slope(activations.step, places).any()  # hidden

# %% [markdown]
# - *Sigmoid* and *tanh* saturate: far from 0 hardly any gradient passes. The sigmoid never lets more than 1/4 pass.
# - *ReLU* passes it whole on the right and not at all on the left, where *Leaky ReLU* keeps a hundredth.
# - The *step* passes nothing: layers below it never learn, which is why the units of the first section stayed alone.
#
# The last can be watched. Below a step, `fit` warns, and the weights stay as they were to the last bit.

# %%
blind = ebb.Sequential(
    [ebb.Input((2,)), layers.Dense(8, "step", name="below"), layers.Dense(1, "sigmoid", name="above")]
)
before = blind.get_weights()
blind.compile("adam", "binary_crossentropy")
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    blind.fit(x, y, epochs=5, verbose=0)
print(said[0].message)
for layer, start in zip(blind.layers, before[::2], strict=True):
    print(layer.name, "moved by", np.abs(layer.kernel.numpy() - start).max())
after = blind.get_weights()  # hidden
assert np.array_equal(after[0], before[0])  # hidden
assert not np.array_equal(after[2], before[2])  # hidden

# %% [markdown]
# Softmax works on all outputs together, so its derivative is a matrix: $\partial \hat y_i / \partial z_j =
# \hat y_i\,([i = j] - \hat y_j)$. Each column sums to 0, since what one class gains the others lose.

# %%
z = ebb.Variable([1.0, 2.0, 0.5])
with ebb.GradientTape(persistent=True) as tape:
    p = activations.softmax(z)
    parts = [p[i] for i in range(3)]
jacobian = np.stack([tape.gradient(part, z).numpy() for part in parts])
print("softmax", p.numpy().round(3), "\nits derivative\n", jacobian.round(3))
assert np.allclose(jacobian, np.diag(p.numpy()) - np.outer(p.numpy(), p.numpy()), atol=1e-6)  # hidden

# %% [markdown]
# ## Why non-linear?
#
# Without activations, a second layer adds nothing:
#
# $$(x W_1 + b_1) W_2 + b_2 = x\,(W_1 W_2) + (b_1 W_2 + b_2)$$
#
# A stack of linear layers of any depth is one linear layer. We compute this layer, and it gives the same outputs.

# %%
stack = ebb.Sequential([ebb.Input((2,)), layers.Dense(16), layers.Dense(16), layers.Dense(1)])
stack.set_weights([random.normal(size=weight.shape) for weight in stack.get_weights()])
W1, b1, W2, b2, W3, b3 = stack.get_weights()
one = ebb.Sequential([ebb.Input((2,)), layers.Dense(1)])
one.set_weights([W1 @ W2 @ W3, (b1 @ W2 + b2) @ W3 + b3])
difference = np.abs(stack.predict(x, verbose=0) - one.predict(x, verbose=0)).max()
print(f"{stack.count_params()} parameters against {one.count_params()}, largest difference {difference:.0e}")
assert difference < 1e-3  # hidden

# %% [markdown]
# So its decisions are straight lines, no matter how large it is. With a non-linear activation, the same layers can
# draw any border.

# %%
_, panels = plt.subplots(1, 2, figsize=(8.6, 3.4), layout="constrained")
for axes, activation in zip(panels, ("linear", "tanh"), strict=True):
    net = ebb.Sequential([layers.Dense(16, activation=activation) for _ in range(3)] + [layers.Dense(1, "sigmoid")])
    net.compile(optimizers.Adam(0.02), "binary_crossentropy", metrics=["accuracy"])
    net.fit(x, y, epochs=100, verbose=0)
    accuracy = net.evaluate(x, y, verbose=0, return_dict=True)["accuracy"]
    plot.decision_regions(net, x, y, axes=axes).set_title(f"Three {activation} layers: {accuracy:.1%}", fontsize=11)
    assert (accuracy > 0.97) == (activation == "tanh") and accuracy > 0.8  # hidden
    bent = mixed(net, (x.min(0), x.max(0)))
    print(f"{activation:6} layers: between two points of one class lies the other in {bent} of 5,000 pairs")
    assert (bent > 100) == (activation == "tanh") and (bent == 0) == (activation == "linear")  # hidden

# %% [markdown]
# ## Features made by hand
#
# There is an older way to bend a linear model: give it other features. A linear model of $1, x, x^2, \dots, x^d$ is a
# polynomial. A linear model of *radial basis functions*
#
# $$\phi_j(x) = \exp\left(-\frac{\lVert x - c_j \rVert^2}{2 s^2}\right)$$
#
# is a sum of bumps around centers $c_j$, and the bandwidth $s$ says how wide they are. Both are layers here.

# %%
x = np.linspace(-1, 1, 40, dtype=np.float32)[:, None]
y = np.sin(4 * x) + 0.2 * random.normal(size=x.shape).astype(np.float32)
grid = np.linspace(-1, 1, 400, dtype=np.float32)[:, None]


def fitted(features):
    model = ebb.Sequential([features, layers.Dense(1)])
    model.compile(optimizers.LBFGS(), "mse")
    model.fit(x, y, batch_size=len(x), epochs=300, verbose=0)
    return model


_, panels = plt.subplots(1, 2, figsize=(8.6, 3.4), layout="constrained", sharey=True)
centers = np.linspace(-1, 1, 12)[:, None]
families = {
    "Polynomials": {f"degree {degree}": layers.PolynomialFeatures(degree) for degree in (1, 3, 9)},
    "Twelve radial basis functions": {
        f"bandwidth {s}": layers.RBF(12, centers=centers, bandwidth=s, learn_centers=False) for s in (0.02, 0.2, 2.0)
    },
}
error = {}
for axes, (title, members) in zip(panels, families.items(), strict=True):
    axes.plot(x, y, ".", color="#444444")
    for k, (name, features) in enumerate(members.items()):
        model = fitted(features)
        error[name] = float(np.mean((model.predict(grid, verbose=0) - np.sin(4 * grid)) ** 2))
        axes.plot(grid, model.predict(grid, verbose=0), color=COLORS[k], label=name)
    axes.set(xticks=[-1, -0.5, 0, 0.5, 1], ylim=(-1.7, 2.7))
    tidy(axes, title, "x", "y")
    axes.legend(frameon=False, loc="upper left")
for name, value in error.items():
    print(f"{name:14} mean squared distance from the true curve {value:.3f}")
assert error["degree 3"] < error["degree 1"] and error["bandwidth 0.2"] < error["bandwidth 0.02"]  # hidden

# %% [markdown]
# A straight line cannot follow the curve, a cubic can. Bumps that are too narrow know nothing of what lies between
# them; wide ones overlap to a smooth curve. The features decide what the model can say before any data are seen.
#
# ## Kernel machines
#
# Cortes and Vapnik (1995) asked for more than right answers, for a margin: with $t = \pm 1$ and $f(x) = w \cdot x + b$,
# the *hinge loss* is zero only from $t f(x) \ge 1$ on, and the penalty makes the margin $1 / \lVert w \rVert$ wide:
#
# $$\min_{w, b}\ \frac1n \sum_i \max(0,\ 1 - t_i f(x_i)) + \lambda \lVert w \rVert^2$$
#
# On the features themselves this is a line. On kernel features, the closeness to points amid the data, it goes around
# corners. Which kernel, and how wide, a human decides; that is what networks with hidden layers learn instead.

# %%
x, y = make_circles(240, noise=0.08, factor=0.5, random_state=0)
t = 2.0 * y - 1
linear = models.hinge_machine(penalty=1e-2, optimizer=optimizers.Adam(0.02))
kernel = models.kernel_machine(x, centers=40, gamma=4.0, penalty=1e-3, optimizer=optimizers.Adam(0.02), seed=0)
_, panels = plt.subplots(1, 2, figsize=(8.6, 3.4), layout="constrained")
for axes, name, machine in zip(panels, ("Linear", "Kernel"), (linear, kernel), strict=True):
    machine.fit(x, t, epochs=200, verbose=0)
    f = machine.predict(x, verbose=0)[:, 0]
    plot.decision_regions(machine, x, t, axes=axes).set_title(f"{name}: {np.mean(f * t > 0):.1%} right", fontsize=11)
    print(f"{name}: {np.mean(f * t > 0):.1%} on the right side, {np.mean(f * t >= 0.99):.1%} beyond the margin")
    assert (np.mean(f * t > 0) > 0.97) == (name == "Kernel")  # hidden

# %% [markdown]
# ## Features learned, level by level
#
# A deep network makes its own features. We train one on small images of digits, 8 x 8 pixels, and look at what its
# hidden units respond to. In the first layer these are the weights of each unit, as an image: it answers to strokes
# where they are red and to empty paper where they are blue.

# %%
digits = load_digits()
x, y = (digits.data / 16).astype(np.float32), digits.target
order = random.permutation(len(x))
train, test = order[:1400], order[1400:]
net = ebb.Sequential(
    [
        ebb.Input((64,)),
        layers.Dense(32, activation="tanh", kernel_regularizer=ebb.regularizers.L2(3e-4), name="first"),
        layers.Dense(16, activation="relu", name="second"),
        layers.Dense(10, activation="softmax", name="digit"),
    ]
)
net.compile(optimizers.Adam(0.003), "sparse_categorical_crossentropy", metrics=["accuracy"])
net.fit(x[train], y[train], epochs=60, verbose=0)
accuracy = net.evaluate(x[test], y[test], verbose=0, return_dict=True)["accuracy"]
print(f"{accuracy:.1%} of {len(test)} digits that it has not seen")
assert accuracy > 0.94  # hidden
plot.hidden_units(net, "first", image_shape=(8, 8), units=16)

# %% [markdown]
# A unit of the second layer sees only what the first has made of the image. We show the mean of the ten images that
# excite it most, and look how alike these ten are: how many of them show the same digit.

# %%
plot.hidden_units(net, "second", image_shape=(8, 8), x=x[train], units=16)


def alike(outputs):
    """How many of the ten images that excite a unit most show one digit; the mean over the units."""
    best = np.argsort(-outputs, axis=0)[:10]
    active = outputs.max(axis=0) > 0
    return np.mean([np.bincount(y[train][rows]).max() for rows in best.T[active]])


first = net.layers[0](x[train]).numpy()
second = net.layers[1](first).numpy()
print(f"of ten images show the same digit: {alike(first):.1f} in the first layer, {alike(second):.1f} in the second")
assert alike(second) > alike(first)  # hidden

# %% [markdown]
# The higher, the closer is a feature to the answer. We can measure it with the plainest of classifiers, which takes
# the class whose mean is nearest: on the pixels, and on what each layer has made of them.

# %%
level, shares = x, {}
for name, layer in [("pixels", None)] + [(layer.name, layer) for layer in net.layers[:2]]:
    level = level if layer is None else layer(level).numpy()
    means = np.stack([level[train][y[train] == digit].mean(axis=0) for digit in range(10)])
    nearest = np.linalg.norm(level[test][:, None] - means, axis=2).argmin(axis=1)
    shares[name] = np.mean(nearest == y[test])
    print(f"nearest mean in {name:7} ({level.shape[1]:2} numbers): {shares[name]:.1%} right")
assert shares["first"] > shares["pixels"] and shares["second"] > shares["pixels"] + 0.01  # hidden

# %% [markdown]
# ## A network that chooses
#
# Not every task comes with right answers. A *policy network* looks at a state $s$ and answers with probabilities of
# its possible actions, $\pi(a \mid s)$. It acts by them, gets rewards, and learns by REINFORCE (Williams, 1992):
# actions that were followed by more reward than usual become more probable,
#
# $$W \leftarrow W + \eta \sum_t A_t\, \nabla_W \log \pi(a_t \mid s_t), \qquad A_t = R_t - \text{what is usual at } t,$$
#
# with $R_t$ the rewards from $t$ on, later ones counted less. It is the step that a softmax classifier takes, with the
# chosen action as label and $A_t$ as the weight of the example.
#
# A pole stands on a cart. The network sees where the cart is and how fast, the angle of the pole and how fast it turns,
# and pushes the cart to the left or to the right, 50 times a second. Each step at which the pole still stands brings a
# reward of 1. The physics are in [examples/cartpole.py](../../examples/cartpole.py).

# %%
sys.path.append("examples")  # of a clone of ebbflow
sys.path.append(str(Path(__file__).parents[2] / "examples"))  # hidden
from cartpole import advantages, play

network = ebb.Sequential([ebb.Input((4,)), layers.Dense(32, activation="tanh"), layers.Dense(2)])
policy = models.Policy(network, optimizers.Adam(0.02), seed=3)
starts, reached = np.random.default_rng(3), []
while len(reached) < 30:
    states, actions, rewards = play(policy, starts)
    reached.append(rewards.sum(axis=0).mean())
    if reached[-1] > 195:
        break
    policy.reinforce(states.reshape(-1, 4), actions.reshape(-1), advantages(rewards).reshape(-1))
print("steps until the pole falls, mean of 100 episodes:", [round(value) for value in reached])
assert reached[0] < 60 and reached[-1] > 100  # hidden

# %% [markdown]
# It began with pushes at random, and nobody told it which push was right. What it has found can be read off: the
# probability of a push to the right, for a cart that rests in the middle. What decides is how fast the pole turns: the
# cart is pushed to the side to which the pole is falling.

# %%
angle, turning = np.meshgrid(np.linspace(-12, 12, 60), np.linspace(-2, 2, 60))  # degrees, radians a second
states = np.stack([0 * angle, 0 * angle, np.deg2rad(angle), turning], axis=-1).reshape(-1, 4).astype(np.float32)
to_the_right = policy.probabilities(states)[:, 1].reshape(angle.shape)
print(f"pole falls to the left {to_the_right[0].mean():.2f}, to the right {to_the_right[-1].mean():.2f}")

_, panels = plt.subplots(1, 2, figsize=(8.6, 3.4), layout="constrained")
panels[0].plot(range(1, len(reached) + 1), reached, "o-", color=COLORS[0])
tidy(panels[0], "It learns from rewards", "round", "steps until the pole falls")
shade = panels[1].contourf(angle, turning, to_the_right, np.linspace(0, 1, 11), cmap="RdBu_r", alpha=0.8)
panels[1].contour(angle, turning, to_the_right, [0.5], colors="black")
panels[1].figure.colorbar(shade, ax=panels[1], ticks=np.linspace(0, 1, 5))
tidy(panels[1], "Probability of a push to the right", "angle (degrees)", "turning (radians a second)", grid=False)
assert to_the_right[-1].mean() > 0.9 and to_the_right[0].mean() < 0.1  # hidden
