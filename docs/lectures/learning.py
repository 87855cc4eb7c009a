# %% [markdown]
# # Learning
#
# To learn is to make a loss $J(W)$ small by changing the weights $W$. This page does it step by step: which way is
# down, how the gradient is found, how many examples a step needs, how long a step should be, and what to do where the
# way down ends too early.

# %%
import numpy as np
from matplotlib import pyplot as plt

import ebbflow as ebb
from ebbflow import ops, optimizers, plot
from ebbflow.optimizers import schedules

ebb.utils.set_random_seed(0)


# Two helpers for pictures.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#444444")
plt.rcParams.update({"axes.spines.top": False, "axes.spines.right": False, "axes.prop_cycle": plt.cycler(color=COLORS)})


def look(columns=1, size=(6.4, 4.0)):
    """New axes, side by side."""
    return plt.subplots(1, columns, figsize=size, layout="constrained")[1]


def label(axes, title, xlabel, ylabel, legend=True, **limits):
    """Title, names, a faint grid and a legend."""
    axes.set(title=title, xlabel=xlabel, ylabel=ylabel, **limits)
    axes.grid(color="#e4e8ee")
    if legend:
        axes.legend(frameon=False, **(legend if isinstance(legend, dict) else {}))


# %% [markdown]
# ## Gradient descent
#
# 1. Start with random weights, $W \sim N(0, \sigma^2)$.
# 2. Until convergence: compute the gradient $\partial J / \partial W$ and step against it,
#    $W \leftarrow W - \eta\, \partial J / \partial W$. The number $\eta$ is the learning rate.
# 3. Return the weights.
#
# Here a line $w x + b$ is fitted to 40 points. The loss is a function of two weights, so we can look at all of it. A
# `GradientTape` records what is computed and gives the gradient.

# %%
rng = np.random.default_rng(0)
x = rng.uniform(-1, 2, 40)
y = 1.5 * x - 0.5 + 0.3 * rng.normal(size=40)


def loss_of(w, b):
    return ops.mean(ops.square(w * x + b - y))


weights = ebb.Variable(ebb.random.normal((2,), stddev=1.0, dtype="float64", seed=4))
path = [weights.numpy()]
while True:
    with ebb.GradientTape() as tape:
        loss = loss_of(weights[0], weights[1])
    gradient = tape.gradient(loss, weights)
    if np.linalg.norm(gradient.numpy()) < 1e-6:
        break
    weights.assign_sub(0.1 * gradient)
    path.append(weights.numpy())

exact = np.linalg.lstsq(np.stack([x, np.ones(40)], axis=1), y)[0]
print(f"{len(path) - 1} steps from {path[0].round(3)} to {weights.numpy().round(6)}")
print(f"least squares, in closed form:  {exact.round(6)}")

surface = {"ranges": ((-1.5, 2.5), (-1.6, 1.6)), "levels": 12}
axes = plot.loss_surface(loss_of, paths={"gradient descent": np.array(path)}, axes=look(size=(6.6, 4.2)), **surface)
axes.set(title="The loss of a line w x + b, and the way down", xlabel="w", ylabel="b", aspect="equal")
np.testing.assert_allclose(weights.numpy(), exact, atol=1e-5)  # hidden
for here, there in zip(path[:20], path[1:21], strict=True):  # hidden
    along = 1e-3 * (there - here) / np.linalg.norm(there - here)  # hidden
    across = np.array([-along[1], along[0]])  # hidden
    rise, flat = (float(loss_of(*here + way)) - float(loss_of(*here - way)) for way in (along, across))  # hidden
    assert abs(flat) < 1e-6 * abs(rise), (rise, flat)  # hidden
lengths = np.linalg.norm(np.diff(path, axis=0), axis=1)  # hidden
assert (np.diff(lengths) < 0).all()  # hidden

# %% [markdown]
# The steps become shorter by themselves, because the gradient does. They stand at right angles to the contours: the
# gradient is the direction of steepest ascent.
#
# ## Where the gradient comes from: backpropagation
#
# A network is a composition of simple functions, and its derivative is a product of simple derivatives. For
# $z = z(y(x(w(u))))$ the chain rule says
#
# $$\frac{dz}{du} = \frac{dz}{dy} \cdot \frac{dy}{dx} \cdot \frac{dx}{dw} \cdot \frac{dw}{du}.$$
#
# Take $w = u^2$, $x = e^{-w}$, $y = \tanh x$, $z = 3y$ at $u = 0.5$. First forward, where every value is stored; then
# backward, from the left factor to the right one, where the stored values are used.

# %%
u = 0.5
w = u**2  # forward
x_ = np.exp(-w)
y_ = np.tanh(x_)
z = 3 * y_

dz_dy = 3.0  # backward: each line multiplies the line above by one factor
dz_dx = dz_dy * (1 - y_**2)
dz_dw = dz_dx * -x_
dz_du = dz_dw * 2 * u
print(f"dz/dy = {dz_dy:.4f}, dz/dx = {dz_dx:.4f}, dz/dw = {dz_dw:.4f}, dz/du = {dz_du:.4f}")

found = ebb.grad(lambda u: 3 * ops.tanh(ops.exp(-(u**2))))(np.float64(u))
print(f"ebb.grad finds {float(found):.4f}")
assert abs(float(found) - dz_du) < 1e-12  # hidden

