"""One call makes a whole program repeatable."""

import random

import numpy as np

from bigdl_keras import initializers


def test_set_random_seed_covers_all_generators():
    def draw():
        initializers.set_random_seed(11)
        return [*initializers.HeNormal()((2, 2)).ravel(), random.random(), *np.random.rand(2), initializers.draw_seed()]  # noqa: NPY002

    assert draw() == draw()


def test_layers_called_on_arrays_draw_the_same_again():
    from bigdl_keras.layers import Dropout

    ones = np.ones((4, 50), "float32")

    def draw():
        initializers.set_random_seed(11)
        layer = Dropout(0.5)
        return layer(ones, training=True), layer(ones, training=True)

    (first, second), (again, _) = draw(), draw()
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, second)
