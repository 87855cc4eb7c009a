# %% [markdown]
# # Generalization
#
# A network is trained on examples that we have, and used on examples that we do not have. Both losses are means over
# rows, $J = \frac 1 n \sum_i \ell(f(x_i), y_i)$, but only the first is what training makes small. The second is what
# counts, and the distance between them is what this page is about: how to measure it, what makes it large, and what
# keeps it small.

# %%
import functools

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes, load_digits, load_iris, make_moons

import ebbflow as ebb
from ebbflow import layers, plot
from ebbflow.plot.canvas import COLORS, FAINT, GRID, INK

look = {"axes.spines.top": False, "axes.spines.right": False, "axes.grid": True, "grid.color": GRID}  # hidden
look |= {"axes.titlesize": 11, "axes.titlecolor": INK, "axes.axisbelow": True, "legend.frameon": False}  # hidden
look |= {"font.size": 9, "figure.constrained_layout.use": True, "figure.figsize": (7, 3.4)}  # hidden
plt.rcParams.update(look)  # hidden

# %% [markdown]
# ## Three parts of the data
#
# - The **training** rows are those whose gradient moves the weights.
# - The **validation** rows are not trained on. We look at them to choose: when to stop, how many layers, which penalty.
# - The **test** rows are used once, at the very end. What was chosen with their help they can no longer judge. (This
#   page looks at them all the time, to show what happens there. A project must not.)
#
# The parts must be drawn at random. The 150 flowers below lie sorted by species, 50 of each, and a cut through the list
# leaves a species out:


# %%
def split(n, *sizes, seed=0):
    """Random disjoint lists of row numbers, of these sizes and the rest."""
    return np.split(np.random.default_rng(seed).permutation(n), np.cumsum(sizes))


def flowers(training, test):
    ebb.set_random_seed(0)
    model = ebb.Sequential([ebb.Input((4,)), layers.Dense(16, activation="relu"), layers.Dense(3)])
    loss = ebb.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(ebb.optimizers.Adam(0.01), loss)
    model.fit(x[training], y[training], batch_size=20, epochs=60, verbose=0)
    return [np.mean(model(x[rows]).numpy().argmax(axis=1) == y[rows]) for rows in (training, test)]


x, y = load_iris(return_X_y=True)
x, y = x.astype("float32"), y.astype("int32")

in_order = flowers(np.arange(100), np.arange(100, 150))
shuffled = flowers(*split(150, 100))
print("accuracy             training   test")
print(f"the first 100 rows     {in_order[0]:6.2f} {in_order[1]:6.2f}")
print(f"100 rows at random     {shuffled[0]:6.2f} {shuffled[1]:6.2f}")
assert in_order[0] > 0.98 and in_order[1] == 0.0  # hidden
assert shuffled[1] > 0.9  # hidden

# %% [markdown]
# The same holds for `fit(..., validation_split=0.2)`: as in Keras it takes the *last* rows, so that data which lie in
# some order must be shuffled first.
#
# ## Underfitting and overfitting
#
# Thirty points of a wave with noise of standard deviation 0.4, and three networks. No network can have a smaller
# expected squared error on new points than the variance of the noise, $0.4^2 = 0.16$.


# %%
def wave(rows, seed):
    random = np.random.default_rng(seed)
    x = random.uniform(-3, 3, (rows, 1))
    return x.astype("float32"), (np.sin(2 * x) + random.normal(0, 0.4, (rows, 1))).astype("float32")


def wave_model(*widths, seed=0, penalty=None):
    ebb.set_random_seed(seed)
    hidden = [layers.Dense(width, activation="tanh", kernel_regularizer=penalty) for width in widths]
    model = ebb.Sequential([ebb.Input((1,)), *hidden, layers.Dense(1)])
    model.compile(ebb.optimizers.Adam(5e-3), "mse")
    return model


def mse(model, rows):
    x, y = rows
    return float(np.mean((model(x).numpy() - y) ** 2))


training, validation, test = wave(30, seed=16), wave(100, seed=1), wave(2000, seed=2)
line = np.linspace(-3, 3, 200, dtype="float32")[:, None]

figure, axes = plt.subplots(2, 3, figsize=(7.4, 4.8))
cases = {"no hidden layer": (), "8 hidden units": (8,), "32-32-32 hidden units": (32, 32, 32)}
found = {}
for (name, widths), above, below in zip(cases.items(), *axes, strict=True):
    model = wave_model(*widths)
    history = model.fit(*training, batch_size=10, epochs=1000, validation_data=validation, verbose=0).history
    found[name] = mse(model, training), mse(model, test)
    print(f"{name:22}  training {found[name][0]:.3f}   test {found[name][1]:.3f}")
    above.plot(line, np.sin(2 * line), color=FAINT, linestyle=":", label="truth")
    above.plot(line, model(line).numpy(), color=COLORS[0], label="network")
    above.plot(*training, ".", color=INK, label="30 points")
    above.set(title=name, ylim=(-3.6, 2), xlabel="x")
    below.plot(history["loss"], color=COLORS[0], linewidth=0.8, label="training")
    below.plot(history["val_loss"], color=COLORS[1], linewidth=0.8, label="validation")
    below.set(xlabel="epoch", ylim=(0, 1))