# %% [markdown]
# In a network one value goes to several places, and what comes back from them is added. Below is a network with two
# inputs, two hidden units and one output, all sigmoid, its weights chosen by hand, for one example with target 1.
# Blue was computed forward and stored, red was computed backward.

# %%
network = ebb.Sequential(
    [ebb.layers.Dense(2, activation="sigmoid", name="hidden"), ebb.layers.Dense(1, activation="sigmoid", name="output")]
)
network.compile("sgd", "mean_squared_error")
network.build((None, 2))
W1, b1 = np.array([[1.0, -1.0], [0.5, 2.0]]), np.array([0.0, 0.5])
W2, b2 = np.array([[2.0], [-1.0]]), np.array([-0.5])
network.set_weights([W1, b1, W2, b2])
example, target = np.array([[1.0, 0.5]]), np.array([[1.0]])

plot.backpropagation(network, example, target)

# %% [markdown]
# The same in numbers, one line for each application of the chain rule:

# %%
print("\n".join(plot.backpropagation_table(network, example, target)))

# %% [markdown]
# And the same as four lines of linear algebra forward and six backward. This is the whole algorithm; the arrays that
# the backward half needs (`a1`, `a2`) are those that the forward half has stored.


# %%
def sigmoid(z):
    return 1 / (1 + np.exp(-z))


z1 = example @ W1 + b1
a1 = sigmoid(z1)
z2 = a1 @ W2 + b2
a2 = sigmoid(z2)

d_z2 = 2 * (a2 - target) * a2 * (1 - a2)
d_W2 = a1.T @ d_z2
d_b2 = d_z2.sum(axis=0)
d_z1 = (d_z2 @ W2.T) * a1 * (1 - a1)
d_W1 = example.T @ d_z1
d_b1 = d_z1.sum(axis=0)
print("dL/dW1 by hand:", d_W1.round(5).tolist())

with ebb.GradientTape() as tape:
    loss = network.compute_loss(example, target, network(example))
from_tape = tape.gradient(loss, network.trainable_weights)
print("dL/dW1 by tape:", from_tape[0].numpy().astype(float).round(5).tolist())
for by_hand, by_tape in zip([d_W1, d_b1, d_W2, d_b2], from_tape, strict=True):  # hidden
    np.testing.assert_allclose(by_tape.numpy(), by_hand, rtol=1e-4, atol=1e-6)  # hidden

# %% [markdown]
# Why backward and not by trying? To try means to move one weight a little and to compute the loss again, once for each
# weight. One pass backward gives all derivatives together. For a network of 2,410 weights the two agree, and the
# numbers of passes do not.

# %%
from sklearn.datasets import load_digits

digits, labels = load_digits(return_X_y=True)
digits, labels = (digits / 16).astype("float32"), labels.astype("int32")


def digits_network(optimizer, dtype=None):
    ebb.utils.set_random_seed(1)
    model = ebb.Sequential(
        [ebb.layers.Dense(32, activation="tanh", dtype=dtype), ebb.layers.Dense(10, activation="softmax", dtype=dtype)]
    )
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


model = digits_network("sgd", dtype="float64")
rows, classes = digits[:100].astype("float64"), labels[:100]


def loss_now():
    return float(model.compute_loss(rows, classes, model(rows)))


with ebb.GradientTape() as tape:
    loss = model.compute_loss(rows, classes, model(rows))
gradient = np.concatenate([g.numpy().ravel() for g in tape.gradient(loss, model.trainable_weights)])

kernel, small, tried = model.trainable_weights[0], 1e-4, []
before = kernel.numpy()
for place in [(20, 0), (28, 7), (36, 31), (43, 16)]:
    nudge = np.zeros(before.shape)
    nudge[place] = small
    kernel.assign(before + nudge)
    above = loss_now()
    kernel.assign(before - nudge)
    tried.append((above - loss_now()) / (2 * small))
    kernel.assign(before)
    at_once = gradient[np.ravel_multi_index(place, before.shape)]
    print(f"weight {place}: by trying {tried[-1]:+.6f}, by backpropagation {at_once:+.6f}")
    assert abs(tried[-1] - at_once) < 1e-6  # hidden
print(f"{gradient.size} derivatives: {2 * gradient.size} passes forward by trying, 1 forward and 1 backward by tape")
assert gradient.size == 2410  # hidden

# %% [markdown]
# The backward pass is made of operations too, so that it can be differentiated again: $\tanh$ and its first three
# derivatives, at $z = 0.5$.

# %%
functions = {"tanh   ": ops.tanh}
for name in ("tanh'  ", "tanh'' ", "tanh'''"):
    functions[name] = ebb.grad(list(functions.values())[-1])
for name, function in functions.items():
    print(f"{name} {float(function(np.float64(0.5))):+.6f}")
t = np.tanh(0.5)  # hidden
assert abs(float(function(np.float64(0.5))) - (1 - t**2) * (6 * t**2 - 2)) < 1e-12  # hidden

# %% [markdown]
# ## The training loop, by hand and compiled
#
# The loop that one writes by hand: forward, loss, backward, update. `fit` does the same, but as one native program.
# After the same 50 steps they have the same weights.

