# ruff: noqa: B905, UP008 (some cells are the lectures' own code)

# %% [markdown]
# # Frameworks: graphs, the lectures' own code, and a whole problem
#
# A framework lets us write a network as formulas, and does the rest: it finds the derivatives and runs everything
# fast. This page shows what it sees of our formulas, runs the code of the lectures with one line changed, and ends with
# a question that every student has.

# %%
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import ebbflow as ebb
import ebbflow.tf as tf
from ebbflow import layers, ops, optimizers, plot

ebb.set_random_seed(4)
random = np.random.default_rng(4)
pictures = Path("pictures")  # where to save drawings
pictures = Path(globals().get("PICTURES", Path(__file__).parent / "pictures"))  # hidden

# %% [markdown]
# ## Computation is data that flows through a graph
#
# While a function computes, a framework notes each operation, and which results went into it. That is a graph: values
# flow along the arrows. Here is that of one perceptron, $\hat y = \sigma(x W + b)$, for a batch of 4 examples.


# %%
def perceptron(x, W, b):
    return ops.sigmoid(x @ W + b)


forward = plot.graph(perceptron, ops.zeros((4, 2)), ops.zeros((2, 1)), ops.zeros((1,)))
forward.save(pictures / "frameworks-perceptron.svg")
print(repr(forward))
titles = [box.title for box in forward.boxes]  # hidden
assert {"x", "W", "b", "output"} < set(titles) and len(forward.edges) >= 5, titles  # hidden

# %% [markdown]
# ![a perceptron as a graph](pictures/frameworks-perceptron.svg)
#
# A derivative is found by walking back along the arrows, and this walk is made of operations, too. So the gradient of
# a loss is just a larger graph. And so is a whole step of training: forward, backward, and the update of the weights.
# Below, the weights that were read are on top, and the new ones at the bottom. ebbflow compiles such a graph, with the
# loop over batches and epochs around it, to one program of machine code.

# %%
W, b = ebb.Variable(ops.zeros((2, 1)), name="W"), ebb.Variable(ops.zeros((1,)), name="b")


def step(x, y):
    with ebb.GradientTape() as tape:
        loss = ops.mean(ops.square(perceptron(x, W, b) - y))
    dW, db = tape.gradient(loss, [W, b])
    W.assign(W - 0.1 * dW)
    b.assign(b - 0.1 * db)
    return loss


whole = plot.graph(step, ops.zeros((4, 2)), ops.zeros((4, 1)))
whole.save(pictures / "frameworks-step.svg")
print(f"{len(forward.boxes)} boxes for the prediction, {len(whole.boxes)} for the step of training")
assert {"new W", "new b"} < {box.title for box in whole.boxes}  # hidden
assert not W.numpy().any()  # hidden

# %% [markdown]
# ![a step of training as a graph](pictures/frameworks-step.svg)
#
# Look at `sigmoid`: going forward its value is needed once, and coming back it is needed again, since its derivative is
# $\hat y\,(1 - \hat y)$. That is why the forward pass stores what it computes.
#
# Of a model one rather wants to see its layers. Layers may branch and meet again, as in this one, which adds to what a
# layer has made what the layer was given.


# %%
class Residual(ebb.Model):
    def __init__(self):
        super().__init__()
        self.widen = layers.Dense(16, activation="relu", name="widen")
        self.think = layers.Dense(16, activation="relu", name="think")
        self.answer = layers.Dense(3, activation="softmax", name="answer")

    def call(self, inputs):
        h = self.widen(inputs)
        return self.answer(h + self.think(h))


model = Residual()
model(np.zeros((1, 8)))
drawing = plot.graph(model)
drawing.save(pictures / "frameworks-layers.svg")
assert {"widen", "think", "answer"} < {box.title for box in drawing.boxes}  # hidden

# %% [markdown]
# ![layers as a graph](pictures/frameworks-layers.svg)
#
# ## The code of the lectures
#
# The lectures are written in TensorFlow. Their code runs here with one line changed: `import ebbflow.tf as tf` in place
# of `import tensorflow as tf`. First, tensors. TensorFlow once only built the graph, and a session computed it; here
# everything has its value at once, and a session hands it out.

# %%
a = tf.constant([1, 2, 3])
b = tf.constant(4, shape=[1, 3])

A = a + b
B = a * b

print(A)

sess = tf.Session()
print(sess.run(A))
print(sess.run(B))
assert sess.run(A).tolist() == [[5, 6, 7]] and sess.run(B).tolist() == [[4, 8, 12]]  # hidden

# %% [markdown]
# Activations, a dense layer from scratch, and the one of the library. What slides write in a hurry, such as
# `add_weight([n, m])`, `Dropout(p=0.5)` or `tf.keras.optimizer.SGD`, is understood as well.


