# %% [markdown]
# # Loss: what a network is asked to make small
#
# A loss says in one number how wrong predictions are. Training does nothing but make this number smaller, so what we
# write here is what the network will care about.

# %%
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

import ebbflow as ebb
from ebbflow import layers, losses, models, ops, optimizers, plot, regularizers
from ebbflow.plot.canvas import COLORS, tidy

ebb.set_random_seed(2)
random = np.random.default_rng(2)

# %% [markdown]
# ## The mean over the data
#
# Every example $x^{(i)}$ with its true answer $y^{(i)}$ has a loss of its own. The *empirical loss* of a network with
# weights $W$ is the mean of these over all $n$ examples, and we look for the weights for which it is lowest:
#
# $$J(W) = \frac1n \sum_{i=1}^n \mathcal L\big(f(x^{(i)}; W),\, y^{(i)}\big) \qquad W^* = \arg\min_W J(W)$$
#
# As an example, 20 points and a line $f(x) = w x + b$ that somebody has guessed. `reduction=None` keeps the losses of
# the examples apart.

# %%
x = np.sort(random.uniform(-2, 2, (20, 1)), axis=0).astype(np.float32)
y = (0.8 * x + 0.5 + 0.3 * random.normal(size=x.shape)).astype(np.float32)

line = ebb.Sequential([ebb.Input((1,)), layers.Dense(1)])
line.set_weights([np.array([[0.2]]), np.array([0.0])])
line.compile(loss="mean_squared_error")

single = losses.MeanSquaredError(reduction=None)(y, line(x)).numpy()
print("losses of the first examples:", single[:5].round(3))
print(f"their mean over all {len(single)}: {single.mean():.4f}")
print(f"evaluate, in batches of 7, 7 and 6: {line.evaluate(x, y, batch_size=7, verbose=0):.4f}")
assert np.isclose(line.evaluate(x, y, batch_size=7, verbose=0), single.mean(), rtol=1e-5)  # hidden

# %% [markdown]
# The data are given, the weights are not: $J$ is a function of the weights. With two of them it is a landscape. Each
# point in the right picture is a line in the left one; the star is the line with the lowest mean.


# %%
def J(w, b):
    return ops.mean(ops.square(w * x + b - y))


(w_best,), b_best = (weight.ravel() for weight in models.ridge_solution(x, y))
_, panels = plt.subplots(1, 2, figsize=(8.6, 3.4), layout="constrained")
guess = line(x).numpy()
panels[0].vlines(x[:, 0], y[:, 0], guess[:, 0], color=COLORS[1], linewidth=1, label="error")
panels[0].plot(x, y, "o", color=COLORS[0], markersize=4, label="examples")
panels[0].plot(x, guess, color="#444444", label="guess, w = 0.2, b = 0")
panels[0].plot(x, w_best * x + b_best, "--", color=COLORS[2], label="best")
panels[0].legend(frameon=False, fontsize=8)
tidy(panels[0], f"Mean squared error of the guess: {single.mean():.2f}", "x", "y")
paths = {"guess": [(0.2, 0.0)], "best": [(w_best, b_best[0])]}
plot.loss_surface(J, ((-0.5, 2), (-1, 2)), paths, points=31, levels=12, axes=panels[1])
tidy(panels[1], "J as a function of the weights", "w", "b", grid=False)
print(f"J of the guess {float(J(0.2, 0.0)):.3f}, the lowest {float(J(w_best, b_best)):.3f}")
for shift in [(0.1, 0), (-0.1, 0), (0, 0.1), (0, -0.1)]:  # hidden
    assert float(J(w_best + shift[0], b_best + shift[1])) > float(J(w_best, b_best))  # hidden

# %% [markdown]
# ## Squared error
#
# For answers that are real numbers:
#
# $$J(W) = \frac1n \sum_i \big(y^{(i)} - f(x^{(i)}; W)\big)^2$$
#
# With $k$ outputs, some books take the squared distance $\lVert y - \hat y \rVert^2$, a sum, and others the mean over
# the outputs, which is $k$ times smaller. Both have the same $W^*$; the learning rate that suits them differs.

# %%
truth, predicted = random.normal(size=(6, 3)), random.normal(size=(6, 3))
distance = ops.sum(ops.square(truth - predicted), axis=1).numpy()
means = losses.mean_squared_error(truth, predicted).numpy()
print("squared distances", distance.round(3))
print("3 times the means", (3 * means).round(3))
assert np.allclose(distance, 3 * means)  # hidden
assert np.allclose(distance, np.linalg.norm(truth - predicted, axis=1) ** 2)  # hidden

