"""Will I pass this class? A network of two features answers with a probability.

    python examples/will_i_pass.py [LECTURES HOURS]

The features are the lectures attended and the hours spent on the final project; the students, and the rule by which
they passed, are invented below. Without arguments it asks for somebody who attended 4 lectures and worked for 5 hours.
"""

import sys

import numpy as np

import ebbflow as ebb

SEED = 1


def students(count: int, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """(lectures, hours) of each, and whether they passed: probably, if enough of one makes up for the other."""
    x = np.stack([random.integers(0, 11, count), random.uniform(0, 25, count)], axis=1)
    effort = 0.6 * x[:, 0] + 0.4 * x[:, 1] + 0.03 * x[:, 0] * x[:, 1]
    passed = random.random(count) < 1 / (1 + np.exp(5 - effort))
    return x.astype(np.float32), passed.astype(np.int32)


def trained(x: np.ndarray, y: np.ndarray) -> ebb.Sequential:
    """A network with three hidden units, as on a blackboard, that has seen these students."""
    scale = ebb.layers.Normalization()
    scale.adapt(x)
    model = ebb.Sequential([scale, ebb.layers.Dense(3, activation="tanh"), ebb.layers.Dense(1, activation="sigmoid")])
    model.compile(ebb.optimizers.Adam(0.02), "binary_crossentropy", metrics=["accuracy"])
    stop = ebb.callbacks.EarlyStopping(patience=10, restore_best_weights=True)
    model.fit(x, y, epochs=100, validation_split=0.2, callbacks=[stop], verbose=0)
    return model


def main(lectures: float, hours: float) -> None:
    ebb.set_random_seed(SEED)
    random = np.random.default_rng(SEED)
    model = trained(*students(2_000, random))
    loss, accuracy = model.evaluate(*students(1_000, random), verbose=0)
    print(f"1,000 other students: {accuracy:.1%} foretold right, cross-entropy {loss:.3f}")
    (probability,) = model.predict(np.array([[lectures, hours]]), verbose=0)[0]
    print(f"{lectures:g} lectures and {hours:g} hours: passes with probability {probability:.2f}")


if __name__ == "__main__":
    main(*(map(float, sys.argv[1:3]) if len(sys.argv) == 3 else (4.0, 5.0)))
