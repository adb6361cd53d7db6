"""Random numbers belong to a row's place in the global batch, whichever worker draws them."""

from __future__ import annotations

import numpy as np
import pytest

from bigdl_keras.kernels import KERNELS
from bigdl_keras.kernels.random import Draws


def draws(places: np.ndarray | None, iteration: int = 5, step: int = 2) -> Draws:
    return Draws(seed=11, iteration=iteration, step=step, places=places)


@pytest.mark.parametrize("shape", [(3,), (7, 3), (2, 2)])
@pytest.mark.parametrize("method", ["uniform", "normal", "words"])
def test_workers_draw_what_one_worker_draws(method: str, shape: tuple[int, ...]) -> None:
    whole = getattr(draws(np.arange(300)), method)((300, *shape))
    for places in (np.arange(120, 130), np.array([3, 250, 4, 5, 90]), np.arange(0, 300, 7), np.array([299, 0])):
        part = getattr(draws(places), method)((len(places), *shape))
        np.testing.assert_array_equal(part, whole[places])


def test_time_steps_folded_into_the_batch_axis_follow_their_row() -> None:
    whole = draws(np.arange(6)).uniform((6, 4, 3))
    part = draws(np.array([2, 5])).uniform((2 * 4, 3))
    np.testing.assert_array_equal(part.reshape(2, 4, 3), whole[[2, 5]])


def test_iterations_steps_and_repeated_draws_differ() -> None:
    places = np.arange(4)
    first = draws(places)
    seen = [
        first.uniform((4, 9)),
        first.uniform((4, 9)),
        draws(places, iteration=6).uniform((4, 9)),
        draws(places, step=3).uniform((4, 9)),
    ]
    for index, one in enumerate(seen):
        for other in seen[index + 1 :]:
            assert not np.intersect1d(one, other).size > 1


def test_distributions() -> None:
    uniform = draws(np.arange(1000)).uniform((1000, 100))
    assert uniform.dtype == np.float32
    assert uniform.min() >= 0 and uniform.max() < 1
    assert abs(uniform.mean() - 0.5) < 0.003
    assert abs(uniform.var() - 1 / 12) < 0.001
    normal = draws(np.arange(1000)).normal((1000, 100))
    assert abs(normal.mean()) < 0.01
    assert abs(normal.std() - 1) < 0.01
    assert np.isfinite(normal).all()
    whole = draws(None).integers(-2, 5, (10000,))
    assert whole.dtype == np.int32
    assert set(np.unique(whole)) == set(range(-2, 5))


def test_dropout_keeps_the_mean_and_drops_the_rate() -> None:
    x = np.ones((500, 100), np.float32)
    y, _ = KERNELS["dropout"].forward(x, rate=0.3, draws=draws(np.arange(500)))
    assert abs(np.mean(y == 0) - 0.3) < 0.01
    np.testing.assert_allclose(y[y > 0], 1 / 0.7, rtol=1e-6)
    z, _ = KERNELS["dropout"].forward(
        x.reshape(500, 10, 10), rate=0.3, noise_shape=(None, 1, None), draws=draws(np.arange(500))
    )
    np.testing.assert_array_equal(z, np.broadcast_to(z[:, :1], z.shape))


def test_alpha_dropout_keeps_mean_and_deviation() -> None:
    x = draws(np.arange(1000), step=9).normal((1000, 100))
    y, _ = KERNELS["alpha_dropout"].forward(x, rate=0.2, draws=draws(np.arange(1000)))
    assert abs(y.mean()) < 0.02
    assert abs(y.std() - 1) < 0.02


def test_a_worker_without_rows_draws_nothing() -> None:
    assert draws(np.zeros(0, np.int64)).uniform((0, 4)).shape == (0, 4)