# %% [markdown]
# Squares punish large errors hard. If a network may only say one number for all examples, the squared error makes it
# say the mean, and the absolute error the median. We let a single bias find out.

# %%
incomes = random.lognormal(1.0, 0.9, (501, 1)).astype(np.float32)
for name in ("mean_squared_error", "mean_absolute_error"):
    constant = ebb.Sequential([ebb.Input((1,)), layers.Dense(1)])
    constant.compile(optimizers.Adam(optimizers.schedules.CosineDecay(0.1, 2000)), name)
    constant.fit(0 * incomes, incomes, batch_size=501, epochs=2000, verbose=0)
    said = constant.layers[0].bias.numpy()[0]
    print(f"{name:20} says {said:.3f}; the mean is {incomes.mean():.3f}, the median {np.median(incomes):.3f}")
    wanted = incomes.mean() if "squared" in name else np.median(incomes)  # hidden
    assert abs(said - wanted) < 0.02  # hidden

# %% [markdown]
# So a few examples that are far off pull at a line of least squares. Huber's loss is a square for small errors and
# grows like the absolute error for large ones.

# %%
e = np.linspace(-4, 4, 200)[:, None]
outliers = y.copy()
outliers[:3] += 5  # those on the far left
_, panels = plt.subplots(1, 2, figsize=(8.6, 3.4), layout="constrained")
panels[1].plot(x, outliers, "o", color="#444444", markersize=4)
slopes = {}
for color, loss in zip(COLORS, (losses.MeanSquaredError(), losses.MeanAbsoluteError(), losses.Huber()), strict=False):
    panels[0].plot(e, type(loss)(reduction=None)(0 * e, e).numpy(), color=color, label=type(loss).__name__)
    robust = ebb.Sequential([ebb.Input((1,)), layers.Dense(1)])
    robust.compile(optimizers.Adam(0.02), loss)
    robust.fit(x, outliers, batch_size=20, epochs=1000, verbose=0)
    slopes[type(loss).__name__] = float(robust.get_weights()[0][0, 0])
    panels[1].plot(x, robust(x).numpy(), color=color)
panels[0].set_ylim(0, 8)
panels[0].legend(frameon=False, loc="upper center")
tidy(panels[0], "Loss of an error", "error", "loss")
tidy(panels[1], "Lines through data with three outliers", "x", "y")
print("slopes (the data were made with 0.8):", {name: round(slope, 2) for name, slope in slopes.items()})
assert slopes["MeanSquaredError"] < 0.1 < 0.3 < slopes["Huber"] < slopes["MeanAbsoluteError"]  # hidden

# %% [markdown]
# ## Cross-entropy
#
# For answers yes and no, $y = 1$ or $0$, the network gives a probability $p = f(x; W)$. Its loss is minus the
# logarithm of the probability that it gave to what is true:
#
# $$\mathcal L = -\big(y \log p + (1 - y) \log(1 - p)\big)$$
#
# To be sure of the right answer costs nothing, to be unsure costs $\log 2 \approx 0.69$, and to be sure of the wrong
# one costs more than any number.

# %%
bce = losses.BinaryCrossentropy()
for p in (0.999, 0.9, 0.5, 0.1, 0.001):
    print(f"truth 1, predicted {p:5}: loss {float(bce([[1.0]], [[p]])):.3f}")
    assert np.isclose(float(bce([[1.0]], [[p]])), -np.log(p), rtol=1e-3)  # hidden

# %% [markdown]
# Why not the squared error of the probability? Because of its gradient. With $p = \sigma(z)$,
#
# $$\frac{d}{dz}\ \text{cross-entropy} = p - y \qquad\qquad \frac{d}{dz}\,(p - y)^2 = 2\,(p - y)\,p\,(1 - p)$$
#
# The logarithm cancels the slope of the sigmoid. Where the network is sure and wrong, the one gradient is largest, and
# the other has vanished.

# %%
z = ebb.Variable(np.linspace(-8, 8, 161)[:, None])
one = np.ones((161, 1))
with ebb.GradientTape(persistent=True) as tape:
    p = ops.sigmoid(z)
    cross = ops.sum(losses.binary_crossentropy(one, z, from_logits=True))
    squared = ops.sum(losses.mean_squared_error(one, p))
d_cross, d_squared = tape.gradient(cross, z).numpy(), tape.gradient(squared, z).numpy()
p = p.numpy()
assert np.allclose(d_cross, p - 1) and np.allclose(d_squared, 2 * (p - 1) * p * (1 - p))  # hidden

