"""PyTorch: the eager loop of contestants/with_torch.py, member by member; some of them, which are measured for all."""

import torch

from benchmarks.contestants.population.problem import Crowd, Starts, Weights, on_threads, thread_counts
from benchmarks.contestants.problem import data
from benchmarks.contestants.trial import fastest
from benchmarks.contestants.with_torch import Loop, implementations

LOOPED = 2


class Contestant:
    def __init__(self, crowd: Crowd, variant: str, starts: Starts | None = None) -> None:
        self.crowd, self.starts, self.members = crowd, starts or crowd.starts, crowd.some(LOOPED)
        self.examples, network = data(crowd.network), crowd.network
        ways = implementations(network, variant)
        candidates = [(how, threads) for threads in thread_counts() for how in ways]
        self.how = how, threads = fastest({one: Loop(network, self.examples, *one).train for one in candidates})
        self.label = f"PyTorch eager, member by member ({how}, {on_threads(threads)})"

    def train(self) -> list[Weights]:
        return [self._train_alone(member) for member in self.members]

    def _train_alone(self, member: int) -> Weights:
        torch.manual_seed(member)
        loop = Loop(self.crowd.network, self.examples, *self.how)
        loop.optimizer.param_groups[0]["lr"] = self.crowd.rates[member]
        with torch.no_grad():
            for parameter, value in zip(loop.model.parameters(), self.starts(member), strict=True):
                parameter.copy_(torch.from_numpy(value.T.copy()))
        loop.train(self.crowd.epochs)
        return [parameter.detach().numpy().T.copy() for parameter in loop.model.parameters()]