# %%
class MyDenseLayer(tf.keras.layers.Layer):
    def __init__(self, input_dim, output_dim):
        super(MyDenseLayer, self).__init__()

        # Initialize weights and bias
        self.W = self.add_weight([input_dim, output_dim])
        self.b = self.add_weight([1, output_dim])

    def call(self, inputs):
        # Forward propagate the inputs
        z = tf.matmul(inputs, self.W) + self.b

        # Feed through a non-linear activation
        output = tf.math.sigmoid(z)

        return output


z = tf.constant([-2.0, 0.0, 2.0])
print("sigmoid", tf.math.sigmoid(z).numpy(), " tanh", tf.math.tanh(z).numpy(), " ReLU", tf.nn.relu(z).numpy())

x = tf.random.normal([4, 3])
print("from scratch", MyDenseLayer(3, 2)(x).shape, " of the library", tf.keras.layers.Dense(units=2)(x).shape)
assert MyDenseLayer(3, 2)(x).shape == tf.keras.layers.Dense(units=2)(x).shape == (4, 2)  # hidden

# %% [markdown]
# A deep network, with dropout, as `Sequential`:

# %%
model = tf.keras.Sequential(
    [
        tf.keras.layers.Dense(32, activation="relu"),
        tf.keras.layers.Dropout(p=0.5),
        tf.keras.layers.Dense(32, activation="tanh"),
        tf.keras.layers.Dense(2),
    ]
)
print(model(x).shape)
print("half is dropped in training:", tf.nn.dropout(tf.ones([12]), rate=0.5, seed=2).numpy())
share = float(tf.reduce_mean(tf.cast(tf.nn.dropout(tf.ones([100, 100]), rate=0.1) == 0, tf.float32)))
print(f"rate = 0.1 drops {share:.1%}")
assert abs(share - 0.1) < 0.02  # hidden

# %% [markdown]
# The losses, word by word:

# %%
predicted, y = tf.random.normal([6, 2]), tf.one_hot([0, 1, 1, 0, 1, 0], 2)

cross_entropy = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(y, predicted))
squared_error = tf.reduce_mean(tf.square(tf.subtract(y, predicted)))
print(f"cross-entropy {float(cross_entropy):.3f}, mean squared error {float(squared_error):.3f}")
p = tf.nn.softmax(predicted).numpy()  # hidden
assert np.isclose(float(cross_entropy), -np.mean(np.log((p * y.numpy()).sum(1))), rtol=1e-5)  # hidden

# %% [markdown]
# Gradient descent. The slides leave open what `compute_loss` is and when to stop; here the loss is lowest at 3, and we
# stop when the gradient is small.


# %%
def compute_loss(weights):
    return tf.reduce_sum(tf.square(weights - 3.0))


lr, steps = 0.1, 0
weights = tf.Variable([tf.random.normal()])
while True:
    with tf.GradientTape() as g:
        loss = compute_loss(weights)
        gradient = g.gradient(loss, weights)  # backpropagation

    weights = weights - lr * gradient
    steps += 1
    if tf.norm(gradient) < 1e-4:
        break
print(f"after {steps} steps: {weights.numpy()}")
assert abs(float(weights[0]) - 3) < 1e-3  # hidden

# %% [markdown]
# And a network with an optimizer of one's choice. One thing must not be copied from some slides: the forward pass has
# to stand *inside* the tape, or there is nothing to walk back along.

# %%
x = random.normal(size=(64, 2)).astype(np.float32)
y = (x[:, :1] * x[:, 1:]).astype(np.float32)

favorites = {
    "keras.optimizer.SGD": tf.keras.optimizer.SGD(learning_rate=0.1),
    "keras.optimizers.Adam": tf.keras.optimizers.Adam(learning_rate=0.01),
    "train.MomentumOptimizer": tf.train.MomentumOptimizer(0.05, momentum=0.9),
    "train.AdagradOptimizer": tf.train.AdagradOptimizer(0.1),
    "train.AdadeltaOptimizer": tf.train.AdadeltaOptimizer(1.0),
    "train.AdamOptimizer": tf.train.AdamOptimizer(0.01),
    "train.RMSPropOptimizer": tf.train.RMSPropOptimizer(0.01),
}
for name, optimizer in favorites.items():
    tf.random.set_seed(0)
    model = tf.keras.Sequential(
        [tf.keras.layers.Dense(8, "tanh", name="hidden"), tf.keras.layers.Dense(1, name="output")]
    )
    seen = []
    for _ in range(100):
        with tf.GradientTape() as tape:
            # forward pass through the network
            prediction = model(x)
            # compute the loss
            loss = tf.reduce_mean(tf.square(tf.subtract(y, prediction)))
        # update the weights using the gradient
        grads = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(grads, model.trainable_variables))
        seen.append(float(loss))
    print(f"tf.{name:23} loss {seen[0]:.3f} -> {seen[-1]:.3f}")
    assert seen[-1] < 0.9 * seen[0]  # hidden