_, panels = plt.subplots(1, 2, figsize=(8.6, 3.4), layout="constrained")
for color, name, values, slope in (
    (COLORS[0], "cross-entropy", -np.log(p), d_cross),
    (COLORS[1], "squared error", (1 - p) ** 2, d_squared),
):
    panels[0].plot(z.numpy(), values, color=color, label=name)
    panels[1].plot(z.numpy(), slope, color=color, label=name)
tidy(panels[0], "Loss where the truth is 1", "z, with p = sigmoid(z)", "loss")
tidy(panels[1], "Its gradient", "z, with p = sigmoid(z)", "d loss / dz")
panels[0].legend(frameon=False)

# %% [markdown]
# A unit that begins sure and wrong shows it: both descend with the same learning rate from $z = -8$.

# %%
for name in ("binary_crossentropy", "mean_squared_error"):
    unit = ebb.Sequential([ebb.Input((1,)), layers.Dense(1, activation="sigmoid")])
    unit.set_weights([np.array([[0.0]]), np.array([-8.0])])
    unit.compile(optimizers.SGD(0.5), name)
    unit.fit([[1.0]], [[1.0]], epochs=100, verbose=0)
    said = float(unit.predict([[1.0]], verbose=0)[0, 0])
    print(f"{name:20} after 100 steps p = {said:.4f}")
    assert said > 0.9 if name == "binary_crossentropy" else said < 0.01  # hidden

# %% [markdown]
# ### From probabilities and from logits
#
# The sum $z$ before the sigmoid is called a *logit*. A loss can be told to take logits, `from_logits=True`, and applies
# the sigmoid itself. The number is the same, until it becomes extreme. In 32 bits, $\sigma(-150)$ is 0, whose logarithm
# is infinite. The formula with logits needs no logarithm of 0: $\max(z, 0) - z y + \log(1 + e^{-|z|})$.

# %%
z = np.array([[-150.0], [-20.0], [-2.0], [3.0]], np.float32)
one = np.ones_like(z)
with np.errstate(divide="ignore", over="ignore"):
    by_the_book = -np.log(1 / (1 + np.exp(-z)))
logits = ebb.Variable(z)
with ebb.GradientTape(persistent=True) as tape:
    from_p = losses.binary_crossentropy(one, ops.sigmoid(logits))
    from_z = losses.binary_crossentropy(one, logits, from_logits=True)
slopes = [tape.gradient(value, logits).numpy()[:, 0] for value in (from_p, from_z)]
print("    z    by the book   from p   from z   gradients")
for row in zip(z[:, 0], by_the_book[:, 0], from_p.numpy(), from_z.numpy(), *slopes, strict=True):
    print("{:6.0f}  {:9.3f}  {:9.3f} {:8.3f}  {:6.3f} {:6.3f}".format(*row))
assert not np.isfinite(by_the_book[0, 0]) and np.allclose(from_z.numpy()[:2], [150, 20])  # hidden
assert abs(from_p.numpy()[0] + np.log(1e-7)) < 0.01 and slopes[0][0] == 0 and slopes[1][0] == -1  # hidden

# %% [markdown]
# From probabilities, the loss is held below $-\log 10^{-7} \approx 16.1$. There it is flat, the gradient is 0, and
# nothing is learned from the worst mistakes. So leave the activation off the last layer, and train with logits.
#
# ### More than two classes
#
# With one probability for each of $k$ classes, by softmax, and $y$ a row with a 1 at the true class:
#
# $$\mathcal L = -\sum_{j=1}^k y_j \log p_j = -\log p_\text{true}$$
#
# Labels can be such rows (dense) or just the number of the class (sparse), predictions can be probabilities or logits:
# four ways to the same number.

# %%
digits = load_digits()
images, numbers = (digits.data / 16).astype(np.float32), digits.target
rows = ebb.utils.to_categorical(numbers, 10)
model = ebb.Sequential([layers.Dense(32, activation="relu"), layers.Dense(10)])
model.compile("adam", losses.SparseCategoricalCrossentropy(from_logits=True))
untrained = model.evaluate(images, numbers, verbose=0)
model.fit(images, numbers, epochs=5, verbose=0)

logits = model.predict(images, verbose=0)
p = ops.softmax(logits)
dense, sparse = losses.CategoricalCrossentropy, losses.SparseCategoricalCrossentropy
ways = {
    "dense labels, probabilities": dense()(rows, p),
    "dense labels, logits": dense(from_logits=True)(rows, logits),
    "sparse labels, probabilities": sparse()(numbers, p),
    "sparse labels, logits": sparse(from_logits=True)(numbers, logits),
}
for name, value in ways.items():
    print(f"{name:28} {float(value):.6f}")