# %%
by_hand = digits_network(optimizers.SGD(0.5))
for _ in range(50):
    with ebb.GradientTape() as tape:
        loss = by_hand.compute_loss(digits, labels, by_hand(digits))
    gradients = tape.gradient(loss, by_hand.trainable_weights)
    by_hand.optimizer.apply_gradients(zip(gradients, by_hand.trainable_weights, strict=True))

by_fit = digits_network(optimizers.SGD(0.5))
by_fit.fit(digits, labels, batch_size=len(digits), epochs=50, verbose=0)

pairs = list(zip(by_hand.get_weights(), by_fit.get_weights(), strict=True))
print(f"largest difference of any weight: {max(np.abs(a - b).max() for a, b in pairs):.1e}")
for a, b in pairs:  # hidden
    np.testing.assert_allclose(a, b, atol=1e-4)  # hidden

# %% [markdown]
# ## How many examples for a step?
#
# The loss is a mean over the $m$ examples, and so is its gradient. Batch gradient descent uses all of them for each
# step. Stochastic gradient descent takes one example at random: its gradient $g_i$ is noisy, but right on average,
# $\mathbb{E}[g_i] = \frac1m \sum_i g_i$. A mini-batch of $s$ examples stands between the two, and averaging divides the
# variance by $s$:
#
# $$\mathrm{var}\Big[\frac1s \sum_{k=1}^s g_k\Big] = \frac1s\, \mathrm{var}[g_i].$$
#
# Both claims, measured on a logistic regression of 569 patients with 30 features each:

# %%
from sklearn.datasets import load_breast_cancer

features, malignant = load_breast_cancer(return_X_y=True)
features = ((features - features.mean(axis=0)) / features.std(axis=0)).astype("float32")
malignant = malignant.astype("float32")


def logistic_regression(rate):
    ebb.utils.set_random_seed(0)
    model = ebb.Sequential([ebb.layers.Dense(1, activation="sigmoid")])
    model.compile(optimizers.SGD(rate), "binary_crossentropy")
    return model


model = logistic_regression(0.1)
model.build((None, 30))


def gradient_of(rows):
    with ebb.GradientTape() as tape:
        loss = model.compute_loss(features[rows], malignant[rows], model(features[rows]))
    return np.concatenate([g.numpy().ravel() for g in tape.gradient(loss, model.trainable_weights)])


everything = gradient_of(slice(None))
single = np.array([gradient_of([i]) for i in range(len(features))])
print(f"largest difference of mean(g_i) from the gradient of all: {np.abs(single.mean(axis=0) - everything).max():.1e}")

sizes = np.array([1, 2, 4, 8, 16, 32, 64, 128, 256])
variances = []
for s in sizes:
    drawn = single[rng.integers(0, len(single), (2000, s))].mean(axis=1)  # 2000 mini-batches, drawn with replacement
    variances.append(((drawn - everything) ** 2).sum(axis=1).mean())
slope = np.polyfit(np.log(sizes), np.log(variances), 1)[0]
print(f"variance ~ s^{slope:.3f}")
np.testing.assert_allclose(single.mean(axis=0), everything, atol=1e-5)  # hidden
assert abs(slope + 1) < 0.06  # hidden

# %% [markdown]
# On the surface of the line fit, this noise can be seen: each path makes 60 steps of the same learning rate.

# %%
paths = {}
for s in (40, 8, 1):
    point, order = ebb.Variable(np.array([-0.5, 1.5])), np.random.default_rng(3)
    path = [point.numpy()]
    for _ in range(60):
        rows = order.permutation(40)[:s]
        with ebb.GradientTape() as tape:
            loss = ops.mean(ops.square(point[0] * x[rows] + point[1] - y[rows]))
        point.assign_sub(0.2 * tape.gradient(loss, point))
        path.append(point.numpy())
    paths[f"batch of {s}"] = np.array(path)
axes = plot.loss_surface(loss_of, ((-1, 3), (-1.4, 1.9)), paths, levels=12, axes=look(size=(6.6, 4.2)))
axes.set(title="60 steps with batches of 40 (all), 8 and 1", xlabel="w", ylabel="b", aspect="equal")
wander = [np.linalg.norm(path[30:] - exact, axis=1).mean() for path in paths.values()]  # hidden
assert wander[2] > 1.5 * wander[1] > 2 * wander[0], wander  # hidden

# %% [markdown]
# What a noisy step loses in direction, it gains in price: a step with one example costs a 569th of a step with all of
# them. Counted in passes over the data (epochs), smaller batches are far ahead at first.

# %%
left, right = look(2, (9.6, 3.5))
left.loglog(sizes, variances, "o", label="measured, 2000 mini-batches each")
left.loglog(sizes, single.var(axis=0).sum() / sizes, label="var[g] / s")
label(left, "The variance of a mini-batch's gradient", "batch size s", "variance")
left.set_xticks(sizes, sizes)
left.minorticks_off()

