# %% [markdown]
# # Deep networks
#
# A network of many layers can say more than one of few, and is harder to train. This page is about why: how the weights
# must begin, why gradients vanish on their way back, what was done about it first (pre-training) and since (rectifiers,
# better initial weights, normalization), and what the machine does all the time.

# %%
import numpy as np
from matplotlib import pyplot as plt
from sklearn.datasets import load_digits, make_moons

import ebbflow as ebb
from ebbflow import initializers, layers, models, optimizers, plot

# Two helpers for pictures.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#444444")
plt.rcParams.update({"axes.spines.top": False, "axes.spines.right": False, "axes.prop_cycle": plt.cycler(color=COLORS)})


def look(columns=1, size=(6.4, 4.0), rows=1):
    """New axes, side by side."""
    return plt.subplots(rows, columns, figsize=size, layout="constrained")[1]


def label(axes, title, xlabel, ylabel, legend=True, **limits):
    """Title, names, a faint grid and a legend."""
    axes.set(title=title, xlabel=xlabel, ylabel=ylabel, **limits)
    axes.grid(color="#e4e8ee")
    if legend:
        axes.legend(frameon=False, **(legend if isinstance(legend, dict) else {}))


# %% [markdown]
# ## How weights begin
#
# ### All equal: symmetry is never broken
#
# Give all weights the same value. Then all units of a layer compute the same output, get the same gradient, make the
# same step, and are equal again. If the value is zero it is even worse: the outputs of the hidden units are 0, so the
# weights after them get no gradient, and as those weights are 0, nothing comes back through them.
#
# Eight hidden units on two moons, with all weights 0, all 1/2, and random:

# %%
x, y = make_moons(400, noise=0.15, random_state=0)
x, y = x.astype("float32"), y.astype("float32")


def moons_network(start):
    ebb.utils.set_random_seed(0)
    hidden = layers.Dense(8, activation="tanh", kernel_initializer=start)
    model = ebb.Sequential([hidden, layers.Dense(1, activation="sigmoid", kernel_initializer=start)])
    model.compile(optimizers.SGD(0.3, momentum=0.9), "binary_crossentropy", metrics=["accuracy"])
    model.fit(x, y, epochs=200, verbose=0)
    return model


accuracy = {}
axes = look(3, (9.6, 3.0))
choices = {"zeros": "zeros", "1/2": initializers.Constant(0.5), "random": "glorot_uniform"}
for place, (name, start) in zip(axes, choices.items(), strict=True):
    model = moons_network(start)
    kernel = model.get_weights()[0]
    accuracy[name] = model.evaluate(x, y, verbose=0)[1]
    different = len(np.unique(kernel, axis=1).T)
    print(f"{name:7} accuracy {accuracy[name]:.1%}, {different} different hidden units of 8")
    plot.decision_regions(model, x, y, axes=place)
    place.set_title(f"{name}: accuracy {accuracy[name]:.1%}")
    place.get_legend().remove()  # hidden
    assert different == (8 if name == "random" else 1)  # hidden
    assert kernel.any() or name == "zeros"  # hidden
for bar in set(plt.gcf().axes) - set(axes):  # hidden
    bar.remove()  # hidden
assert abs(accuracy["zeros"] - 0.5) < 0.1 and accuracy["1/2"] < 0.92 < 0.98 < accuracy["random"], accuracy  # hidden

# %% [markdown]
# After 200 epochs the units are still equal, to the last bit: eight units do the work of one, which can only draw one
# straight line. Randomness is what makes them different.
#
# ### Random, but how large?
#
# The next network has eight hidden layers of 64 units and sees 1,797 images of digits. Its weights begin as
# $N(0, \sigma^2)$. If $\sigma$ is small, each layer shrinks what it gets, and after some layers there is nothing left.
# If it is large, weighted sums are large and tanh is saturated: outputs near -1 and 1, where its slope is near 0.

# %%
digits, labels = load_digits(return_X_y=True)
digits, labels = (digits / 16).astype("float32"), labels.astype("int32")