by_hand = -np.mean(np.log(p.numpy()[np.arange(len(numbers)), numbers]))  # hidden
assert all(np.isclose(float(value), by_hand, rtol=1e-4) for value in ways.values())  # hidden

# %% [markdown]
# Where did this network begin? One that has seen nothing should say "each of the ten is as likely", and lose
# $\log 10 \approx 2.30$. A first loss that is far larger is a sign that something is wrong with weights or data.

# %%
print(f"before training {untrained:.2f}, after 5 epochs {float(ways['sparse labels, logits']):.2f}")
assert 2 < untrained < 3  # hidden

# %% [markdown]
# ### What it compares
#
# Cross-entropy compares two distributions, the true one $q$ and the predicted one $p$. It is lowest when they are
# equal, and then it is not 0 but the entropy of $q$: what nobody can know. The rest is the Kullback-Leibler divergence.

# %%
q = np.array([[0.6, 0.3, 0.1]])
entropy = -np.sum(q * np.log(q))
for p in ([0.6, 0.3, 0.1], [0.5, 0.3, 0.2], [0.1, 0.3, 0.6]):
    cross, divergence = (float(loss(q, np.array([p]))) for loss in (dense(), losses.KLDivergence()))
    print(f"p = {p}: cross-entropy {cross:.4f} = entropy {entropy:.4f} + divergence {divergence:.4f}")
    assert np.isclose(cross, entropy + divergence, atol=1e-5) and cross >= entropy - 1e-6  # hidden

# %% [markdown]
# ### Classes that are rare
#
# The mean over all examples asks for few mistakes, whoever they are about. If one row in twenty is of class 1, a
# network may overlook that class and lose little. `fit(class_weight=...)` multiplies the loss of each row with the
# weight of its class, as if there were more of them: here 19 for the rare one, so that both classes count alike.
# `sample_weight` does the same with a weight for each row.

# %%
draw = np.random.default_rng(0)
rare = (draw.random(4000) < 0.05).astype(np.int32)
x = (draw.normal(size=(4000, 2)) + 1.5 * rare[:, None]).astype(np.float32)
seen, unseen = slice(0, 2000), slice(2000, 4000)
ways = {
    "Every row alike": {},
    "class_weight": {"class_weight": {0: 1.0, 1: 19.0}},
    "sample_weight": {"sample_weight": np.where(rare[seen] == 1, 19.0, 1.0)},
}
_, panels = plt.subplots(1, 2, figsize=(7.6, 3.2), layout="constrained")
answers = {}
for name, weights in ways.items():
    ebb.set_random_seed(0)
    unit = models.logistic_regression(optimizer=optimizers.Adam(0.05))
    unit.compile(optimizers.Adam(0.05), "binary_crossentropy", metrics=["recall", "precision", "auc"])
    unit.fit(x[seen], rare[seen], batch_size=100, epochs=40, verbose=0, **weights)
    answers[name] = unit.predict(x[unseen], verbose=0)
    found = unit.evaluate(x[unseen], rare[unseen], verbose=0, return_dict=True)
    print(f"{name:15}", "  ".join(f"{key} {value:.2f}" for key, value in found.items()))
for axes, name in zip(panels, ways, strict=False):
    plot.confusion_matrix(rare[unseen], answers[name], class_names=["common", "rare"], axes=axes)
    axes.set_title(name, fontsize=11)
recall = [np.mean(answers[name][rare[unseen] == 1] > 0.5) for name in ways]  # hidden
right = [np.mean((answers[name][:, 0] > 0.5) == rare[unseen]) for name in ways]  # hidden
assert recall[0] < 0.6 < 0.75 < recall[1] and right[0] > right[1] + 0.03, (recall, right)  # hidden
alarms = [int(np.sum(answers[name][rare[unseen] == 0] > 0.5)) for name in ways]  # hidden
assert alarms[1] > 1.5 * recall[1] * rare[unseen].sum(), (alarms, recall)  # hidden
assert np.allclose(answers["class_weight"], answers["sample_weight"], atol=1e-4)  # hidden

# %% [markdown]
# With weights, most of the rare class is found, and for each of them the network raises several false alarms: it is
# right less often. The area under the ROC curve (`auc`), which looks at the order of the answers alone, has hardly
# changed. Which of the two is better the data cannot say: it depends on what a miss costs, and what a false alarm.