axes[0, 0].set_ylabel("y")
axes[1, 0].set_ylabel("mean squared error")
axes[0, 0].legend(loc="lower left", fontsize=7)
axes[1, 2].legend(loc="upper right")
best, last = np.min(history["val_loss"]), np.mean(history["val_loss"][-50:])
print(f"32-32-32: validation at best {best:.3f}, at the end {last:.3f}")
few, right, many = (found[name] for name in cases)  # hidden
assert few[0] > 0.25 and few[1] > 0.5  # hidden
assert many[0] < right[0] < few[0] and right[1] < min(few[1], many[1])  # hidden
assert last > 1.15 * best  # hidden

# %% [markdown]
# - Left: a straight line cannot follow. Both losses stay high (that the training loss is the higher one is the luck of
#   these 30 points). This is **underfitting**: too little capacity, too few epochs, or too strong a penalty.
# - Middle: capacity enough for the wave, and little more.
# - Right: 2,200 weights for 30 points. The training loss falls below the variance of the noise, which is to say that
#   the noise itself is learnt, and the validation loss turns and rises. This is **overfitting**.
#
# The simplest cure is more data: the same large network, and more and more rows of the same wave (and fewer epochs,
# so that each is trained for about as many steps).

# %%
gaps = []
for size in (30, 100, 300, 1000):
    rows, model = wave(size, seed=3), wave_model(32, 32, 32)
    model.fit(*rows, batch_size=10, epochs=30000 // size, verbose=0)
    on_training, on_test = mse(model, rows), mse(model, test)
    gaps.append(on_test - on_training)
    print(f"{size:5} rows:  training {on_training:.3f}   test {on_test:.3f}")
assert gaps[0] > 0.1 and gaps[0] > gaps[1] > gaps[2] and abs(gaps[3]) < 0.03 and on_test < 0.21  # hidden

# %% [markdown]
# The two losses meet, a little above the variance of the noise.
#
# ## Early stopping
#
# With no more data to be had, stop before the validation loss rises. It goes up and down a little on its way, so wait
# for some epochs without improvement (`patience`), then go back to the weights of the best epoch.

# %%
stop = ebb.callbacks.EarlyStopping("val_loss", patience=200, restore_best_weights=True)
model = wave_model(32, 32, 32)
history = model.fit(*training, batch_size=10, epochs=1000, validation_data=validation, callbacks=stop, verbose=0)
print(f"best epoch {stop.best_epoch + 1}, stopped after epoch {stop.stopped_epoch + 1}")
print(f"its validation loss {stop.best:.4f}; of the model that is left {mse(model, validation):.4f}")
assert abs(stop.best - mse(model, validation)) < 1e-4 * stop.best  # hidden
assert stop.stopped_epoch == stop.best_epoch + 200 < 999  # hidden

figure, (left, right) = plt.subplots(1, 2)
plot.learning_curves(history, "loss", axes=left)
left.set_ylim(0, 0.5)
for curve, color in zip(left.lines[:2], COLORS[:2], strict=True):
    curve.set(color=color, linestyle="-", linewidth=0.9)
left.lines[-1].set_color(COLORS[1])
left.legend(fontsize=8)
right.plot(line, np.sin(2 * line), color=FAINT, linestyle=":", label="truth")
right.plot(line, model(line).numpy(), color=COLORS[0], label="32-32-32, stopped")
right.plot(*training, ".", color=INK)
right.set(title="The network at its best epoch", xlabel="x", ylabel="y", ylim=(-3, 2))
right.legend(loc="lower right")

# %% [markdown]
# One run is an anecdote. Where this page compares methods, it trains each from several random starts, and gives mean
# and standard deviation.


# %%
def spread(values, digits=3):
    return f"{np.mean(values):.{digits}f} ± {np.std(values, ddof=1):.{digits}f}"


def wave_errors(callback=None, penalty=None, starts=5):
    errors, held_out = [], validation if callback else None
    for seed in range(starts):
        model = wave_model(32, 32, 32, seed=seed, penalty=penalty)
        model.fit(*training, batch_size=10, epochs=1000, validation_data=held_out, callbacks=callback, verbose=0)
        errors.append((mse(model, training), mse(model, test)))
    return np.transpose(errors)


to_the_end, stopped = wave_errors(), wave_errors(stop)
print("test error, 5 starts: to the end", spread(to_the_end[1]), "  stopped early", spread(stopped[1]))
assert stopped[1].mean() < 0.9 * to_the_end[1].mean()  # hidden

# %% [markdown]
# ## A penalty on large weights
#
# To follow the noise the network must bend sharply, and for that it needs large weights. So let them cost something:
#
# $$J = \frac 1 n \sum_i \ell(f(x_i), y_i) + \lambda \sum_l \|W_l\|^2.$$
#
# $\lambda$ trades the fit against the size of the weights.

# %%
strengths = [0.0, 1e-3, 3e-3, 1e-2, 1e-1]
errors = np.array([wave_errors(penalty=ebb.regularizers.L2(strength), starts=3) for strength in strengths])
for strength, (on_training, on_test) in zip(strengths, errors, strict=True):
    print(f"lambda {strength:<7g} training {spread(on_training)}   test {spread(on_test)}")

figure, place = plt.subplots(figsize=(5, 3.2))
for k, name in enumerate(("training", "test")):
    mean, deviation = errors[:, k].mean(axis=1), errors[:, k].std(axis=1, ddof=1)
    place.errorbar(range(len(strengths)), mean, deviation, color=COLORS[k], marker="o", capsize=3, label=name)
place.axhline(0.16, color=FAINT, linestyle=":", label="variance of the noise")
place.set_xticks(range(len(strengths)), [f"{strength:g}" for strength in strengths])
place.set(xlabel="λ", ylabel="mean squared error", title="Too weak, right, too strong")
place.legend()
on_test = errors[:, 1].mean(axis=1)  # hidden
assert 0 < on_test.argmin() < len(strengths) - 1  # hidden
assert on_test.min() < 0.9 * on_test[0] and on_test.min() < 0.9 * on_test[-1]  # hidden
assert on_test.min() < 1.4 * stopped[1].mean()  # hidden
assert np.diff(errors[1:, 0].mean(axis=1)).min() > 0  # hidden

# %% [markdown]
# It is the same trade as with the number of units. Without a penalty the network overfits; with too large a one it is
# back at the straight line. In between, a network that is far too large for its 30 points comes close to what early
# stopping reached.
#
# ## Cross-validation
#
# A test set of a few dozen rows is itself a random draw, and so is the score on it. In **k-fold cross-validation** the
# rows are dealt into k folds; each fold is the test set once, while the others are trained on. Every row is predicted
# by a network that has not seen it, and one gets to see the variance of the score.
#
# The data: how far diabetes has advanced in 442 patients after a year, from ten features. The score is
# $R^2 = 1 - \sum_i (y_i - \hat y_i)^2 / \sum_i (y_i - \bar y)^2$: 1 is perfect, 0 is what the mean alone achieves.


# %%
def folds(n, k, seed=0):
    """k pairs of (rows to train on, rows to test on)."""
    parts = np.array_split(np.random.default_rng(seed).permutation(n), k)
    return [(np.concatenate(parts[:i] + parts[i + 1 :]), parts[i]) for i in range(k)]


def r2_of_fold(training, test, widths):
    ebb.set_random_seed(0)
    scale = layers.Normalization()
    scale.adapt(x[training])  # mean and deviation, too, come from the training rows alone
    hidden = [layers.Dense(width, activation="relu") for width in widths]
    model = ebb.Sequential([scale, *hidden, layers.Dense(1)])
    model.compile(ebb.optimizers.Adam(0.01), "mse")
    model.fit(x[training], y[training], batch_size=34, epochs=40, verbose=0)
    return float(ebb.metrics.R2Score()(y[test], model(x[test])))


x, y = load_diabetes(return_X_y=True)
x, y = x.astype("float32"), ((y - y.mean()) / y.std()).astype("float32")[:, None]

pairs = folds(len(x), k=13)  # of 34 rows each
assert sorted(np.concatenate([test for _, test in pairs])) == list(range(442))  # each row is tested on once
models = {"no hidden layer": (), "4 hidden units": (4,), "64-64 hidden units": (64, 64)}
scores = {name: np.array([r2_of_fold(*pair, widths) for pair in pairs]) for name, widths in models.items()}
for name, by_fold in scores.items():
    print(f"{name:19} R^2 {spread(by_fold, 2)}   worst fold {by_fold.min():5.2f}   best fold {by_fold.max():.2f}")
linear, small, large = scores.values()
print(f"4 hidden units - no hidden layer, fold by fold:     {spread(small - linear, 2)}")
print(f"64-64 hidden units - no hidden layer, fold by fold: {spread(large - linear, 2)}")
assert linear.std() > 0.08  # hidden
assert (large - linear).mean() < -0.1 and abs((small - linear).mean()) < (small - linear).std()  # hidden

figure, place = plt.subplots(figsize=(6, 2.4))
for k, by_fold in enumerate(scores.values()):
    place.plot(by_fold, np.full(len(by_fold), k), "o", color=COLORS[k], alpha=0.6)
    place.plot([by_fold.mean()] * 2, [k - 0.3, k + 0.3], color=COLORS[k], linewidth=2)
place.set_yticks(range(3), list(scores))
place.set(xlabel="R² of a fold (dot), mean of all folds (bar)", title="Thirteen folds", ylim=(2.6, -0.6))

# %% [markdown]
# The scores of one and the same model lie far apart: whoever tests on a single fold reports luck. What can be said is
# that the large network overfits. What cannot be said is that four hidden units differ from none: taken fold by fold,
# on the same rows, their difference is within its own deviation. On these data a linear model is all that is needed,
# and cross-validation is how one finds out.
#
# Folds share training rows, so their scores are not independent. And whatever is learnt from data belongs inside the
# loop: scaling by the moments of all rows would let each test fold leak into training.
#
# A `Population` does the same in one call, on all cores, and from several random starts of each network. (The features
# get a fixed scale here.)


# %%
def build(hp):
    hidden = [layers.Dense(width, activation="relu") for width in hp.widths]
    model = ebb.Sequential([ebb.Input((10,)), layers.Rescaling(20.0), *hidden, layers.Dense(1)])
    model.compile(ebb.optimizers.Adam(0.01), "mse", metrics=[ebb.metrics.R2Score()])
    return model


population = ebb.Population(build, grid={"widths": [(), (4,), (64, 64)]}, seeds=4)
population.fit(x, y, batch_size=34, epochs=40, folds=13, verbose=0)
for row in population.summary():
    score = f"{row['val_r2_score']:.2f} ± {row['val_r2_score_std']:.2f}"
    print(f"widths {row['widths']!s:9} R^2 {score}, of {row['members']} networks")
by_widths = {row["widths"]: row["val_r2_score"] for row in population.summary()}  # hidden
assert by_widths[64, 64] < by_widths[()] - 0.1 and abs(by_widths[4,] - by_widths[()]) < 0.1, by_widths  # hidden
assert [row["members"] for row in population.summary()] == [52] * 3  # hidden

# %% [markdown]
# ## Hyperparameters
#
# Weights are found by descent. What must be set before it, the **hyperparameters**, is found by experiment on
# validation data: learning rate, number of layers, nodes in each, activation, batch size, epochs. Here are two noisy
# half-moons, and one hyperparameter at a time changed from a common default.


# %%
x, y = make_moons(1492, noise=0.3, random_state=0)
x, y = x.astype("float32"), y.astype("float32")[:, None]
training, validation, test = split(len(x), 192, 300)
DEFAULT = {"learning_rate": 0.01, "layers": 2, "nodes": 32, "activation": "relu", "batch_size": 32, "epochs": 50}
cross_entropy = ebb.losses.BinaryCrossentropy(from_logits=True)


@functools.cache  # the default is part of each comparison
def moons(seed, **chosen):
    """The losses on training and validation rows, and the model, of these hyperparameters."""
    ebb.set_random_seed(seed)
    hidden = [layers.Dense(chosen["nodes"], activation=chosen["activation"]) for _ in range(chosen["layers"])]
    model = ebb.Sequential([ebb.Input((2,)), *hidden, layers.Dense(1)])
    model.compile(ebb.optimizers.Adam(chosen["learning_rate"]), cross_entropy)
    model.fit(x[training], y[training], batch_size=chosen["batch_size"], epochs=chosen["epochs"], verbose=0)
    return loss_on(model, training), loss_on(model, validation), model


def loss_on(model, rows):
    return float(cross_entropy(y[rows], model(x[rows])))


choices = {
    "learning_rate": [1e-4, 1e-3, 1e-2, 1e-1, 1],
    "layers": [0, 1, 2, 5],
    "nodes": [1, 4, 32, 128],
    "activation": ["linear", "sigmoid", "tanh", "relu"],
    "batch_size": [8, 32, 192],
    "epochs": [1, 10, 50, 400],
}
figure, axes = plt.subplots(2, 3, figsize=(7.4, 4.6))
means = {}
for (name, values), place in zip(choices.items(), axes.flat, strict=True):
    losses = np.array([[moons(seed, **DEFAULT | {name: value})[:2] for seed in range(3)] for value in values])
    means[name] = losses.mean(axis=1)
    for k, style in enumerate(("o", "s")):
        bars = {"yerr": losses[:, :, k].std(axis=1, ddof=1), "capsize": 2}
        place.errorbar(range(len(values)), means[name][:, k], **bars, color=COLORS[k], marker=style, markersize=4)
    place.set_xticks(range(len(values)), [f"{value:g}" if value != str(value) else value for value in values])
    place.set(title=name, ylim=(0, 1))
for place in axes[:, 0]:
    place.set_ylabel("cross-entropy")
axes[0, 1].legend(["training", "validation"])

for name, values in choices.items():
    on_training, on_validation = (values[best] for best in means[name].argmin(axis=0))
    print(f"{name:14} least training loss: {on_training!s:6} least validation loss: {on_validation}")
rates, epochs = means["learning_rate"], means["epochs"]  # hidden
assert rates[0, 1] > 0.4 and rates[4, 1] > 1.2 * rates[2, 1]  # hidden
assert epochs[:, 0].argmin() == 3 and epochs[3, 1] > 1.5 * epochs[2, 1] and epochs[0, 1] > epochs[2, 1]  # hidden
assert means["activation"][0, 1] > means["activation"][:, 1].min() + 0.03  # hidden
assert means["layers"][3, 0] < means["layers"][0, 0] and means["nodes"][3, 0] < means["nodes"][0, 0]  # hidden

# %% [markdown]
# Most panels have one shape: on the left too little is learnt, on the right too much (or nothing, with too large a
# learning rate), and in between is a plain where the exact value does not matter. The batch size hardly matters here.
# Judged by the training loss alone, the largest network and the most epochs would win.
#
# Hyperparameters act together, so a search draws all of them at random, and each trial tries a new value of each
# (Bergstra and Bengio, 2012, "Random Search for Hyper-Parameter Optimization"). The trial with the least validation
# loss wins, and only the winner meets the test rows. Here we may look at all of them, as the data are made up:

# %%
random = np.random.default_rng(0)
trials = []
for trial in range(24):
    drawn = {
        "learning_rate": float(10 ** random.uniform(-3.5, -1)),
        "layers": int(random.integers(1, 3)),
        "activation": str(random.choice(["tanh", "relu"])),
        "epochs": int(10 ** random.uniform(1, 2.5)),
    }
    _, on_validation, model = moons(trial, **DEFAULT | drawn)
    trials.append((on_validation, loss_on(model, test), drawn))
trials.sort(key=lambda one: one[0])
for on_validation, on_test, drawn in (*trials[:3], trials[-1]):
    drawn["learning_rate"] = round(drawn["learning_rate"], 4)
    print(f"validation {on_validation:.3f}   test {on_test:.3f}  ", *drawn.values())
on_validation, on_test = np.transpose([one[:2] for one in trials])
print(f"all 24 trials: correlation of the two {np.corrcoef(on_validation, on_test)[0, 1]:.2f}", end=", ")
print(f"test - validation {spread(on_test - on_validation)}")
assert on_test[0] < on_test.mean() < on_test[-1]  # hidden
assert np.corrcoef(on_validation, on_test)[0, 1] > 0.8 and (on_test - on_validation).mean() > 0.03  # hidden

# %% [markdown]
# The validation loss ranks the trials well. It does not say how large the loss on new rows will be: these 300 rows
# happen to be easier than most, and the winner was chosen for its score on them. For that number there are the test
# rows.
#
# A `Population` draws and trains such trials by itself. Each network stops when its validation loss has not become
# better for ten epochs, so that the number of epochs need not be drawn, and each setting has three random starts, so
# that it is not ranked by luck.


# %%
def build(hp):
    hidden = [layers.Dense(hp.nodes, activation=hp.activation) for _ in range(hp.layers)]
    model = ebb.Sequential([ebb.Input((2,)), *hidden, layers.Dense(1)])
    model.compile(ebb.optimizers.Adam(hp.learning_rate), cross_entropy)
    return model


space = {
    "learning_rate": ebb.population.LogUniform(10**-3.5, 0.1),
    "layers": [1, 2],
    "nodes": [8, 32],
    "activation": ["tanh", "relu"],
}
population = ebb.Population(build, random=(space, 24), seeds=3)
held_out = x[validation], y[validation]
population.fit(
    x[training], y[training], batch_size=32, epochs=300, validation_data=held_out, early_stopping=10, verbose=0
)
ranked = population.summary()
for row in (*ranked[:3], ranked[-1]):
    setting = " ".join(f"{row[name]:.2g}" if isinstance(row[name], float) else str(row[name]) for name in space)
    print(f"validation {row['val_loss']:.3f} ± {row['val_loss_std']:.3f}   {setting}")
print(f"the best on the test rows: {loss_on(population.best(), test):.3f}")
assert ranked[0]["val_loss"] < ranked[-1]["val_loss"] - 0.02 and len(ranked) == 24  # hidden
assert loss_on(population.best(), test) < 0.35  # hidden

# %% [markdown]
# What else it does (folds and groups of rows, dropping bad settings early, asking Optuna, other machines) is told in
# [populations](../populations.md).
#
# ## A harder problem: labels that are wrong
#
# For the rest of this page: images of 8 by 8 pixels of handwritten digits, 400 to train on. In these and in the 200
# validation images 30 % of the labels are wrong. The test labels are right. A network that learns all of its training
# labels has learnt much that is false.

# %%
images, digits = load_digits(return_X_y=True)
images, digits = (images.reshape(-1, 8, 8) / 16).astype("float32"), digits.astype("int32")
training, validation, test = split(len(images), 400, 200)
random = np.random.default_rng(1)
wrong = np.concatenate([training, validation])
wrong = wrong[random.random(len(wrong)) < 0.3]
labels = digits.copy()
labels[wrong] = (digits[wrong] + random.integers(1, 10, len(wrong))) % 10


def digits_model(seed=0, penalty=0.0, rate=0.0, augment=(), normalize=False):
    ebb.set_random_seed(seed)
    stack = [ebb.Input((8, 8)), *augment, layers.Flatten()]
    for _ in range(2):
        stack += [layers.Dense(64, activation="relu", kernel_regularizer=ebb.regularizers.L2(penalty))]
        stack += [layers.BatchNormalization(momentum=0.9)] if normalize else []
        stack += [layers.Dropout(rate)]
    model = ebb.Sequential([*stack, layers.Dense(10)])
    loss = ebb.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(ebb.optimizers.Adam(5e-3), loss, metrics=["accuracy"])
    return model


def train(model, callbacks=None, epochs=80, rows=training, labels=labels):
    held_out = images[validation], labels[validation]
    arguments = {"batch_size": 40, "epochs": epochs, "callbacks": callbacks, "verbose": 0}
    return model.fit(images[rows], labels[rows], validation_data=held_out, **arguments)


def accuracy(logits, rows, labels=digits):
    return float(np.mean(np.asarray(logits).argmax(axis=-1) == labels[rows]))


model = digits_model()
history = train(model)
true = np.mean(labels[training] == digits[training])
learnt = accuracy(model(images[training]), training, labels)
tested = accuracy(model(images[test]), test)
print(f"share of the training labels that are true:    {true:.3f}")
print(f"share of the training labels that are learnt:  {learnt:.3f}")
print(f"share of the test labels that are predicted:   {tested:.3f}")
assert learnt > 0.98 and tested < 0.8  # hidden

figure, axes = plt.subplots(1, 2)
plot.learning_curves(history, ["loss", "accuracy"], axes=axes)
axes[0].set_ylim(0, 4)
axes[0].legend(fontsize=8, loc="upper left")
axes[1].set_ylim(0, 1.05)
axes[1].legend(fontsize=8, loc="lower right")

# %% [markdown]
# The training labels are learnt by heart, the wrong ones too. The first epochs learn what many images share, which
# helps on the validation rows as well; the later ones learn the exceptions.
#
# ## Dropout
#
# In training, each activation is set to zero with probability `rate` (0.5 is typical), anew for every image and step,
# and what is kept is divided by $1 - rate$, so that the expectation stays. No unit can rely on a certain other one
# being there. In prediction the layer does nothing (Srivastava et al., 2014, "Dropout: A Simple Way to Prevent Neural
# Networks from Overfitting").

# %%
layer, ones = layers.Dropout(0.5, seed=1), np.ones((1000, 100), "float32")
print("training:  ", layer(ones, training=True).numpy()[0, :16])
print("prediction:", layer(ones).numpy()[0, :16])
for rate in (0.1, 0.5, 0.8):
    dropped = layers.Dropout(rate, seed=1)(ones, training=True).numpy()
    zeros = np.mean(dropped == 0)
    print(f"rate {rate}: share of zeros {zeros:.3f}, the others {dropped.max():.3f}, mean {dropped.mean():.3f}")
    assert abs(np.mean(dropped == 0) - rate) < 0.01 and abs(dropped.mean() - 1) < 0.02  # hidden
assert np.array_equal(layer(ones).numpy(), ones)  # hidden

# %% [markdown]
# A mask leaves a thinner network, all of which share their weights. Prediction without a mask stands for the mean over
# all of these $2^{128}$ networks: dropout trains an **ensemble**. To see it, let the trained network predict with
# masks, `training=True`, and average the probabilities of more and more of them.

# %%
model = digits_model(rate=0.5)
train(model)
x, y = images[test], digits[test]


def probabilities(**how):
    return ebb.activations.softmax(model(x, **how)).numpy()


masked = np.array([probabilities(training=True) for _ in range(32)])
counts = [1, 2, 4, 8, 16, 32]
means = [masked[:count].mean(axis=0) for count in counts]
singles = [accuracy(one, test) for one in masked]
whole = probabilities()
print(f"one thinned network      {spread(singles)} of the test images right")
print(f"32 of them, averaged     {accuracy(means[-1], test):.3f}")
print(f"prediction without masks {accuracy(whole, test):.3f}")
assert accuracy(means[-1], test) > np.mean(singles) + 0.05  # hidden
assert abs(accuracy(means[-1], test) - accuracy(whole, test)) < 0.02  # hidden

figure, place = plt.subplots(figsize=(5.2, 3))
place.plot(counts, [accuracy(mean, test) for mean in means], "o-", color=COLORS[0], label="mean of thinned networks")
place.axhline(accuracy(whole, test), color=COLORS[1], linestyle="--", label="prediction without masks")
place.set_xscale("log", base=2)
place.set_xticks(counts, counts)
place.set(xlabel="thinned networks", ylabel="test accuracy", title="One network, many networks")
place.legend(loc="lower right")

# %% [markdown]
# ## Batch normalization
#
# In training each feature is brought to mean 0 and variance 1 *over the batch*, and then to a deviation $\gamma$ and a
# mean $\beta$ that are learnt (Ioffe and Szegedy, 2015, "Batch Normalization: Accelerating Deep Network Training by
# Reducing Internal Covariate Shift"):
#
# $$\mu = \frac 1 m \sum_i x_i, \quad \sigma^2 = \frac 1 m \sum_i (x_i - \mu)^2, \quad
# \hat x_i = \frac{x_i - \mu}{\sqrt{\sigma^2 + \epsilon}}, \quad y_i = \gamma \hat x_i + \beta.$$
#
# Running moments follow those of the batches, and take their place in prediction.

# %%
layer = layers.BatchNormalization(momentum=0.9)
batches = np.random.default_rng(0).normal((5, -2, 0), (3, 1, 0.1), (200, 32, 3)).astype("float32")
for batch in batches:
    y = layer(batch, training=True).numpy()
by_hand = (batch - batch.mean(axis=0)) / np.sqrt(batch.var(axis=0) + layer.epsilon)
assert np.allclose(y, by_hand, atol=1e-5)  # gamma is 1 and beta is 0 before they are trained

print("training, last batch: mean", y.mean(axis=0).round(3) + 0.0, " deviation", y.std(axis=0).round(3))
print("running mean", layer.moving_mean.numpy().round(2), " running deviation", np.sqrt(layer.moving_variance).round(2))
alone = layer(batch[:1]).numpy()
assert np.array_equal(alone, layer(batch).numpy()[:1])  # in prediction, a row does not depend on the others
assert not np.allclose(layer(batch[:2], training=True).numpy()[:1], y[:1])  # in training it does
assert np.allclose(layer.moving_mean, (5, -2, 0), atol=1)  # hidden

# %% [markdown]
# (The third feature has a variance of 0.01, against which $\epsilon = 0.001$ is not nothing: its deviation stays a
# little below 1.)
#
# What it is good for: deep networks start to learn at once, at learning rates of a wide range. Below are eight hidden
# layers of sigmoids, by plain gradient descent, on the same images with their true labels.


# %%
def deep(rate, normalize):
    ebb.set_random_seed(0)
    stack = [ebb.Input((8, 8)), layers.Flatten()]
    for _ in range(8):
        stack += [layers.Dense(32, use_bias=not normalize)]
        stack += [layers.BatchNormalization(momentum=0.9)] if normalize else []
        stack += [layers.Activation("sigmoid")]
    model = ebb.Sequential([*stack, layers.Dense(10)])
    loss = ebb.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(ebb.optimizers.SGD(rate), loss)
    rows = np.concatenate([training, validation])
    history = model.fit(images[rows], digits[rows], batch_size=50, epochs=40, verbose=0).history
    return history["loss"], accuracy(model(images[test]), test)


figure, place = plt.subplots(figsize=(7, 3))
reached = {}
for k, rate in enumerate((0.03, 0.3, 3.0)):
    for normalize in (False, True):
        losses, reached[rate, normalize] = deep(rate, normalize)
        name = f"{'with' if normalize else 'without'}, learning rate {rate:g}"
        place.plot(losses, "-" if normalize else ":", color=COLORS[k], label=name)
        print(f"{name:28} last loss {losses[-1]:.3f}   test accuracy {reached[rate, normalize]:.3f}")
place.set(xlabel="epoch", ylabel="training loss", title="Eight layers of sigmoids, with and without normalization")
place.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))
assert max(reached[rate, False] for rate in (0.03, 0.3, 3.0)) < 0.3  # hidden
assert min(reached[rate, True] for rate in (0.03, 0.3, 3.0)) > 0.75  # hidden