curves = {}
for s in (569, 32, 1):
    model = logistic_regression(0.05)
    everyone = (features, malignant)
    history = model.fit(*everyone, batch_size=s, epochs=20, validation_data=everyone, verbose=0)
    curves[s] = history.history["val_loss"]
    steps = -(-569 // s)
    right.plot(range(1, 21), curves[s], ".-", label=f"batch of {s}: {steps} step{'s' * (steps > 1)} an epoch")
label(right, "Batch, mini-batch and stochastic descent", "epoch", "loss on all examples", ylim=(0, 0.8))
right.set_xticks(range(2, 21, 2))
assert curves[1][0] < curves[32][0] < curves[569][0]  # hidden
assert curves[1][19] < 0.1 and curves[569][19] > 1.5 * curves[32][19]  # hidden
rises = {s: int((np.diff(curve) > 0).sum()) for s, curve in curves.items()}  # hidden
assert rises[1] > 2 and rises[32] == rises[569] == 0, rises  # hidden

# %% [markdown]
# Batches of 1 are the quickest per pass, and restless near the end: the loss goes up again in some epochs. They are
# not the quickest per second. A step has to go through all weights, whether for one example or for 32, and the
# examples of a batch can be multiplied side by side. Here is the time of a pass over the digits, the best of ten:

# %%
import time


def seconds_of_a_pass(model, batch_size):
    start = time.perf_counter()
    model.fit(digits, labels, batch_size=batch_size, epochs=1, verbose=0)
    return time.perf_counter() - start


best_time = {}
for s in (1, 8, 32):
    model = digits_network(optimizers.SGD(0.01))
    seconds_of_a_pass(model, s)  # compiles
    best_time[s] = min(seconds_of_a_pass(model, s) for _ in range(10))
    print(f"batches of {s:2}: a pass in {1000 * best_time[s]:.1f} ms")

# %% [markdown]
# That is why mini-batches are what everybody uses, and their size is a number to be chosen by experiment.
#
# ## How long a step?
#
# On a loss that is quadratic, this can be said exactly. With $\lambda$ the largest eigenvalue of its second
# derivatives, gradient descent converges for $\eta < 2 / \lambda$ and diverges for $\eta > 2 / \lambda$. The line fit
# is quadratic:

# %%
curvature = 2 * np.array([[np.mean(x * x), np.mean(x)], [np.mean(x), 1.0]])
limit = 2 / np.linalg.eigvalsh(curvature).max()
print(f"the limit is 2 / lambda = {limit:.4f}")

best, ends = float(loss_of(*exact)), {}
for rate, name in [(0.005, "too small"), (0.3, "good"), (0.97 * limit, "just below"), (1.03 * limit, "just above")]:
    path = plot.optimizer_path(optimizers.SGD(rate), loss_of, (-0.5, 1.5), steps=80)
    ends[f"{rate:.3f}, {name}"] = [float(loss_of(*point)) - best for point in path]
    print(f"rate {rate:.3f}, {name:11} after 80 steps {ends[f'{rate:.3f}, {name}'][-1]:10.3g} above the least loss")
small, good, below, above = ends.values()  # hidden
assert good[80] < 1e-9 < 0.1 < small[80] and below[80] < below[0] and above[80] > above[0]  # hidden

# %% [markdown]
# A network is not quadratic, but it behaves alike. Here are nine trainings on 1,797 images of digits. (The learning
# rate is an input of the compiled program, so that all nine run the same machine code.)

# %%
rates = np.logspace(-3, 1, 9)
final = []
for rate in rates:
    model = digits_network(optimizers.SGD(rate))
    model.fit(digits, labels, epochs=20, verbose=0)
    final.append(model.evaluate(digits, labels, verbose=0)[0])
saturated = np.abs(model.layers[0](digits).numpy()) > 0.99
print(f"learning rate {rate:g}: {saturated.mean():.0%} of the hidden outputs are saturated")

left, right = look(2, (9.6, 3.5))
for name, excess in ends.items():
    left.semilogy(excess, label=name)
label(
    left,
    "The line fit, with fixed learning rates",
    "step",
    "loss above the least one",
    {"loc": "lower right"},
    ylim=(1e-13, 1e3),
)
right.loglog(rates, final, "o-")
right.axhline(np.log(10), color="0.5", linestyle=":", label="guessing: log 10")
label(right, "The digits: too small, good, too large", "learning rate", "loss after 20 epochs")
chosen = int(np.argmin(final))  # hidden
assert saturated.mean() > 0.8, saturated.mean()  # hidden
assert 0.05 < rates[chosen] < 5 and final[chosen] < 0.05 < 1 < min(final[0], final[-1])  # hidden

# %% [markdown]
# On the right, ten times the best rate is worse than guessing: the first steps have driven the hidden units to where
# tanh is flat, and from there hardly any gradient leads back.
#
# ### Decay
#
# With noisy gradients no fixed rate is good from beginning to end. A large one arrives early, and then keeps jumping
# around the minimum, at a height that is proportional to the rate; a small one lands softly, and late. So let it
# fall. These are some of the schedules:

# %%
falling = {
    "ExponentialDecay": schedules.ExponentialDecay(0.2, decay_steps=200, decay_rate=0.5),
    "InverseTimeDecay": schedules.InverseTimeDecay(0.2, decay_steps=100, decay_rate=1.0),
    "PolynomialDecay": schedules.PolynomialDecay(0.2, decay_steps=1000, end_learning_rate=0.002),
    "CosineDecay": schedules.CosineDecay(0.2, decay_steps=1000),
    "PiecewiseConstantDecay": schedules.PiecewiseConstantDecay([400, 700], [0.2, 0.05, 0.0125]),
}
print("step                  " + "".join(f"{step:9}" for step in range(0, 1001, 200)))
for name, schedule in falling.items():
    print(f"{name:22}" + "".join(f"{float(schedule(step)):9.4f}" for step in range(0, 1001, 200)))
np.testing.assert_allclose(float(falling["ExponentialDecay"](400)), 0.05)  # hidden
np.testing.assert_allclose(float(falling["InverseTimeDecay"](300)), 0.05)  # hidden

# %% [markdown]
# And this is what one of them is worth: the line fit again, now with 2,000 points and one example a step.

# %%
many_x = rng.uniform(-1, 2, (2000, 1))
many_y = 1.5 * many_x - 0.5 + 0.3 * rng.normal(size=many_x.shape)
design = np.concatenate([many_x, np.ones((2000, 1))], axis=1)
least = np.mean((design @ np.linalg.lstsq(design, many_y)[0] - many_y) ** 2)


def heights(rate):
    """The loss above the least one, after each of 40 epochs."""
    ebb.utils.set_random_seed(0)
    model = ebb.Sequential([ebb.layers.Dense(1, kernel_initializer="zeros", dtype="float64")])
    model.compile(optimizers.SGD(rate), "mse")
    history = model.fit(many_x, many_y, batch_size=1, epochs=40, validation_data=(many_x, many_y), verbose=0)
    return np.array(history.history["val_loss"]) - least


choices = {
    "fixed, 0.1": 0.1,
    "fixed, 0.01": 0.01,
    "fixed, 0.00005": 0.00005,
    "0.1, falling to 0": schedules.CosineDecay(0.1, decay_steps=40 * 2000),
}
left, right = look(2, (9.6, 3.5))
for name, schedule in falling.items():
    left.plot(np.arange(0, 1000, 5), [float(schedule(step)) for step in range(0, 1000, 5)], label=name)
label(left, "Schedules", "step", "learning rate", {"fontsize": 8})

mean_height, last_height = {}, {}
for name, rate in choices.items():
    curve = heights(rate)
    mean_height[name], last_height[name] = curve[20:].mean(), curve[-1]
    right.semilogy(range(1, 41), curve, label=name)
    print(f"{name:18} mean of epochs 21 to 40: {mean_height[name]:.6f}, last: {last_height[name]:.7f}")
label(right, "One example a step", "epoch", "loss above the least one", {"loc": "lower left"}, ylim=(1e-8, 3))
assert 4 < mean_height["fixed, 0.1"] / mean_height["fixed, 0.01"] < 40, mean_height  # hidden
assert last_height["0.1, falling to 0"] < 0.1 * mean_height["fixed, 0.01"]  # hidden
assert last_height["0.1, falling to 0"] < 0.1 * last_height["fixed, 0.00005"]  # hidden

# %% [markdown]
# Who does not want to plan ahead can let the validation loss decide:
# `ebb.callbacks.ReduceLROnPlateau(factor=0.5, patience=5)` reduces the rate whenever it has stopped improving.
#
# ## Better steps
#
# Two ideas improve on the plain gradient $g$. One remembers the direction, as a heavy ball does. The other gives each
# weight its own step, divided by the size of its past gradients. Adam does both.
#
# | name | step |
# |---|---|
# | SGD | $w \leftarrow w - \eta g$ |
# | momentum | $v \leftarrow \mu v - \eta g, \quad w \leftarrow w + v$ |
# | Nesterov (NAG) | the same, with the gradient of where $v$ is about to lead |
# | AdaGrad | $a \leftarrow a + g^2, \quad w \leftarrow w - \eta g / \sqrt a$ |
# | RMSProp | $a \leftarrow \rho a + (1 - \rho) g^2, \quad w \leftarrow w - \eta g / \sqrt a$ |
# | AdaDelta | as RMSProp, with $\eta$ replaced by the size of the past steps |
# | Adam | momentum of $g$ over the root of RMSProp's $a$, both corrected for their start at 0 |
#
# All of them on one surface: a banana-shaped valley, $(1 - a)^2 + 10\,(b - a^2)^2$, with its minimum at $(1, 1)$. It is
# easy to find the valley and hard to follow it. To be fair, each runs with the best of three learning rates.


# %%
def banana(a, b):
    return (1 - a) ** 2 + 10 * (b - a**2) ** 2


make = {
    "SGD": lambda rate: optimizers.SGD(rate),
    "momentum": lambda rate: optimizers.SGD(rate, momentum=0.9),
    "Nesterov": lambda rate: optimizers.SGD(rate, momentum=0.9, nesterov=True),
    "AdaGrad": lambda rate: optimizers.Adagrad(rate),
    "AdaDelta": lambda rate: optimizers.Adadelta(rate),
    "RMSProp": lambda rate: optimizers.RMSprop(rate),
    "Adam": lambda rate: optimizers.Adam(rate),
}
grid = {
    "SGD": [0.02, 0.03, 0.04],
    "momentum": [0.005, 0.01, 0.02],
    "Nesterov": [0.005, 0.01, 0.02],
    "AdaGrad": [1.0, 1.5, 2.0],
    "AdaDelta": [50.0, 100.0, 200.0],
    "RMSProp": [0.02, 0.03, 0.05],
    "Adam": [0.1, 0.2, 0.3],
}
paths, losses = {}, {}
print("optimizer   rate     loss after 20      60  100 steps")
for name, optimizer in make.items():
    runs = {}
    for rate in grid[name]:
        with np.errstate(all="ignore"):  # too large a rate diverges
            path = plot.optimizer_path(optimizer(rate), banana, (-1.2, 1.0), steps=100)
            runs[rate] = path, [float(banana(*point)) for point in path]
    rate = min(runs, key=lambda rate: np.nan_to_num(runs[rate][1][-1], nan=np.inf))
    paths[name], losses[name] = runs[rate]
    print(f"{name:10} {rate:5g}      " + " ".join(f"{losses[name][step]:9.5f}" for step in (20, 60, 100)))

families = {
    "One step size for all": ("SGD", "momentum", "Nesterov"),
    "Each weight its own": ("AdaGrad", "AdaDelta", "RMSProp", "Adam"),
}
for axes, (title, names) in zip(look(2, (9.6, 4.2)), families.items(), strict=True):
    some = {name: paths[name] for name in names}
    plot.loss_surface(banana, ((-1.6, 1.6), (-0.6, 2.7)), some, levels=10, logarithmic=True, axes=axes)
    axes.set(title=title, xlabel="a", ylabel="b")
    axes.legend(loc="upper right", fontsize=8, framealpha=0.85)
assert {name for names in families.values() for name in names} == set(make)  # hidden

axes = look(size=(6.4, 3.6))
for name, curve in losses.items():
    axes.semilogy(curve, label=name)
label(
    axes, "Height above the minimum", "step", "loss", {"loc": "lower left", "ncols": 2, "fontsize": 9}, ylim=(1e-9, 30)
)
rises = {name: int((np.diff(curve) > 0).sum()) for name, curve in losses.items()}
print("steps of 100 that went up:", rises)
quick = [losses[name][-1] for name in ("momentum", "Nesterov", "Adam")]  # hidden
others = [losses[name][-1] for name in ("SGD", "AdaGrad", "AdaDelta", "RMSProp")]  # hidden
assert max(quick) < 0.002 < 0.004 < min(others), losses  # hidden
assert rises["momentum"] > 35 > 25 > rises["Nesterov"] > rises["SGD"], rises  # hidden

# %% [markdown]
# Plain descent reaches the bottom of the valley and creeps. Momentum, Nesterov's and Adam get through; the heavy ball
# rolls up and down the sides, so that half of its steps go up, and Nesterov's look ahead calms it. AdaGrad, whose rate
# must be large because it only falls, begins with a leap. A step size for each weight does not help by itself here,
# because the valley does not lie along an axis. One surface proves little, so here are the digits: mini-batches of 32,
# ten epochs, the best of three rates for each.

# %%
grid = {
    "SGD": [0.3, 1.0, 3.0],
    "momentum": [0.03, 0.1, 0.3],
    "Nesterov": [0.1, 0.3, 1.0],
    "AdaGrad": [0.1, 0.3, 1.0],
    "AdaDelta": [10.0, 30.0, 100.0],
    "RMSProp": [0.01, 0.03, 0.1],
    "Adam": [0.003, 0.01, 0.03],
}
results = {}
print("optimizer   rate    loss   accuracy, after ten epochs")
for name, optimizer in make.items():
    tried = []
    for rate in grid[name]:
        model = digits_network(optimizer(rate))
        model.fit(digits, labels, epochs=10, verbose=0)
        tried.append((*model.evaluate(digits, labels, verbose=0), rate))
    results[name] = min(tried)
    print(f"{name:10} {results[name][2]:5g} {results[name][0]:8.4f} {results[name][1]:8.1%}")
assert all(loss < 0.2 and accuracy > 0.95 for loss, accuracy, _ in results.values()), results  # hidden

# %% [markdown]
# With its own best rate, every one of them learns the digits; what differs is that rate, from about 0.01 to about 30.
# It belongs to the optimizer, and is chosen with it.
#
# The loss of a network has as many dimensions as it has weights, 2,410 here. `loss_along` cuts a plane through the
# weights as they are, along two random directions, in which 1 is as long as the weights of a unit (Li and others,
# 2018). Around what Adam has found it is a bowl, with its bottom close to the middle:

# %%
bowl = plot.loss_along(model, digits, labels, seed=1)
axes = plot.loss_surface(bowl, points=17, levels=12, axes=look(size=(5.4, 3.8)))
axes.plot(0, 0, "*", color="#D55E00", markersize=12, markeredgecolor="white")
axes.set_title("A plane through the weights that Adam has found")
edge = min(float(bowl(np.cos(turn), np.sin(turn))) for turn in np.linspace(0, 6, 13))
print(f"loss in the middle {float(bowl(0.0, 0.0)):.4f}, on a circle around it at least {edge:.2f}")
assert edge > 10 * float(bowl(0.0, 0.0))  # hidden

# %% [markdown]
# ### Steps that are held
#
# Every optimizer takes a few more arguments. `global_clipnorm` shortens a gradient that is too long, as one wrong label
# can make it, and a *constraint* of a layer puts its weights back, after each step, to where they may be. Here is one
# step of the line fit with all points, of which one has a target that is off by 1,000:

# %%
off = y.copy()
off[7] += 1000


def one_step(constraint=None, **arguments):
    line = ebb.Sequential([ebb.layers.Dense(1, kernel_initializer="zeros", kernel_constraint=constraint)])
    line.compile(optimizers.SGD(0.1, **arguments), "mse")
    line.fit(x, off, batch_size=40, epochs=1, verbose=0)
    return np.concatenate([weight.ravel() for weight in line.get_weights()])


held = {
    "as it is": one_step(),
    "global_clipnorm=1": one_step(global_clipnorm=1.0),
    "MaxNorm(0.5)": one_step(ebb.constraints.MaxNorm(0.5)),
}
for name, (w, b) in held.items():
    print(f"{name:17} from (0, 0) to w = {w:5.2f}, b = {b:5.2f}")
assert np.linalg.norm(held["as it is"]) > 3 and abs(held["MaxNorm(0.5)"][0]) < 0.5001  # hidden
np.testing.assert_allclose(np.linalg.norm(held["global_clipnorm=1"]), 0.1, rtol=1e-4)  # hidden

# %% [markdown]
# `use_ema` keeps a running mean of the weights, which is what the model has when the fit is over. While the weights
# jump about in the noise, their mean lies still:

# %%
left_with = []
for use_ema in (False, True):
    model = digits_network(optimizers.SGD(1.0, use_ema=use_ema, ema_momentum=0.99))
    model.fit(digits, labels, batch_size=8, epochs=5, verbose=0)
    loss, accuracy = model.evaluate(digits, labels, verbose=0)
    left_with.append(loss)
    print(f"use_ema={use_ema!s:5}: loss {loss:.4f}, accuracy {accuracy:.1%}")
assert left_with[1] < 0.8 * left_with[0]  # hidden

# %% [markdown]
# ### Steps of one length
#
# The gradient also says how steep it is, and that can mislead. The normalized step forgets it,
# $w \leftarrow w - \alpha\, dw / \lVert dw \rVert$. On the left a sigmoid unit with squared error starts with
# badly wrong weights, where the sigmoid is flat: the gradient is so small that plain descent does not move, even with a
# learning rate of 10. On the right is the price: near a minimum the steps do not shrink by themselves, and a fixed
# length jumps over it for ever. With a schedule the length falls to 0.

# %%
above = (x + 0.2 * rng.normal(size=40) > 0.5) * 1.0


def squared_error(w, b):
    return ops.mean(ops.square(ops.sigmoid(w * x + b) - above))


ways = {
    "SGD, rate 10": plot.optimizer_path(optimizers.SGD(10.0), squared_error, (-3, -8), steps=40),
    "normalized, length 0.5": plot.optimizer_path(optimizers.NormalizedSGD(0.5), squared_error, (-3, -8), steps=40),
}
lengths = np.linalg.norm(np.diff(ways["normalized, length 0.5"], axis=0), axis=1)
print(f"length of each normalized step: {lengths.min():.4f} to {lengths.max():.4f}")
for name, path in ways.items():
    print(f"{name:23} loss {float(squared_error(*path[0])):.4f} -> {float(squared_error(*path[-1])):.4f}")

left, right = look(2, (9.6, 3.5))
plot.loss_surface(squared_error, ((-6, 12), (-10, 2)), ways, levels=10, axes=left)
left.set(title="Out of a plateau", xlabel="w", ylabel="b")
left.legend(loc="upper left", framealpha=0.85)
fall = schedules.PolynomialDecay(0.1, decay_steps=100, end_learning_rate=0.0)
for name, rate in {"length 0.1": 0.1, "length 0.1, falling to 0": fall}.items():
    path = plot.optimizer_path(optimizers.NormalizedSGD(rate), loss_of, (-0.5, 1.5), steps=100)
    right.semilogy([float(loss_of(*point)) - best for point in path], label=name)
    rest = float(loss_of(*path[-1])) - best  # hidden
    assert rest > 1e-4 if rate == 0.1 else rest < 1e-5, rest  # hidden
label(right, "Into a minimum", "step", "loss above the least one")
np.testing.assert_allclose(lengths, 0.5, rtol=1e-6)  # hidden
stuck, out = (float(squared_error(*path[-1])) for path in ways.values())  # hidden
assert stuck > 0.59 and out < 0.05, (stuck, out)  # hidden

# %% [markdown]
# ## Out of local minima
#
# Gradient descent goes down, and where it ends depends on where it begins. A network with two hidden units can compute
# the exclusive or of two bits. It does not always learn to: here are 20 random starts.

# %%
bits = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], "float32")
exclusive_or = np.array([0, 1, 1, 0], "float32")