def deep_network(activation, start, depth=8, width=64, normalized=False):
    ebb.utils.set_random_seed(0)
    stack = []
    for k in range(1, depth + 1):
        stack.append(layers.Dense(width, kernel_initializer=start() if callable(start) else start, name=f"hidden_{k}"))
        stack += [layers.BatchNormalization()] if normalized else []
        stack.append(layers.Activation(activation))
    model = ebb.Sequential([*stack, layers.Dense(10, activation="softmax", name="output")])
    model.compile(optimizers.SGD(0.01, momentum=0.9), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.build((None, 64))
    return model


def outputs(model, inputs):
    """The outputs of each hidden layer."""
    found = []
    for layer in model.layers[:-1]:
        inputs = layer(inputs)
        if isinstance(layer, layers.Activation):
            found.append(inputs.numpy())
    return found


starts = {
    "0.01": lambda: initializers.RandomNormal(stddev=0.01),
    "0.125": lambda: initializers.RandomNormal(stddev=0.125),
    "1": lambda: initializers.RandomNormal(stddev=1.0),
}
axes = look(3, (10.0, 4.6), rows=2)
for k, (name, start) in enumerate(starts.items()):
    for row, layer in zip(axes[:, k], (0, 7), strict=True):
        values = outputs(deep_network("tanh", start), digits)[layer]
        row.hist(values.ravel(), np.linspace(-1, 1, 41), color=COLORS[0])
        saturated = (np.abs(values) > 0.99).mean()
        title = f"sigma {name}, layer {layer + 1}\ndeviation {values.std():.2g}, saturated {saturated:.0%}"
        label(row, title, "output", "", legend=False)
        row.set_yticks([])
        if (name, layer) == ("0.01", 7):  # hidden
            assert values.std() < 1e-6  # hidden
        if name == "1":  # hidden
            assert saturated > 0.3  # hidden
        if name == "0.125":  # hidden
            assert values.std() > 0.1 and saturated < 0.01  # hidden

# %% [markdown]
# Between the two lies a deviation that keeps the size of what flows through. A weighted sum of $n$ inputs of variance
# $v$ has the variance $n \sigma^2 v$, and tanh is nearly the identity for small inputs: so $\sigma^2 = 1/n$, here
# $\sigma = 1/\sqrt{64} = 0.125$. For the gradient the same argument runs backward with the number of outputs; Glorot's
# rule takes the mean of the two, $\sigma^2 = 2 / (n_\text{in} + n_\text{out})$. A rectifier loses half of the square,
# so He's rule doubles: $\sigma^2 = 2 / n_\text{in}$. The size of the outputs, layer by layer, in stacks of 20 layers of
# 256 units:

# %%
rules = {
    "tanh, Glorot": ("tanh", "glorot_normal"),
    "ReLU, He": ("relu", "he_normal"),
    "ReLU, Glorot": ("relu", "glorot_normal"),
    "tanh, N(0, 0.01^2)": ("tanh", starts["0.01"]),
}
axes, factors = look(), {}
noise = np.random.default_rng(0).normal(size=(500, 64)).astype("float32")
for name, (activation, start) in rules.items():
    model = deep_network(activation, start, depth=20, width=256)
    sizes = [np.sqrt((values.astype(float) ** 2).mean()) for values in outputs(model, noise)]
    factors[name] = (sizes[19] / sizes[0]) ** (1 / 19)
    print(f"{name:19} factor per layer {factors[name]:.3f}")
    axes.semilogy(range(1, 21), sizes, ".-", label=name)
label(axes, "Size of the outputs", "layer", "root mean square", ylim=(1e-8, 10))
axes.set_xticks(range(2, 21, 2))
assert abs(factors["ReLU, He"] - 1) < 0.05 and abs(factors["ReLU, Glorot"] - 0.707) < 0.03, factors  # hidden
assert factors["tanh, Glorot"] > 0.9 and abs(factors["tanh, N(0, 0.01^2)"] - 0.16) < 0.02, factors  # hidden

# %% [markdown]
# As the theory says: He's rule keeps the size, with Glorot's a rectifier leaves $1/\sqrt2 \approx 0.71$ of it, and
# $\sigma = 0.01$ leaves $0.01 \sqrt{256} = 0.16$. Does it matter? The same digits, 20 epochs, in
# networks of one and of eight hidden layers:

# %%
table = {
    "zeros": "zeros",
    "0.01 rand(), in (0, 0.01)": lambda: initializers.RandomUniform(0.0, 0.01),
    "0.01 randn(), N(0, 0.01^2)": starts["0.01"],
    "N(0, 1)": starts["1"],
    "Glorot": "glorot_uniform",
    "He": "he_normal",
}
reached = {}
print("initial weights              tanh: 1 layer, 8 layers    ReLU: 1 layer, 8 layers")
for name, start in table.items():
    for activation in ("tanh", "relu"):
        for depth in (1, 8):
            model = deep_network(activation, start, depth)
            model.fit(digits, labels, epochs=20, verbose=0)
            reached[name, activation, depth] = model.evaluate(digits, labels, verbose=0)[1]
    print(f"{name:27}" + " ".join(f"{reached[name, a, d]:12.1%}" for a in ("tanh", "relu") for d in (1, 8)))

single = [reached[name, a, 1] for name in table if name not in ("zeros", "N(0, 1)") for a in ("tanh", "relu")]  # hidden
assert min(single) > 0.95 and reached["zeros", "tanh", 1] > 0.95, reached  # hidden
for a in ("tanh", "relu"):  # hidden
    assert max(reached[name, a, 8] for name in list(table)[:3]) < 0.2, reached  # hidden
    assert min(reached["Glorot", a, 8], reached["He", a, 8]) > 0.9, reached  # hidden
    assert reached["N(0, 1)", a, 8] < 0.8, reached  # hidden

# %% [markdown]
# With one hidden layer, all small random weights do. (Even zeros do for tanh, since here the weights of the last layer
# are random, and break the symmetry.) With eight layers only the rules that keep the size work; "small" is not
# enough.
#
# ## Vanishing gradients
#
# Going back through a layer, the gradient is multiplied by the layer's weights and by the slopes of its activations.
# The slope of the sigmoid is $\sigma (1 - \sigma) \le 1/4$, so each sigmoid layer leaves at most a quarter of what its
# weights let through. The product over many layers,
#
# $$\frac{dz}{du} = \frac{dz}{dy} \cdot \frac{dy}{dx} \cdot \frac{dx}{dw} \cdot \frac{dw}{du},$$
#
# goes to 0. Here are the gradients at the start of training, in stacks of ten hidden layers.

# %%
kinds = {"sigmoid": "glorot_uniform", "tanh": "glorot_uniform", "relu": "he_uniform"}
stacks = {activation: deep_network(activation, start, depth=10) for activation, start in kinds.items()}
sample = digits[:256], labels[:256]
plot.gradient_norms(stacks, *sample, axes=look())
kept = {}
for name, model in stacks.items():
    norms = list(plot.gradient_norms_of(model, *sample).values())[:-1]
    kept[name] = (norms[0] / norms[-1]) ** (1 / 9)
    print(f"{name:8} each layer passes on {kept[name]:.3f} of the gradient; layer 1 gets {norms[0] / norms[-1]:.1e}")
assert 0.22 < kept["sigmoid"] < 0.25, kept  # hidden
assert 0.85 < kept["tanh"] < 1.15 and 0.85 < kept["relu"] < 1.15, kept  # hidden

# %% [markdown]
# In the sigmoid stack the first layer gets about two millionths of what the last one gets, and so it does not learn,
# and neither does what follows it. The slope of tanh is 1 at 0, that of ReLU is 1 wherever it is not 0: with the right
# initial weights their gradients arrive. Another cure is to normalize each layer's weighted sums over the batch
# (`BatchNormalization`), which keeps even sigmoids in their steep part.

# %%
last = {}
left, right = look(2, (9.6, 3.6))
for axes, normalized in ((left, False), (right, True)):
    for activation, start in kinds.items():
        model = deep_network(activation, start, depth=10, normalized=normalized)
        losses = model.fit(digits, labels, epochs=20, verbose=0).history["loss"]
        last[activation, normalized] = losses[-1]
        axes.plot(range(1, 21), losses, ".-", label=f"{activation}: {losses[-1]:.2f} at the end")
    axes.set_xticks(range(2, 21, 2))
label(left, "Ten hidden layers", "epoch", "loss", ylim=(0, 2.5))
label(right, "The same, with batch normalization", "epoch", "loss", ylim=(0, 2.5))
assert last["sigmoid", False] > 2.25 and last["sigmoid", True] < 1, last  # hidden
assert max(last["tanh", False], last["relu", False], last["tanh", True], last["relu", True]) < 0.3, last  # hidden

# %% [markdown]
# The sigmoid stack has learned nothing: $\log 10 = 2.30$ is the loss of guessing.
#
# ### Watching it happen
#
# A `GradientMonitor` looks at a network while it is trained: at the norm of each gradient, at how much each weight
# moves relative to its size, at *dead* rectifiers, which say 0 to every example and so get no gradient from any, and at
# saturated outputs. Here are three layers of rectifiers, with a learning rate that suits them and with one that is too
# large: in its first epoch the weights move by more than their own size, and soon nearly every unit is dead.


# %%
def rectifiers(rate):
    ebb.utils.set_random_seed(0)
    hidden = [layers.Dense(64, "relu", kernel_initializer="he_normal", name=f"hidden_{k}") for k in (1, 2, 3)]
    model = ebb.Sequential([ebb.Input((64,)), *hidden, layers.Dense(10, "softmax", name="output")])
    model.compile(optimizers.SGD(rate, momentum=0.9), "sparse_categorical_crossentropy")
    return model


dead, moved = {}, {}
left, right = look(2, (9.6, 3.4))
for rate in (0.01, 0.3):
    model, monitor = rectifiers(rate), ebb.callbacks.GradientMonitor(digits[:256], labels[:256])
    model.fit(digits, labels, epochs=10, callbacks=[monitor], verbose=0)
    for k in (1, 2, 3):
        style = {"color": COLORS[k - 1], "linestyle": "-" if rate == 0.01 else ":"}
        epochs, name = range(1, 11), f"layer {k}, rate {rate:g}"
        left.plot(epochs, monitor.history[f"dead/hidden_{k}"], label=name, **style)
        right.semilogy(epochs, monitor.history[f"update_ratio/hidden_{k}/kernel"], label=name, **style)
    dead[rate] = monitor.history["dead/hidden_3"][-1]
    moved[rate] = monitor.history["update_ratio/hidden_3/kernel"][0]
    print(
        f"rate {rate}: of the third layer {dead[rate]:.0%} are dead; it moved by {moved[rate]:.2f} in the first epoch"
    )
label(left, "Dead units", "epoch", "share of the layer's units", False, ylim=(-0.02, 1.02))
assert dead[0.01] < 0.3 < 0.7 < dead[0.3] and moved[0.01] < 0.3 < 1 < moved[0.3], (dead, moved)  # hidden
label(right, "Moved in an epoch", "epoch", "share of the weights' size", {"fontsize": 8})

# %% [markdown]
# The same can be seen in one look at a network as it is: `activation_histograms` of what its layers say, with the
# trouble in the titles, and `weight_histograms` of what they have become.

# %%
places = look(2, (8.6, 5.4), rows=2)
plot.activation_histograms(model, digits, axes=places)
for place in places.flat:  # hidden
    place.set_yscale("log")  # hidden

# %%
plot.weight_histograms(model, axes=look(2, (8.6, 5.4), rows=2))

# %% [markdown]
# ### Sparse codes
#
# A rectifier says exactly 0 for about half of its inputs, so an image is described by those units that are active for
# it (Glorot, Bordes, Bengio, 2011). The share of zeros among the outputs of the trained networks:

# %%
shares = {}
for activation in ("tanh", "relu"):
    model = deep_network(activation, kinds[activation], depth=3)
    model.fit(digits, labels, epochs=20, verbose=0)
    shares[activation] = [float((values == 0).mean()) for values in outputs(model, digits)]
    print(f"{activation}: zeros in layers 1 to 3:", *(f"{share:7.1%}" for share in shares[activation]))
assert max(shares["tanh"]) < 0.01 and min(shares["relu"]) > 0.35, shares  # hidden

# %% [markdown]
# ## Pre-training, layer by layer
#
# Before these cures were known, deep networks were trained in another way (Hinton and Salakhutdinov, 2006). A
# restricted Boltzmann machine gives a probability to each image $v$ together with the states $h$ of its hidden
# units,
#
# $$p(v, h) = e^{\,v b + h c + v W h} / Z.$$
#
# It learns without labels, and without a gradient from far away: it makes the data more probable than what it dreams
# itself (contrastive divergence). Here 36 hidden units learn images of digits, and then the machine dreams: 500 steps
# of sampling hidden from visible units and back.

# %%
train, test = digits[:1400], digits[1400:]
machine = models.RestrictedBoltzmannMachine(36, seed=0)
machine.compile(optimizers.SGD(0.05, momentum=0.5))
machine.fit(train, epochs=60, batch_size=20, verbose=0)
noise = np.random.default_rng(0).uniform(size=test.shape)
known, foreign = (float(machine.free_energy(rows).numpy().mean()) for rows in (test, noise.astype("float32")))
print(f"free energy of unseen digits {known:.1f}, of noise {foreign:.1f}: lower is more probable")

weights, dreams = machine.kernel.numpy().T, machine.sample(18, steps=500)
dreams = machine.reconstruct(dreams).numpy()  # probabilities instead of zeros and ones
panels = look(18, (11.0, 2.2), rows=3).ravel()
for k, (panel, image) in enumerate(zip(panels, [*weights, *dreams], strict=True)):
    is_weight = k < 36
    look_of = {"cmap": "RdBu_r", "vmin": -2, "vmax": 2} if is_weight else {"cmap": "gray", "vmin": 0, "vmax": 1}
    panel.imshow(image.reshape(8, 8), **look_of)
    panel.axis("off")
plt.gcf().suptitle("What 36 hidden units look for (above), and 18 dreams (below)", fontsize=11)
assert known < foreign - 5, (known, foreign)  # hidden

# %% [markdown]
# Now the stack: the second machine learns what the hidden units of the first one say, and so on. Unrolled, upward as an
# encoder and downward as a decoder, the machines are an autoencoder of eight layers around a code of 8 numbers.
# Fine-tuning by backpropagation begins there, instead of at small random weights.

# %%
sizes = [64, 48, 32, 16, 8]
stack = models.pretrain(train, sizes[1:], epochs=40, batch_size=50, seed=0)


def fine_tuned(model, optimizer=None):
    model.compile(optimizer or optimizers.SGD(2.0, momentum=0.9), "mse")
    history = model.fit(train, train, batch_size=50, epochs=60, validation_data=(test, test), verbose=0)
    return history.history["val_loss"]


ebb.utils.set_random_seed(0)
pretrained = models.autoencoder(stack)
small = models.Autoencoder(sizes, kernel_initializer=initializers.RandomNormal(stddev=0.1))
glorot = models.Autoencoder(sizes)
rectified = models.Autoencoder(sizes, activation="relu", kernel_initializer="he_normal")
curves = {
    "sigmoid, pre-trained": fine_tuned(pretrained),
    "sigmoid, N(0, 0.1^2)": fine_tuned(small),
    "sigmoid, Glorot": fine_tuned(glorot),
    "ReLU, He, Adam": fine_tuned(rectified, optimizers.Adam(0.003)),
}
mean = train.mean(axis=0)
components = np.linalg.svd(train - mean, full_matrices=False)[2][:8]
linear = np.mean((test - mean - (test - mean) @ components.T @ components) ** 2)

axes = look()
for name, curve in curves.items():
    print(f"{name:21} error on unseen digits {curve[-1]:.4f}")
    axes.plot(range(1, 61), curve, label=name)
print(f"8 principal components                      {linear:.4f}")
axes.axhline(linear, color="0.5", linestyle=":", label="8 principal components")
axes.axhline(np.mean((test - mean) ** 2), color="0.5", linestyle="--", label="the mean image")
label(
    axes,
    "Fine-tuning an autoencoder",
    "epoch",
    "mean squared error",
    {"loc": "upper right", "ncols": 2},
    ylim=(0, 0.12),
)
final = {name: curve[-1] for name, curve in curves.items()}  # hidden
assert glorot.predict(test, verbose=0).std(axis=0).max() < 0.05 < 0.1 < test.std(axis=0).max()  # hidden
assert final["sigmoid, pre-trained"] < 0.95 * linear and final["sigmoid, N(0, 0.1^2)"] > 0.07, final  # hidden
assert final["sigmoid, Glorot"] > 0.07 and final["ReLU, He, Adam"] < 0.03, final  # hidden

# %%
plot.reconstructions(test, pretrained.predict(test, verbose=0), image_shape=(8, 8), count=10)

# %% [markdown]
# From random weights the deep sigmoid network finds the mean image, whatever it is shown, and stays there. Pre-trained,
# the same network with the same optimizer gives back the digits from 8 numbers, a little better than the best linear
# code. That is what started deep learning. And the fourth curve is why nobody does it today: rectifiers, He's
# rule and Adam get there without it.
#
# Two more things belong to this. The decoder can use the encoder's weights, transposed: *tied*, the network has half
# as many, and each gets its gradient from both places. And a machine's visible units can be Gaussian, for data that
# are real numbers: $E$ gets $\lVert v \rVert^2 / 2$ in addition, and $v$ given $h$ is normal around $b + W h$, of
# variance 1. Two hidden bits then say which of four clouds a point is in: each bit, on, moves it by 4 in one direction.

# %%
tied = models.autoencoder(stack, tied=True)
error = fine_tuned(tied)[-1]
print(f"{tied.count_params():,} weights instead of {pretrained.count_params():,}: error {error:.4f}", end=" ")
print(f"instead of {final['sigmoid, pre-trained']:.4f}")
assert tied.count_params() < 0.52 * pretrained.count_params() and error < 0.05  # hidden

draw = np.random.default_rng(0)
clouds = (2 * draw.choice([-1, 1], (2000, 2)) + draw.normal(size=(2000, 2))).astype("float32")
real = models.RestrictedBoltzmannMachine(2, visible="gaussian", seed=0)
real.compile(optimizers.SGD(0.03, momentum=0.5))
real.fit(clouds, epochs=100, batch_size=50, verbose=0)
dreams = real.sample(2000, steps=100)
print("\nW of the Gaussian machine\n", real.kernel.numpy().round(1) + 0.0, "\nb", real.visible_bias.numpy().round(1))
left, right = look(2, (6.8, 3.4))
for place, points, name in ((left, clouds, "data"), (right, dreams, "dreams")):
    place.plot(*points.T, ".", markersize=2)
    label(place, name, "", "", False, xlim=(-6, 6), ylim=(-6, 6), aspect="equal")
sizes_of_W = np.sort(np.abs(real.kernel.numpy()).ravel())  # hidden
assert sizes_of_W[1] < 0.4 and (np.abs(sizes_of_W[2:] - 4) < 0.5).all(), sizes_of_W  # hidden
quarters = np.bincount(2 * (dreams[:, 0] > 0) + (dreams[:, 1] > 0), minlength=4) / 2000  # hidden
assert (np.abs(quarters - 0.25) < 0.1).all(), quarters  # hidden

# %% [markdown]
# ## What the machine does
#
# A dense layer of $n$ inputs and $m$ outputs multiplies a batch of $s$ rows with its weights: $s n m$ multiplications
# and as many additions. A training step does this three times: forward; backward for the gradient of the weights;
# backward for the gradient of the inputs (not for the first layer). So a step costs about $6 s$ operations for each
# weight. That is the work which GPUs made cheap: thousands of multiplications at a time.
#
# `ebbflow` compiles the training for the processor; `with ebb.device("gpu"):` has it done by a GPU that has an OpenCL
# driver, by the same formulas ([devices](../devices.md)). These are the devices of the machine that wrote this page:

# %%
for device in ebb.devices():
    print(device.name)
assert ebb.devices()[0].name == "cpu"  # hidden

# %% [markdown]
# The same training on each of them, from the same seed (`opencl:0`, where there is one, is a driver that runs a GPU's
# kernels on a processor):


# %%
def trained_on(device):
    ebb.set_random_seed(0)
    model = deep_network("relu", "he_normal", depth=2)
    with ebb.device(device):
        return model, model.fit(digits, labels, batch_size=128, epochs=8, verbose=0).history["loss"]


reference, _ = trained_on("cpu")
axes = look(size=(5.5, 3))
for k, device in enumerate(ebb.devices()):
    model, losses = trained_on(device)
    axes.plot(range(1, 9), losses, lw=max(1, 5 - 3 * k), label=device.name)
    pairs = zip(model.get_weights(), reference.get_weights(), strict=True)
    difference = max(np.abs(ours - theirs).max() for ours, theirs in pairs)
    print(f"{device.name}: loss {losses[-1]:.4f}, weights differ from the processor's by at most {difference:.2g}")
    assert difference < 1e-3  # hidden
label(axes, "One training, by device", "epoch", "loss")

# %% [markdown]
# What a step consists of, and what each part costs, can be seen:

# %%
model = deep_network("relu", "he_normal", depth=2)
model.fit(digits, labels, batch_size=128, epochs=1, verbose=0)
costs = model.profile()

shapes = [(64, 64), (64, 64), (64, 10)]
counted = 2 * 128 * (3 * sum(n * m for n, m in shapes) - 64 * 64)
print(f"\noperations of products: {sum(cost.flops for cost in costs):,}, counted by hand: {counted:,}")
assert sum(cost.flops for cost in costs) == counted  # hidden

# %% [markdown]
# Each line is a kernel: a loop nest in which a product and what follows it (bias, activation, even the update of the
# weights) are computed while the numbers are in registers. The column "of peak" compares with all that one core of this
# processor could multiply and add in the same time.
