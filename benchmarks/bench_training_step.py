"""One training step (forward, backward, Adam) against PyTorch, on one thread each: how fast are we, as a ratio?

Same weights, same batch, same loss: the first losses must agree before anything is timed. PyTorch runs twice: as most
people write it (`torch.optim.Adam(parameters)`), and with the fused Adam that one can ask for.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import harness

harness.one_thread()

import numpy as np  # noqa: E402
import torch  # noqa: E402
from torch import nn  # noqa: E402

import bigdl_keras as bk  # noqa: E402

OURS, THEIRS, FUSED = "bigdl_keras", "torch", "torch with fused Adam"


class Reordered(nn.Module):
    """Flatten in the order of Keras: height, width, channels."""

    def forward(self, x):
        return x.permute(0, 2, 3, 1).flatten(1)


class LastStep(nn.Module):
    """The output of the last time step of a recurrent layer."""

    def __init__(self, recurrent):
        super().__init__()
        self.recurrent = recurrent

    def forward(self, x):
        return self.recurrent(x)[0][:, -1]


@dataclass(frozen=True)
class Case:
    """One network, written twice."""

    aim: float  # least speed that is asked for, as a multiple of torch's
    batch: int
    input_shape: tuple[int, ...]
    ours: Callable[[], list]
    theirs: Callable[[], nn.Module]


def mlp() -> list:
    return [bk.layers.Dense(512, activation="relu"), bk.layers.Dense(512, activation="relu"), bk.layers.Dense(10)]


def torch_mlp() -> nn.Module:
    return nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10))


def lenet() -> list:
    return [
        bk.layers.Conv2D(6, 5, activation="relu"), bk.layers.MaxPooling2D(2),
        bk.layers.Conv2D(16, 5, activation="relu"), bk.layers.MaxPooling2D(2), bk.layers.Flatten(),
        bk.layers.Dense(120, activation="relu"), bk.layers.Dense(84, activation="relu"), bk.layers.Dense(10),
    ]


def torch_lenet() -> nn.Module:
    net = nn.Sequential(
        nn.Conv2d(1, 6, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), Reordered(),
        nn.Linear(256, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
    )
    return net.to(memory_format=torch.channels_last)


def lstm() -> list:
    return [bk.layers.LSTM(128), bk.layers.Dense(10)]


def torch_lstm() -> nn.Module:
    return nn.Sequential(LastStep(nn.LSTM(64, 128, batch_first=True)), nn.Linear(128, 10))


CASES = {
    "mlp": Case(1.0, 128, (784,), mlp, torch_mlp),
    "lenet5": Case(0.5, 128, (28, 28, 1), lenet, torch_lenet),
    "lstm": Case(0.75, 64, (100, 64), lstm, torch_lstm),
}


def copy_weights(weights: list[np.ndarray], net: nn.Module) -> None:
    """Give `net` the weights of the Keras-style model."""
    left = [torch.from_numpy(np.array(weight)) for weight in weights]
    with torch.no_grad():
        for module in net.modules():
            if isinstance(module, nn.Linear):
                module.weight.copy_(left.pop(0).T)
                module.bias.copy_(left.pop(0))
            elif isinstance(module, nn.Conv2d):
                module.weight.copy_(left.pop(0).permute(3, 2, 0, 1))
                module.bias.copy_(left.pop(0))
            elif isinstance(module, nn.LSTM):  # both libraries order the gates i, f, c, o
                module.weight_ih_l0.copy_(left.pop(0).T)
                module.weight_hh_l0.copy_(left.pop(0).T)
                module.bias_ih_l0.copy_(left.pop(0))
                module.bias_hh_l0.zero_()
    assert not left, f"{len(left)} weights found no place."


def our_step(case: Case, x: np.ndarray, y: np.ndarray) -> tuple[Callable[[], float], list[np.ndarray]]:
    """Our training step, which answers with its loss, and the weights that it starts from."""
    model = bk.Sequential([bk.Input(case.input_shape), *case.ours()])
    model.compile(optimizer=bk.optimizers.Adam(),
                  loss=bk.losses.SparseCategoricalCrossentropy(from_logits=True))
    weights = [np.array(weight) for weight in model.get_weights()]
    return lambda: float(np.asarray(model.train_on_batch(x, y)).reshape(-1)[0]), weights


def torch_step(case: Case, x: np.ndarray, y: np.ndarray, weights: list[np.ndarray],
               fused: bool) -> Callable[[], float]:
    """PyTorch's training step from the same weights."""
    net = case.theirs()
    copy_weights(weights, net)
    inputs = torch.from_numpy(x)
    if inputs.ndim == 4:
        inputs = inputs.permute(0, 3, 1, 2)  # a view: channels last
    labels = torch.from_numpy(y)
    optimizer = torch.optim.Adam(net.parameters(), eps=1e-7, fused=fused)
    criterion = nn.CrossEntropyLoss()

    def step() -> float:
        optimizer.zero_grad(set_to_none=True)
        loss = criterion(net(inputs), labels)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def contenders(case: Case) -> dict[str, Callable[[], float]]:
    """One training step of each, on the same batch and from the same weights."""
    random = np.random.default_rng(0)
    x = random.standard_normal((case.batch, *case.input_shape)).astype("float32")
    y = random.integers(0, 10, case.batch)
    ours, weights = our_step(case, x, y)
    return {OURS: ours, THEIRS: torch_step(case, x, y, weights, fused=False),
            FUSED: torch_step(case, x, y, weights, fused=True)}


def measure(name: str, blocks: int) -> dict[str, Any]:
    """Time one case and print its line."""
    case = CASES[name]
    steps = contenders(case)
    first = {contender: run() for contender, run in steps.items()}
    if max(first.values()) - min(first.values()) > 1e-3:
        raise SystemExit(f"{name}: the first losses differ, {first}: the networks are not the same.")
    timings = harness.compare(steps, blocks=blocks)
    speeds = {contender: harness.speed(timings, OURS, contender) for contender in (THEIRS, FUSED)}
    times = " ".join(f"{timings[contender].median:>9.2f}" for contender in steps)
    ratios = " ".join(f"{ratio:>10.2f}" for speed in speeds.values() for ratio in speed.values())
    print(f"{name:<8} {times} {ratios} {case.aim:>6}", flush=True)
    return {"timings_ms": timings, "speed_against": speeds, "aim": case.aim, "first_loss": first}


def main() -> None:
    """Measure the cases that were asked for and print one line each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--case", action="append", choices=list(CASES), help="may be given several times; default: all")
    parser.add_argument("--blocks", type=int, default=12, help="blocks of 0.2 s per contender")
    arguments = parser.parse_args()
    torch.set_num_threads(1)

    print(f"torch {torch.__version__}, one thread each. Median times in ms. Speed is torch's time / ours, by median "
          "and by minimum: above 1 we are faster.")
    print(f"{'':<8} {'':>9} {'':>9} {'torch':>9} {'-- against torch --':>21} {'- against fused --':>21}")
    print(f"{'case':<8} {'ours':>9} {'torch':>9} {'fused':>9} {'median':>10} {'minimum':>10} {'median':>10} "
          f"{'minimum':>10} {'aim':>6}")
    results = {name: measure(name, arguments.blocks) for name in arguments.case or CASES}
    print(f"written to {harness.write('training_step', {'torch': torch.__version__, 'cases': results})}")


if __name__ == "__main__":
    main()