def small_network():
    model = ebb.Sequential([ebb.layers.Dense(2, activation="tanh"), ebb.layers.Dense(1, activation="sigmoid")])
    model.compile(optimizers.SGD(0.5, momentum=0.9), "binary_crossentropy")
    return model


found = ebb.restarts(small_network, 20, bits, exclusive_or, batch_size=4, epochs=500, verbose=0)
ends = np.array([start["loss"] for start in found.table])
print("final losses:", *np.sort(ends).round(3))
print("the best start says:", found.model.predict(bits, verbose=0)[:, 0].round(2))
solved = (ends < 0.1).sum()  # hidden
assert 3 <= solved <= 17 and np.abs(ends[ends > 0.1] - np.log(2) / 2).max() < 0.02, ends  # hidden
assert (found.model.predict(bits, verbose=0)[:, 0].round() == exclusive_or).all()  # hidden

# %% [markdown]
# There are two kinds of ends. One is a solution. The other is of loss $\tfrac12 \log 2 \approx 0.347$. To see what it
# is, train one of these again, from its seed, and then for 20,000 more epochs:

# %%
ebb.utils.set_random_seed(found.table[int(np.argmax(ends))]["seed"])
stuck = small_network()
for epochs in (500, 20_000):
    stuck.fit(bits, exclusive_or, batch_size=4, epochs=epochs, verbose=0)
    says = stuck.predict(bits, verbose=0)[:, 0]
    print(f"{epochs} epochs: loss {stuck.evaluate(bits, exclusive_or, verbose=0):.5f}, it says {says.round(2)}")
