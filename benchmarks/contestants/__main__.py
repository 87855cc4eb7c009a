"""A contestant in a process of its own: python -m benchmarks.contestants MODULE VARIANT NETWORK SECONDS.

NETWORK is JSON. The process warms up, writes one line of JSON about itself, and then for every line it reads trains for
about SECONDS and writes the seconds that one step took. A variant that ends in "on one core" is held to one core by the
system, since the library's own settings of its threads may be incomplete.
"""

import importlib
import json
import math
import os
import sys
import time

from benchmarks.contestants.problem import Network, loss

CHECKED_EPOCHS = 5


def seconds_of(contestant: object, epochs: int) -> float:
    start = time.perf_counter()
    contestant.train(epochs)  # type: ignore[attr-defined]
    return time.perf_counter() - start


def say(**what: object) -> None:
    print(json.dumps(what), flush=True)


def main(module: str, variant: str, description: str, seconds: float) -> None:
    network = Network.from_json(description)
    if variant.endswith("on one core"):
        if not hasattr(os, "sched_setaffinity"):
            say(skipped="this system cannot hold a process to one core")
            return
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    try:
        contestant = importlib.import_module(f"benchmarks.contestants.{module}").Contestant(network, variant)
    except ModuleNotFoundError as error:
        say(skipped=f"{error.name} is not installed")
        return
    except NotImplementedError as error:
        say(skipped=str(error))
        return
    times = [seconds_of(contestant, 1) for _ in range(CHECKED_EPOCHS)]  # the first compiles
    reached = loss(network, contestant.weights())
    epochs = max(1, math.ceil(seconds / min(times)))
    if epochs > 1:
        seconds_of(contestant, epochs)
    say(label=contestant.label, loss=reached)
    for _ in sys.stdin:
        say(seconds=seconds_of(contestant, epochs) / (epochs * network.steps))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], float(sys.argv[4]))