# %% [markdown]
# Without it none of the three rates moves the loss from $\log 10 = 2.30$, which is guessing: the gradient vanishes on
# its way through eight sigmoids. With it all three learn.
#
# ## Augmentation
#
# The simplest way against overfitting is more data, and more of it can be made: a digit that is shifted, sheared,
# scaled or rotated a little is the same digit. The layers below do that to every image of every batch in its own way,
# in training only.

# %%
ebb.set_random_seed(2)
fill = {"fill_mode": "constant"}  # what comes in from outside is black
ways = {
    "shift": layers.RandomTranslation(0.2, 0.2, **fill),
    "shear": layers.RandomShear(x_factor=0.4, **fill),
    "scale": layers.RandomZoom(0.3, **fill),
    "rotate": layers.RandomRotation(0.08, **fill),
    "shift and scale": layers.RandomAffine(translation=0.15, zoom=0.2, **fill),
}
one = images[training][digits[training] == 4][0]
eight = np.stack([one] * 8)
figure, axes = plt.subplots(len(ways), 9, figsize=(7, 4.2))
for (name, layer), row in zip(ways.items(), axes, strict=True):
    assert np.array_equal(layer(eight).numpy(), eight)  # in prediction nothing is changed
    for place, image in zip(row, [one, *layer(eight, training=True).numpy()], strict=True):
        place.imshow(image, cmap="gray", vmin=0, vmax=1)
        place.set(xticks=[], yticks=[])
    row[0].set_ylabel(name, rotation=0, ha="right", va="center")