# %% [markdown]
# ## A penalty on the size of the weights
#
# A model with many features can follow the noise of its data. It needs large weights for that, so one way to hold it
# back is to let weights cost something:
#
# $$\text{total cost} = \text{measure of fit} + \lambda \cdot \text{size of the weights} \qquad
# \min_\theta\ \lVert \Phi \theta - y \rVert^2 + \lambda \lVert \theta \rVert^2$$
#
# For a linear model with features $\Phi$, this is *ridge regression*, whose solution is known in closed form,
# $\theta = (\Phi^\top \Phi + \lambda I)^{-1} \Phi^\top y$. That lets us check training against the truth. We take 15
# noisy points and a polynomial of degree 12. Since the loss of ebbflow is a mean, its penalty is $\lambda / n$; the
# bias is not penalized.

# %%
x = np.sort(random.uniform(-1, 1, (15, 1)), axis=0)
y = np.sin(4 * x) + 0.2 * random.normal(size=x.shape)
new_x = np.linspace(-0.95, 0.95, 200)[:, None]
new_y = np.sin(4 * new_x) + 0.2 * random.normal(size=new_x.shape)


def polynomial(penalty):
    features = layers.PolynomialFeatures(12, include_bias=False, dtype="float64")
    theta = layers.Dense(1, kernel_initializer="zeros", kernel_regularizer=regularizers.L2(penalty), dtype="float64")
    model = ebb.Sequential([features, theta], dtype="float64")
    model.compile(optimizers.LBFGS(), "mse")
    return model


ridge = polynomial(penalty=0.001)
logged = ridge.fit(x, y, batch_size=15, epochs=500, verbose=0).history["loss"][-1]
theta = ridge.get_weights()[0]
exact, _ = models.ridge_solution(x ** np.arange(1, 13), y, penalty=0.001)
fit, size = float(np.mean((ridge(x).numpy() - y) ** 2)), float(np.sum(theta**2))
print(f"total cost {logged:.5f} = fit {fit:.5f} + 0.001 * size {size:.3f}")
print(f"largest difference to the closed form: {np.abs(theta - exact).max():.0e}")
assert np.isclose(logged, fit + 0.001 * size, rtol=1e-3) and np.abs(theta - exact).max() < 1e-3  # hidden

# %% [markdown]
# A compiled program reads the penalty when it runs. So we can change it and go on training, and nothing is compiled
# again. From the smallest to the largest $\lambda$:

# %%
penalties = 10.0 ** np.arange(-7, 1.01, 0.5)
errors, sizes, curves = [], [], {}
for penalty in penalties:
    ridge.layers[1].kernel_regularizer.l2 = penalty
    ridge.fit(x, y, batch_size=15, epochs=400, verbose=0)
    sizes.append(float(np.sum(ridge.get_weights()[0] ** 2)))
    errors.append([float(np.mean((ridge(a).numpy() - b) ** 2)) for a, b in ((x, y), (new_x, new_y))])
    curves[penalty] = ridge(new_x).numpy()
errors = np.array(errors)
best = penalties[errors[:, 1].argmin()]

_, panels = plt.subplots(1, 2, figsize=(8.6, 3.6), layout="constrained")
panels[0].plot(x, y, "o", color="#444444", markersize=4)
for color, penalty in zip(COLORS, (penalties[0], best, penalties[-3]), strict=False):
    panels[0].plot(new_x, curves[penalty], color=color, label=f"penalty {penalty:.0e}")
panels[0].set_ylim(-2, 2.8)
panels[0].legend(frameon=False, loc="upper left")
tidy(panels[0], "Too weak, right, too strong", "x", "y")
panels[1].loglog(penalties, errors[:, 0], color=COLORS[0], label="error on the 15 points")
panels[1].loglog(penalties, errors[:, 1], color=COLORS[1], label="error on new points")
panels[1].loglog(penalties, sizes, ":", color="#444444", label="size of the weights")
panels[1].legend(frameon=False, fontsize=8)
tidy(panels[1], "What the penalty does", "penalty", "")
print(f"lowest error on new points with penalty {best:.0e}: {errors[:, 1].min():.3f}")
print(f"with {penalties[0]:.0e} it is {errors[0, 1]:.3f}, with {penalties[-1]:.0e} {errors[-1, 1]:.3f}")
assert np.all(np.diff(errors[:, 0]) > -1e-6) and np.all(np.diff(sizes) < 1e-6)  # hidden
assert errors[:, 1].min() < 0.7 * min(errors[0, 1], errors[-1, 1])  # hidden

# %% [markdown]
# A larger penalty makes the weights smaller and the fit of the 15 points worse, always. On new points there is a best
# value in between. The loss cannot tell which it is: it must be found with data that training has not seen.
