"""One call makes a whole program repeatable."""

import random

import numpy as np

from bigdl_keras import initializers


def test_set_random_seed_covers_all_generators():
    def draw():
        initializers.set_random_seed(11)
        return [*initializers.HeNormal()((2, 2)).ravel(), random.random(), *np.random.rand(2), initializers.draw_seed()]  # noqa: NPY002

    assert draw() == draw()