axes[0, 0].set_title("original", fontsize=9)
axes[0, 1].set_title("in training", fontsize=9, loc="left")

# %% [markdown]
# With the true labels, and tested twice: on the images as they are, and on the same images moved by one pixel.

# %%
moved = np.zeros_like(images[test])
moved[:, :, 1:] = images[test][:, :, :-1]


def random_affine():
    return layers.RandomAffine(translation=0.1, rotation=0.03, zoom=0.1, shear=0.1, **fill)


def study(augment, starts=3):
    results = []
    for seed in range(starts):
        model = digits_model(seed, augment=augment())
        train(model, labels=digits)
        results.append([accuracy(model(some), test) for some in (images[test], moved)])
    return np.transpose(results)


ways = {"none": list, "affine": lambda: [random_affine()], "flips": lambda: [layers.RandomFlip("horizontal")]}
print("augmentation   test accuracy    moved by one pixel")
found = {}
for name, augment in ways.items():
    found[name] = still, shifted = study(augment)
    print(f"{name:12} {spread(still):>15}     {spread(shifted):>15}")
none, affine, flips = found.values()  # hidden
assert affine[1].mean() > none[1].mean() + 0.2 and abs(affine[0].mean() - none[0].mean()) < 0.03  # hidden
assert none[1].mean() < 0.5  # hidden
assert flips[0].mean() < none[0].mean() - 0.005  # hidden