assert (np.abs(says - 0.5) < 0.01).sum() == 2 and (np.abs(says - exclusive_or) < 0.01).sum() == 2, says  # hidden

# %% [markdown]
# Two of the four rows are right, for the other two the network says 1/2, and more training does not help. `restarts`
# trains from several starts and keeps the best, and that is enough: if one start in three finds a solution, all of 20
# fail once in $(3/2)^{20} \approx 3{,}300$ times. Another way out is to have more units than necessary: with 8 hidden
# units nearly every start succeeds.

# %%


def larger_network():
    model = ebb.Sequential([ebb.layers.Dense(8, activation="tanh"), ebb.layers.Dense(1, activation="sigmoid")])
    model.compile(optimizers.SGD(0.5, momentum=0.9), "binary_crossentropy")
    return model


found = ebb.restarts(larger_network, 20, bits, exclusive_or, batch_size=4, epochs=500, verbose=0)
print("largest of the final losses:", round(max(start["loss"] for start in found.table), 4))
assert sum(start["loss"] < 0.1 for start in found.table) >= 18  # hidden

# %% [markdown]
# The noise of small batches is a way out, too. One weight is to be found: where a bump is. The data show two bumps, a
# high one at $x = 2$ and a lower one at $x = -2$, and so the loss has two minima. We start in the wrong one, 200 times
# (the columns of the arrays, each with the data in an order of its own, trained together), and let a learning rate
# fall from 3 to 0 within 2,000 steps.