# %% [markdown]
# With the forward pass too early, this is what one gets:

# %%
prediction = model(x)
with tf.GradientTape() as tape:
    loss = tf.reduce_mean(tf.square(tf.subtract(y, prediction)))
grads = tape.gradient(loss, model.trainable_variables)
try:
    optimizer.apply_gradients(zip(grads, model.trainable_variables))
    raise AssertionError  # hidden
except ValueError as error:
    print(error)
    assert "inside the tape" in str(error)  # hidden

# %% [markdown]
# Such a loop in Python is for learning and trying. `compile` and `fit` do the same, as one compiled program. With
# the last of these optimizers, and the same weights to begin with, it comes to the same loss:

# %%
tf.random.set_seed(0)
model = tf.keras.Sequential([tf.keras.layers.Dense(8, activation="tanh"), tf.keras.layers.Dense(1)])
model.compile(tf.train.RMSPropOptimizer(0.01), "mse")
fitted = model.fit(x, y, batch_size=64, epochs=100, shuffle=False, verbose=0).history["loss"]
print(f"compiled: loss {fitted[0]:.3f} -> {fitted[-1]:.3f}")
assert np.isclose(fitted[-1], seen[-1], rtol=0.05)  # hidden

# %% [markdown]
# ## Will I pass this class?
#
# Two features decide: $x_1$, the lectures attended, and $x_2$, the hours spent on the final project. The network has
# one hidden layer of three units. The students of earlier years are made up, by a rule that we know and the network
# does not: effort of one kind can make up for the other, and luck plays a part.


# %%
def chance(x):
    return 1 / (1 + np.exp(5 - 0.6 * x[:, 0] - 0.4 * x[:, 1] - 0.03 * x[:, 0] * x[:, 1]))


def students(count):
    x = np.stack([random.integers(0, 11, count), random.uniform(0, 25, count)], axis=1).astype(np.float32)
    return x, (random.random(count) < chance(x)).astype(np.float32)


x, passed = students(5000)
new_x, new_passed = students(1000)
me = np.array([[4.0, 5.0]], np.float32)  # 4 lectures, 5 hours

scale = layers.Normalization()
scale.adapt(x)
network = ebb.Sequential([scale, layers.Dense(3, activation="tanh"), layers.Dense(1, activation="sigmoid")])
network.compile(optimizers.Adam(0.02), "binary_crossentropy", metrics=["accuracy"])
before = float(network.predict(me, verbose=0)[0, 0])
untrained_loss, untrained_accuracy = network.evaluate(new_x, new_passed, verbose=0)
print(f"before training: I pass with probability {before:.2f}")
print(f"but of 1,000 others it foretells {untrained_accuracy:.1%}, with cross-entropy {untrained_loss:.3f}")

# %% [markdown]
# Such an answer is worth nothing: the network has seen no student yet. So we train it, and stop when the validation
# loss has not become better for ten epochs.

# %%
_, panels = plt.subplots(1, 2, figsize=(8.6, 3.4), layout="constrained")
look = {"feature_names": ("lectures attended", "hours on the project"), "class_names": ("failed", "passed")}
plot.decision_regions(network, x[:200], passed[:200], axes=panels[0], **look).set_title("Untrained", fontsize=11)

stop = ebb.callbacks.EarlyStopping(patience=10, restore_best_weights=True)
network.fit(x, passed, epochs=100, validation_split=0.2, callbacks=[stop], verbose=0)
plot.decision_regions(network, x[:200], passed[:200], axes=panels[1], **look).set_title("Trained", fontsize=11)
for axes in panels:
    axes.plot(*me[0], "k*", markersize=14, markeredgecolor="white", zorder=4)
    axes.annotate("me", me[0], (7, 5), textcoords="offset points", weight="bold")

loss, accuracy = network.evaluate(new_x, new_passed, verbose=0)
after, truth = float(network.predict(me, verbose=0)[0, 0]), float(chance(me)[0])
best = np.mean((chance(new_x) > 0.5) == new_passed)
print(f"after training: I pass with probability {after:.2f}; by the rule it is {truth:.2f}")
print(f"of 1,000 others it foretells {accuracy:.1%}, with cross-entropy {loss:.3f}")
print(f"who knows the rule foretells {best:.1%}")
off = np.abs(network.predict(new_x, verbose=0)[:, 0] - chance(new_x)).mean()
print(f"its probabilities are off by {off:.3f} in the mean")
assert accuracy > max(untrained_accuracy, best - 0.03) and abs(after - truth) < 0.25 and off < 0.04  # hidden

# %% [markdown]
# The network has found the rule from its examples, as well as they show it: nobody can foretell luck. The same as a
# program to call with lectures and hours of your own is [examples/will_i_pass.py](../../examples/will_i_pass.py).