# %% [markdown]
# A dense network does not know which pixels are neighbors, nor that an image moved by one of them shows the same digit:
# the plain network is wrong about more than half of them. The augmented one has seen it. On the images as they are,
# which the makers of the set have normalized, augmentation makes no difference that these starts could show.
#
# Flips do harm: most digits, mirrored, are none. What is done to an image must not change what it shows.
#
# ## All of it on one problem
#
# Back to the wrong labels: the same network, the same 400 images, and one method after the other, four starts each.

# %%
stop = ebb.callbacks.EarlyStopping("val_loss", patience=15, restore_best_weights=True)
methods = {
    "none": ({}, None),
    "batch normalization": ({"normalize": True}, None),
    "penalty 0.01": ({"penalty": 0.01}, None),
    "dropout 0.5": ({"rate": 0.5}, None),
    "augmentation": ({"augment": True}, None),
    "early stopping": ({}, stop),
    "dropout, stopping": ({"rate": 0.5}, stop),
    "augmentation, dropout, stopping": ({"augment": True, "rate": 0.5}, stop),
}
results = {}
print("                                  learnt labels   test accuracy")
for name, (settings, callbacks) in methods.items():
    runs = []
    for seed in range(4):
        augment = [random_affine()] if settings.get("augment") else []
        model = digits_model(seed, **settings | {"augment": augment})
        train(model, callbacks)
        runs.append([accuracy(model(images[training]), training, labels), accuracy(model(images[test]), test)])
    results[name] = np.transpose(runs)
    print(f"{name:33} {spread(results[name][0]):>13}   {spread(results[name][1]):>13}")