# %%
def bump(u):
    return ops.exp(-0.5 * ops.square(u))


position = rng.uniform(-5, 5, 128)
height = bump(position - 2).numpy() + 0.7 * bump(position + 2).numpy() + 0.05 * rng.normal(size=128)


class Bump(ebb.Layer):
    """y = exp(-(x - w)^2 / 2), one weight w for each column."""

    def build(self, input_shape):
        self.center = self.add_weight((1, input_shape[-1]), ebb.initializers.Constant(-2.0), name="center")

    def call(self, inputs):
        return bump(inputs - self.center)


def each_column(y, y_pred):
    return ops.sum(ops.mean(ops.square(y_pred - y), axis=0))  # so that no column sees the others


orders = np.stack([rng.permutation(128) for _ in range(200)], axis=1)
columns = position[orders].astype("float32"), height[orders].astype("float32")


def centers(batch_size, rate, steps=2000):
    ebb.utils.set_random_seed(0)
    model = ebb.Sequential([Bump()])
    model.compile(optimizers.SGD(schedules.CosineDecay(rate, decay_steps=steps)), each_column)
    model.fit(*columns, batch_size=batch_size, epochs=1, steps_per_epoch=steps, verbose=0)
    return model.get_weights()[0][0]


ends = {s: centers(s, rate=3.0) for s in (128, 16, 4, 1)}
for s, w in ends.items():
    print(f"batches of {s:3}: {(np.abs(w - 2) < 0.5).mean():6.1%} end in the right minimum")
