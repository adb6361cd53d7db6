"""An optimizer is a rule over a slice of weights, gradient and state; it never knows how many slices there are."""

from __future__ import annotations

import math
import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np

from bigdl_keras.optimizers.schedules.base import LearningRateSchedule
from bigdl_keras.optimizers.schedules.base import deserialize as deserialize_schedule
from bigdl_keras.optimizers.schedules.base import serialize as serialize_schedule
from bigdl_keras.optimizers.slices import Slice, Total, alone, chunks

State = dict[str, np.ndarray]

_ACCUMULATOR = "gradient_accumulator"
_AVERAGE = "average"
_LAST_BEFORE_REWRITE = "2.10.0"  # whose rules later versions of Keras 2 still have as `keras.optimizers.legacy`
_IGNORED = ("jit_compile", "is_legacy_optimizer")


class Optimizer(ABC):
    """Base of all optimizers. A subclass names its slots and writes `update`; nothing else here is overridden.

    Args:
        learning_rate: a number or a `LearningRateSchedule`.
        weight_decay: if set, `weights -= weights * weight_decay * learning_rate` before each update.
        clipnorm: the gradient of each variable is scaled down to this norm.
        clipvalue: gradients are clipped to [-clipvalue, clipvalue], or between a pair of numbers.
        global_clipnorm: all gradients together are scaled down to this norm.
        use_ema: keep a moving average of the weights, which replaces them at the end of training.
        ema_momentum: momentum of that average.
        ema_overwrite_frequency: replace the weights by the average every so many iterations (None: at the end only).
        gradient_accumulation_steps: update once in so many iterations, with the mean of their gradients.
        loss_scale_factor: `apply` divides gradients by it; the training loop computes in float32 and scales nothing.
        name: name of the optimizer.
        **legacy: `lr` and `decay` of Keras 1 and 2. They select that generation's formulas: epsilon outside the square
            root, `lr / (1 + decay * iterations)`; and with `lr`, as in Keras 1, a `clipnorm` that bounds all gradients
            together and a default epsilon of 1e-8.
    """

    layerwise = False
    """Whether `update` needs `part` and `total` (norms of whole variables)."""

    def __init__(
        self,
        learning_rate: float | LearningRateSchedule = 0.001,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | tuple[float, float] | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        **legacy: Any,
    ) -> None:
        self.legacy = "lr" in legacy or legacy.get("decay") is not None
        self.default_epsilon = 1e-8 if "lr" in legacy else 1e-7
        if "lr" in legacy:
            learning_rate = legacy.pop("lr")
            if clipnorm is not None:
                clipnorm, global_clipnorm = None, clipnorm
        elif sum(limit is not None for limit in (clipnorm, clipvalue, global_clipnorm)) > 1:
            raise ValueError("At most one of `clipnorm`, `clipvalue` and `global_clipnorm` can be set. Received "
                             f"clipnorm={clipnorm}, clipvalue={clipvalue}, global_clipnorm={global_clipnorm}.")
        self.decay = float(legacy.pop("decay", None) or 0.0)
        if legacy:
            raise ValueError(f"{type(self).__name__} does not know the argument(s) {sorted(legacy)}.")
        if gradient_accumulation_steps is not None and gradient_accumulation_steps < 2:
            raise ValueError("`gradient_accumulation_steps` must be at least 2, or None. "
                             f"Received {gradient_accumulation_steps}.")
        if not 0 <= ema_momentum <= 1:
            raise ValueError(f"`ema_momentum` must be in [0, 1]. Received {ema_momentum}.")
        self.name = name or _snake_case(type(self).__name__)
        self.weight_decay = weight_decay
        self.clipnorm = clipnorm
        self.clipvalue = clipvalue
        self.global_clipnorm = global_clipnorm
        self.use_ema = use_ema
        self.ema_momentum = ema_momentum
        self.ema_overwrite_frequency = ema_overwrite_frequency
        self.loss_scale_factor = loss_scale_factor
        self.gradient_accumulation_steps = gradient_accumulation_steps
        self.iterations = 0
        self.state: State | None = None
        self._excluded: tuple[str, ...] = ()
        self._leaves_untouched_rows = self._averages_from_weights = False
        self._learning_rate = _as_rate(learning_rate)

    # ---- what a rule says of itself

    @property
    def slot_groups(self) -> tuple[tuple[str, ...], ...]:
        """The rule's own slots in Keras 3's order of creation: group by group, interleaved variable by variable."""
        return ()

    @property
    def weights_rest(self) -> bool:
        """Whether `update` leaves a weight as it is where the gradient is 0; said of the `update` of the same class."""
        return False

    @property
    def slots_rest(self) -> bool:
        """Whether, where `weights_rest`, it leaves the slots as they are, too."""
        return False

    def initial_value(self, slot: str, weights: np.ndarray) -> float | np.ndarray:
        """What a slot is filled with before the first update of these weights."""
        return 0.0

    def weight_decay_of(self, name: str, shape: tuple[int, ...]) -> float | None:
        """Strength of the weight decay of a variable that is not excluded from it."""
        return self.weight_decay

    @property
    def lazy_slots(self) -> tuple[str, ...] | None:
        """Slots that in tf.keras before 2.11 stay as they are, with the weights, in untouched rows of embeddings.

        None: all rows move in each update, as they do everywhere in later versions.
        """
        return None

    @abstractmethod
    def update(
        self,
        weights: np.ndarray,
        gradient: np.ndarray,
        state: State,
        iteration: int,
        part: Slice | None = None,
        total: Total = alone,
    ) -> None:
        """Change `weights` and `state` in place by one update; `gradient` may be used as scratch.

        Args:
            weights: slice of the weight vector.
            gradient: slice of the (averaged, clipped) gradient.
            state: slices of the slots, by name.
            iteration: number of finished updates (0 at the first).
            part: which variables the slice holds; rules that are `layerwise` need it.
            total: sums a float64 vector over all workers; called by rules that are `layerwise`.
        """

    # ---- what the engines and models call

    @property
    def leaves_zeros(self) -> bool:
        """Whether `step` leaves a weight as it is where the gradient is 0, so that nobody needs to be sent it."""
        rule = next(base for base in type(self).__mro__ if "update" in vars(base))
        low, high = self._value_limits
        moves_all = (self.weight_decay, self.use_ema, self.gradient_accumulation_steps)
        norms = (self.clipnorm, self.global_clipnorm)  # they may be infinite
        return bool("weights_rest" in vars(rule) and self.weights_rest and low <= 0 <= high and not any(moves_all)
                    and norms == (None, None))

    @property
    def skips_zeros(self) -> bool:
        """Whether `step` does nothing where the gradient is 0, so that it can be run on the other elements alone."""
        return self.leaves_zeros and self.slots_rest

    @property
    def all_slot_groups(self) -> tuple[tuple[str, ...], ...]:
        """`slot_groups`, after the slots that any optimizer may have: the order in which Keras 3 stores state."""
        shared = [(_AVERAGE,)] * bool(self.use_ema) + [(_ACCUMULATOR,)] * bool(self.gradient_accumulation_steps)
        return (*shared, *self.slot_groups)

    @property
    def slots(self) -> tuple[str, ...]:
        """Names of all state vectors, each as long as the weights."""
        return tuple(slot for group in self.all_slot_groups for slot in group)

    def create_state(self, weights: np.ndarray) -> State:
        """State before the first update, for a slice (or the whole) of the weights."""
        state = {slot: np.full(weights.shape, self.initial_value(slot, weights), weights.dtype) for slot in self.slots}
        if self.use_ema and self._averages_from_weights:
            state[_AVERAGE] = weights.copy()
        return state

    def resume(self, iterations: int) -> None:
        """Go on after so many updates, as a file tells; the state is set apart."""
        self.iterations = iterations

    def step(
        self,
        weights: np.ndarray,
        gradient: np.ndarray,
        state: State,
        iteration: int,
        part: Slice | None = None,
        total: Total = alone,
    ) -> None:
        """All that one iteration does to a slice: accumulate, clip, decay, update, average.

        Works in place and uses `gradient` as scratch. Each worker calls it in each iteration, also with an empty slice.
        """
        if part is None:
            part = Slice.whole(("weights",), (weights.shape,))
        finished = self._finished_updates(iteration)
        if self._accumulates(gradient, state, iteration):
            self.clip(gradient, part, total)
            self.decay_weights(weights, finished, part)
            if self._leaves_untouched_rows and self.lazy_slots is not None:
                places = part.rows_at_rest(gradient, "embeddings")
                lazy = [weights, *(state[slot] for slot in self.lazy_slots)]
                before = [vector[places] for vector in lazy]
                self.update(weights, gradient, state, finished, part, total)
                for vector, kept in zip(lazy, before, strict=True):
                    vector[places] = kept
            else:
                self.update(weights, gradient, state, finished, part, total)
        if self.use_ema:
            self._average(weights, state[_AVERAGE], finished)

    def clip(self, gradient: np.ndarray, part: Slice, total: Total = alone) -> None:
        """Clip a slice of the gradient in place; norms are those of whole variables, over all slices."""
        if self.global_clipnorm is not None:
            norm = math.sqrt(total(part.square_sums(gradient)).sum())
            gradient *= self.global_clipnorm / max(norm, self.global_clipnorm)
        if self.clipnorm is not None:
            norms = np.sqrt(total(part.square_sums(gradient)))
            part.scale(gradient, self.clipnorm / np.maximum(norms, self.clipnorm))
        if self.clipvalue is not None:
            np.clip(gradient, *self._value_limits, out=gradient)

    def decay_weights(self, weights: np.ndarray, iteration: int, part: Slice) -> None:
        """Decoupled weight decay of a slice, in place, except for the excluded variables."""
        if not self.weight_decay:
            return
        rate = self.learning_rate_at(iteration)
        for segment in part.segments:
            name = part.names[segment.variable]
            decay = self.weight_decay_of(name, part.shapes[segment.variable])
            if decay and not self.is_excluded(name):
                weights[segment.span] *= 1.0 - decay * rate

    def finalize(self, weights: np.ndarray, state: State) -> None:
        """End of training: with `use_ema`, replace the weights of a slice by their moving average."""
        if self.use_ema:
            weights[...] = state[_AVERAGE]

    def apply(self, gradients: Sequence[np.ndarray], weights: Sequence[np.ndarray]) -> None:
        """Update a list of arrays in place; the state is kept in the optimizer from call to call.

        Args:
            gradients: one array per weight.
            weights: float32 arrays, always the same ones in the same order.
        """
        if len(gradients) != len(weights):
            raise ValueError(f"Expected one gradient per weight. Received {len(gradients)} gradients "
                             f"for {len(weights)} weights.")
        if not weights:
            return
        values = np.concatenate([weight.ravel() for weight in weights])
        slopes = np.concatenate([np.asarray(gradient, values.dtype).ravel() for gradient in gradients])
        if slopes.shape != values.shape:
            shapes = [np.shape(gradient) for gradient in gradients]
            raise ValueError("Gradients must have the shapes of the weights. Received gradients of shapes "
                             f"{shapes} for weights of shapes {[weight.shape for weight in weights]}.")
        if self.loss_scale_factor is not None:
            slopes /= self.loss_scale_factor
        if self.state is None:
            self.state = self.create_state(values)
        part = Slice.whole([f"weight_{index}" for index in range(len(weights))], [weight.shape for weight in weights])
        self.step(values, slopes, self.state, self.iterations, part)
        self.iterations += 1
        start = 0
        for weight in weights:
            weight[...] = values[start : start + weight.size].reshape(weight.shape)
            start += weight.size

    # ---- learning rate

    @property
    def learning_rate(self) -> float:
        """The learning rate of the next update, before `decay`. Settable, unless it follows a schedule."""
        if isinstance(self._learning_rate, LearningRateSchedule):
            return float(self._learning_rate(self._finished_updates(self.iterations)))
        return self._learning_rate

    @learning_rate.setter
    def learning_rate(self, value: float | LearningRateSchedule) -> None:
        rate = _as_rate(value)
        if isinstance(self._learning_rate, LearningRateSchedule) and not isinstance(rate, LearningRateSchedule):
            raise TypeError(f"The learning rate of '{self.name}' follows a {type(self._learning_rate).__name__} and "
                            "cannot be set to a number. Create the optimizer with a number as `learning_rate` to "
                            "change it from a callback.")
        self._learning_rate = rate

    lr = learning_rate

    @property
    def schedule(self) -> LearningRateSchedule | None:
        """The schedule that the learning rate follows, if any."""
        return self._learning_rate if isinstance(self._learning_rate, LearningRateSchedule) else None

    def learning_rate_at(self, iteration: int) -> float:
        """The learning rate of the update that follows `iteration` finished ones."""
        if isinstance(self._learning_rate, LearningRateSchedule):
            return float(self._learning_rate(iteration))
        return self._learning_rate / (1.0 + self.decay * iteration) if self.decay else self._learning_rate

    # ---- weight decay exclusions

    def exclude_from_weight_decay(
        self, var_list: Sequence[Any] | None = None, var_names: Sequence[str] | None = None
    ) -> None:
        """Leave variables out of weight decay.

        Args:
            var_list: variables (or their full names).
            var_names: regular expressions; variables whose name contains one are left out, e.g. `["bias", "gamma"]`.
        """
        exact = [getattr(variable, "path", None) or getattr(variable, "name", variable) for variable in var_list or ()]
        self._excluded += tuple(f"^{re.escape(name)}$" for name in exact) + tuple(var_names or ())

    def is_excluded(self, name: str) -> bool:
        """Whether a variable is excluded from weight decay."""
        return any(re.search(pattern, name) for pattern in self._excluded)

    # ---- configuration

    def follow(self, keras_version: str) -> None:
        """Take on the formulas of the Keras that wrote a model, so that its training goes on as it would have there.

        Before 2.11, rules differ where no argument shows it: epsilon stands outside the square root, and in tf.keras
        the rows of an embedding that no sample of the batch touched are left alone (see `lazy_slots`). Before 2.3,
        `clipnorm` bounds all gradients together. From 2.11 to 2.15, `use_ema` averages from the first weights on.

        Args:
            keras_version: e.g. "2.2.4", or "2.2.4-tf" where it was tf.keras.
        """
        version = tuple(int(number) for number in re.findall(r"\d+", keras_version)[:2])
        if version >= (3,) or version == (2,):
            return
        if version >= (2, 11):
            self._averages_from_weights = not self.legacy
        else:
            self.legacy = True
            self._leaves_untouched_rows = version >= (2, 4) or keras_version.endswith("-tf")
        if version < (2, 3):
            self.global_clipnorm, self.clipnorm = self.global_clipnorm or self.clipnorm, None
        self.take_on(version)

    def take_on(self, keras_version: tuple[int, ...]) -> None:  # noqa: B027 (most rules change nothing)
        """What a rule itself changes when it follows a Keras before 3."""

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments under Keras 3's names (and `decay`, if it was made with legacy arguments)."""
        rate = self._learning_rate
        config: dict[str, Any] = {
            "name": self.name,
            "learning_rate": serialize_schedule(rate) if isinstance(rate, LearningRateSchedule) else rate,
            "weight_decay": self.weight_decay,
            "clipnorm": self.clipnorm,
            "global_clipnorm": self.global_clipnorm,
            "clipvalue": self.clipvalue,
            "use_ema": self.use_ema,
            "ema_momentum": self.ema_momentum,
            "ema_overwrite_frequency": self.ema_overwrite_frequency,
            "loss_scale_factor": self.loss_scale_factor,
            "gradient_accumulation_steps": self.gradient_accumulation_steps,
        }
        if self.legacy:
            config["decay"] = self.decay
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Optimizer:
        """An optimizer from the config of any Keras generation (`lr` or `learning_rate`, a number or a schedule)."""
        arguments = {key: value for key, value in config.items() if key not in _IGNORED}
        for key in ("learning_rate", "lr"):
            if isinstance(arguments.get(key), dict):
                arguments[key] = deserialize_schedule(arguments[key], custom_objects)
        optimizer = cls(**arguments)
        if config.get("is_legacy_optimizer"):
            optimizer.follow(_LAST_BEFORE_REWRITE)
        return optimizer

    def __getstate__(self) -> dict[str, Any]:
        """What travels to the workers: hyper-parameters only, for the state is cut into slices and sent apart."""
        return {**self.__dict__, "state": None}

    # ---- parts of a step

    @property
    def _value_limits(self) -> tuple[float, float]:
        """What `clipvalue` bounds gradients by."""
        if isinstance(self.clipvalue, (tuple, list)):
            low, high = self.clipvalue
            return low, high
        return (-math.inf, math.inf) if self.clipvalue is None else (-self.clipvalue, self.clipvalue)

    def _finished_updates(self, iteration: int) -> int:
        return iteration // self.gradient_accumulation_steps if self.gradient_accumulation_steps else iteration

    def _accumulates(self, gradient: np.ndarray, state: State, iteration: int) -> bool:
        """Add up gradients; in an iteration that updates, turn `gradient` into their mean and answer True."""
        steps = self.gradient_accumulation_steps
        if not steps:
            return True
        accumulator = state[_ACCUMULATOR]
        if (iteration + 1) % steps:
            accumulator += gradient
            return False
        gradient += accumulator
        gradient /= steps
        accumulator.fill(0)
        return True

    def _average(self, weights: np.ndarray, average: np.ndarray, iteration: int) -> None:
        momentum = self.ema_momentum if iteration or self._averages_from_weights else 0.0
        for weight, mean, scratch in chunks(weights, average, scratch=1):
            np.multiply(weight, 1.0 - momentum, out=scratch)
            mean *= momentum
            mean += scratch
        if self.ema_overwrite_frequency and (iteration + 1) % self.ema_overwrite_frequency == 0:
            weights[...] = average


def _as_rate(value: Any) -> float | LearningRateSchedule:
    if isinstance(value, LearningRateSchedule):
        return value
    try:
        return float(value)
    except (TypeError, ValueError):
        raise TypeError(f"`learning_rate` must be a number or a LearningRateSchedule. Received {value!r}.") from None


def _snake_case(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()