figure, place = plt.subplots(figsize=(7, 3.4))
for k, (_, tested) in enumerate(results.values()):
    place.plot(tested, np.full(len(tested), k), "o", color=COLORS[0], alpha=0.5)
    place.plot([tested.mean()] * 2, [k - 0.3, k + 0.3], color=COLORS[1], linewidth=2)
place.set_yticks(range(len(results)), list(results))
place.set(xlabel="test accuracy of a start (dot), mean (bar)", title="400 images, a third with wrong labels")
place.invert_yaxis()
reached = {name: tested.mean() for name, (_, tested) in results.items()}  # hidden
assert results["none"][0].mean() > 0.98 and reached["none"] < 0.75  # hidden
assert reached["batch normalization"] < reached["none"] + 0.03  # hidden
for name in ("penalty 0.01", "dropout 0.5", "augmentation", "early stopping"):  # hidden
    assert reached[name] > reached["none"] + 0.05, name  # hidden
best = ("augmentation", "early stopping", "dropout, stopping", "augmentation, dropout, stopping")  # hidden
assert min(reached[name] for name in best) > max(reached["penalty 0.01"], reached["dropout 0.5"])  # hidden
assert max(abs(results[name][0].mean() - true) for name in best) < 0.1  # hidden

# %% [markdown]
# - Without any of it the network learns all labels, and a third of what it says is wrong.
# - Batch normalization helps training. Here training was not what was wanting, and it does not help.
# - The penalty, dropout, augmentation and early stopping each keep the network from learning the wrong labels.
# - Augmentation and early stopping, alone or with others, go furthest. Which of these four is best, four starts cannot
#   say. They learn about as many of the labels as are true: two thirds.
#
# This is no law about methods but a measurement on one problem; on another they will stand in another order. That is
# what the validation rows are for.