low = centers(1, rate=0.3)
print(f"batches of   1, from 0.3: {(np.abs(low - 2) < 0.5).mean():.1%}")

axes = look(size=(7.0, 3.8))
where = np.linspace(-5, 5, 300)
axes.plot(where, [((bump(position - w).numpy() - height) ** 2).mean() for w in where], color="0.3")
axes.set_ylim(0, 0.42)
label(axes, "Where 200 trainings end, begun at -2", "w", "loss", legend=False)
counts = axes.twinx()
bins = np.linspace(-5, 5, 61)
counts.hist([ends[1], ends[128]], bins, label=["batches of 1", "batches of 128 (all)"], color=COLORS[:2])
counts.set(ylabel="trainings", ylim=(0, 260))
counts.legend(frameon=False, loc="upper center")
assert (np.abs(ends[1] - 2) < 0.5).mean() > 0.7 and (np.abs(ends[128] + 2) < 0.5).all()  # hidden
assert (np.abs(low + 2) < 0.5).mean() > 0.9  # hidden

# %% [markdown]
# All trainings with the whole data stay where they began. Steps of one example leave the wrong minimum nearly always,
# because the jumps there are as wide as it is, and once the rate has fallen they settle in the deeper one. With a rate
# that is small from the beginning they stay, too: the way out is noise that is strong first, and weak later. There is
# no guarantee; noise only makes shallow minima unlikely.
