"""Initializers: distributions, seeds, names and configs."""

import numpy as np
import pytest

from bigdl_keras import initializers, registry
from bigdl_keras.initializers.random import fans


@pytest.mark.parametrize(("shape", "expected"), [
    ((), (1, 1)), ((7,), (7, 7)), ((3, 5), (3, 5)), ((2, 4, 3, 5), (24, 40)),
])
def test_fans(shape, expected):
    assert fans(shape) == expected


def test_fans_of_chosen_axes():
    assert fans((4, 2, 8), input_axes=[0], output_axes=[1, 2]) == (4, 16)


@pytest.mark.parametrize(("initializer", "stddev", "bound"), [
    (initializers.RandomNormal(0.0, 0.2, seed=1), 0.2, None),
    (initializers.RandomUniform(-0.3, 0.3, seed=1), 0.3 / 3**0.5, 0.3),
    (initializers.TruncatedNormal(0.0, 0.5, seed=1), 0.5 * 0.8796256, 1.0),
    (initializers.GlorotUniform(seed=1), (2 / 500) ** 0.5, (6 / 500) ** 0.5),
    (initializers.GlorotNormal(seed=1), (2 / 500) ** 0.5, 2 * (2 / 500) ** 0.5 / 0.8796256),
    (initializers.HeUniform(seed=1), (2 / 300) ** 0.5, (6 / 300) ** 0.5),
    (initializers.HeNormal(seed=1), (2 / 300) ** 0.5, None),
    (initializers.LecunUniform(seed=1), (1 / 300) ** 0.5, (3 / 300) ** 0.5),
    (initializers.LecunNormal(seed=1), (1 / 300) ** 0.5, None),
    (initializers.VarianceScaling(3.0, "fan_out", "untruncated_normal", seed=1), (3 / 200) ** 0.5, None),
])
def test_distribution(initializer, stddev, bound):
    values = initializer((300, 200))
    assert values.dtype == np.float32 and values.shape == (300, 200)
    np.testing.assert_allclose(values.std(), stddev, rtol=0.02)
    assert abs(values.mean()) < 0.02 * stddev * 3
    if bound is not None:
        assert np.abs(values).max() <= bound * 1.00001


@pytest.mark.parametrize("shape", [(6, 4), (4, 6), (3, 3, 2, 5)])
def test_orthogonal(shape):
    matrix = initializers.Orthogonal(gain=2.0, seed=0)(shape).reshape(-1, shape[-1]).astype(np.float64)
    product = matrix @ matrix.T if matrix.shape[0] < matrix.shape[1] else matrix.T @ matrix
    np.testing.assert_allclose(product, 4.0 * np.eye(len(product)), atol=1e-5)


def test_constants():
    assert (initializers.get("zero")((2, 3)) == 0).all() and (initializers.get("ones")((2,)) == 1).all()
    np.testing.assert_array_equal(initializers.Constant([1, 2])((3, 2), "float64"), [[1.0, 2.0]] * 3)
    np.testing.assert_array_equal(initializers.Identity(2.0)((2, 3)), [[2, 0, 0], [0, 2, 0]])


@pytest.mark.parametrize(("side", "window", "scaling", "periodic"), [
    ("real", "hann", "density", False), ("imag", "hamming", "spectrum", True), ("real", None, "density", False),
    ("imag", [1.0, 2.0, 3.0, 2.0, 1.0], None, False), ("real", "blackman", None, False), ("real", "boxcar", None, True),
])
def test_stft_is_half_a_fourier_transform(side, window, scaling, periodic):
    kernel = initializers.STFT(side, window, scaling, periodic)((5, 1, 5))
    points = 6 if periodic else 5
    weights = {"hann": np.hanning(points), "hamming": np.hamming(points), "blackman": np.blackman(points),
               "boxcar": np.ones(points), None: np.ones(5)}[window][:5] if window is None or isinstance(window, str) \
        else np.array(window)
    scale = {"density": np.sqrt((weights**2).sum()), "spectrum": weights.sum(), None: 1.0}[scaling if window else None]
    x = np.arange(5.0) ** 2
    spectrum = np.fft.rfft(x * weights / scale, 8)
    assert kernel.shape == (5, 1, 5) and kernel.dtype == np.float32
    np.testing.assert_allclose(x @ kernel[:, 0], getattr(spectrum, side), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("make", "message"), [
    (lambda: initializers.STFT("both"), "`side` of STFT"),
    (lambda: initializers.STFT(window="flat"), "`window` of STFT"),
    (lambda: initializers.STFT(scaling="power"), "`scaling` of STFT"),
    (lambda: initializers.STFT(window=[1.0])((3, 1, 2)), "3 weights"), (lambda: initializers.STFT()((3, 2)), "kernels"),
])
def test_stft_refuses(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_seed_of_its_own_repeats_and_the_shared_one_does_not():
    own = initializers.GlorotUniform(seed=5)
    np.testing.assert_array_equal(own((4, 4)), own((4, 4)))
    shared = initializers.GlorotUniform()
    initializers.set_seed(3)
    first, second = shared((4, 4)), shared((4, 4))
    assert not np.array_equal(first, second)
    initializers.set_seed(3)
    np.testing.assert_array_equal(shared((4, 4)), first)


@pytest.mark.parametrize("name", registry.names("initializer"))
def test_config_round_trip(name):
    initializer = initializers.get(name)
    again = initializers.get(initializers.serialize(initializer))
    assert type(again) is type(initializer) and again.get_config() == initializer.get_config()


@pytest.mark.parametrize(("identifier", "expected"), [
    ("glorot_uniform", initializers.GlorotUniform), ("GlorotUniform", initializers.GlorotUniform),
    ("uniform", initializers.RandomUniform), ("normal", initializers.RandomNormal),
    (initializers.HeNormal, initializers.HeNormal), ("orthogonal", initializers.Orthogonal),
    ({"class_name": "RandomNormal", "config": {"mean": 0.0, "stddev": 1.0, "seed": None, "dtype": "float32"}},
     initializers.RandomNormal),
])
def test_get(identifier, expected):
    assert isinstance(initializers.get(identifier), expected)


def test_functions_and_custom_objects():
    def halves(shape, dtype=None):
        return np.full(shape, 0.5, dtype)

    assert initializers.get(halves) is halves and initializers.serialize(halves) == "halves"
    assert initializers.get("halves", {"halves": halves}) is halves
    assert initializers.get(None) is None


def test_errors():
    with pytest.raises(ValueError, match="Did you mean 'GlorotUniform'"):
        initializers.get("GlorotUnifrm")
    with pytest.raises(TypeError, match="function of"):
        initializers.get(3)
    with pytest.raises(ValueError, match="at least 2 axes"):
        initializers.Orthogonal()((3,))
    with pytest.raises(ValueError, match="`mode` must be one of"):
        initializers.VarianceScaling(mode="fan")
