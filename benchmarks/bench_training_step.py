"""One training step (forward, backward, Adam) against PyTorch, on one thread each: how fast are we, as a ratio?

Same weights, same batch, same loss: the first loss of both must agree before anything is timed.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass

import harness

harness.one_thread()

import numpy as np  # noqa: E402
import torch  # noqa: E402
from torch import nn  # noqa: E402

import bigdl_keras as bk  # noqa: E402

OURS, THEIRS = "bigdl_keras", "torch"


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


def steps(case: Case) -> dict[str, Callable[[], float]]:
    """One training step of each contender; each answers with its loss before the step."""
    random = np.random.default_rng(0)
    x = random.standard_normal((case.batch, *case.input_shape)).astype("float32")
    y = random.integers(0, 10, case.batch)

    model = bk.Sequential([bk.Input(case.input_shape), *case.ours()])
    model.compile(optimizer=bk.optimizers.Adam(),
                  loss=bk.losses.SparseCategoricalCrossentropy(from_logits=True))

    net = case.theirs()
    copy_weights(model.get_weights(), net)
    images = len(case.input_shape) == 3
    torch_x = torch.from_numpy(x).permute(0, 3, 1, 2) if images else torch.from_numpy(x)  # a view: channels last
    torch_y = torch.from_numpy(y)
    optimizer = torch.optim.Adam(net.parameters(), eps=1e-7, fused=True)
    criterion = nn.CrossEntropyLoss()

    def theirs() -> float:
        optimizer.zero_grad(set_to_none=True)
        loss = criterion(net(torch_x), torch_y)
        loss.backward()
        optimizer.step()
        return loss.item()

    def ours() -> float:
        return float(np.asarray(model.train_on_batch(x, y)).reshape(-1)[0])

    return {OURS: ours, THEIRS: theirs}


def main() -> None:
    """Measure the cases that were asked for and print one line each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--case", action="append", choices=list(CASES), help="may be given several times; default: all")
    parser.add_argument("--blocks", type=int, default=12, help="blocks of 0.2 s per contender")
    arguments = parser.parse_args()
    torch.set_num_threads(1)

    results = {}
    print(f"torch {torch.__version__}, one thread each; speed = torch's time / ours, above 1 is faster than torch")
    print(f"{'case':<8} {'ours ms':>9} {'torch ms':>9} {'speed by median':>16} {'by minimum':>11} {'aim':>5}")
    for name in arguments.case or CASES:
        case = CASES[name]
        contenders = steps(case)
        first = {contender: run() for contender, run in contenders.items()}
        if abs(first[OURS] - first[THEIRS]) > 1e-3:
            raise SystemExit(f"{name}: the first losses differ, {first}: the two networks are not the same.")
        timings = harness.compare(contenders, blocks=arguments.blocks)
        ratio = harness.speed(timings, OURS, THEIRS)
        print(f"{name:<8} {timings[OURS].median:>9.2f} {timings[THEIRS].median:>9.2f} {ratio['by_median']:>16.2f} "
              f"{ratio['by_minimum']:>11.2f} {case.aim:>5}", flush=True)
        results[name] = {"timings_ms": timings, "speed": ratio, "aim": case.aim, "first_loss": first}
    print(f"written to {harness.write('training_step', {'torch': torch.__version__, 'cases': results})}")


if __name__ == "__main__":
    main()
