"""A layer is names, shapes and one `call` written in ops; its gradient, its output shape and its plan are derived."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from bigdl_keras import constraints, initializers, regularizers
from bigdl_keras.graph import nest
from bigdl_keras.graph.node import Node
from bigdl_keras.graph.tensor import KerasTensor, is_symbolic
from bigdl_keras.graph.trace import Trace, abstract_outputs, computing, current_trace
from bigdl_keras.layers.calling import (
    as_value,
    bind,
    call_names,
    declared_shape,
    dtype_name,
    is_plain,
    phase_of_call,
    shape_of,
)
from bigdl_keras.layers.input_spec import InputSpec
from bigdl_keras.layers.masks import attach_masks, hand_over_masks
from bigdl_keras.layers.naming import unique_name
from bigdl_keras.layers.settings import plain, resolve
from bigdl_keras.parameters import Variable, floatx

__all__ = ["InputSpec", "Layer"]


class Layer:
    """Base of all layers: weights with names, `build` on first sight of a shape, `call` in ops.

    A subclass writes `__init__`, optionally `build(input_shape)` with `self.add_weight(...)`, and
    `call(inputs, training=None, mask=None)` with functions of `bigdl_keras.ops`. Nothing else is needed to train it,
    on executors too: they receive the compiled plan, never the class.

    Args:
        name: unique in a model; made from the class name if None.
        trainable: whether the optimizer may change the layer's trainable weights.
        dtype: of the weights, default `floatx()`.
        activity_regularizer: penalty on the output, divided by the batch size.
        activity_reduction: "sum" leaves out that division, as Keras before 2.3 did.
        input_shape: shape of one row, for a first layer of Sequential.

    Raises:
        TypeError: an unknown keyword.
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "build" in cls.__dict__:
            cls.build = _marking_as_built(cls.__dict__["build"])  # type: ignore[method-assign]

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        layer = super().__new__(cls)
        if cls.get_config is Layer.get_config:  # a user's layer without get_config is rebuilt from its arguments
            try:
                bound = inspect.signature(cls.__init__).bind(layer, *args, **kwargs)
                arguments = dict(list(bound.arguments.items())[1:])
                arguments.update(arguments.pop("kwargs", {}))
                object.__setattr__(layer, "_arguments", arguments)
            except TypeError:
                pass
        return layer

    def __init__(self, *, activity_regularizer: Any = None, trainable: bool = True, dtype: Any = None,
                 name: str | None = None, activity_reduction: str = "mean", **kwargs: Any) -> None:
        object.__setattr__(self, "_variables", [])
        object.__setattr__(self, "_layers", [])
        object.__setattr__(self, "_containers", {})
        object.__setattr__(self, "_settings", [])
        object.__setattr__(self, "_states", [])
        self.name = name if name is not None else unique_name(type(self).__name__)
        if not isinstance(self.name, str) or "/" in self.name:
            raise ValueError(f"A layer's name must be a string without '/'. Received {self.name!r}.")
        self._trainable = bool(trainable)
        self.dtype = dtype_name(dtype) or floatx()
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self.activity_reduction = activity_reduction
        self.built = False
        self.supports_masking = False
        self.input_spec: Any = None
        self._inbound_nodes: list[Node] = []
        self._added_losses: list[Any] = []
        self.batch_input_shape = declared_shape(kwargs)
        kwargs.pop("autocast", None)
        if kwargs:
            raise TypeError(f"{type(self).__name__} does not know the argument {sorted(kwargs)[0]!r}.")

    if TYPE_CHECKING:
        def __getattr__(self, name: str) -> Any: ...  # what `keep` sets

    def keep(self, arguments: dict[str, Any]) -> None:
        """Remember constructor arguments (`locals()`): for `get_config`, and as attributes with names resolved."""
        idle = ("self", "kwargs", "shared", "__class__")
        settings = {name: value for name, value in arguments.items() if name not in idle}
        for name, value in settings.items():
            setattr(self, name, resolve(name, value))
        self._settings.extend(name for name in settings if name not in self._settings)

    # ---- attributes that are layers or weights are tracked

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, (Variable, Layer, list, tuple, dict)) and not name.startswith("_inbound"):
            self._track(value)
        if "_containers" in self.__dict__ and (name in self._containers or isinstance(value, (list, dict))):
            self._containers[name] = value
        object.__setattr__(self, name, value)

    def __delattr__(self, name: str) -> None:
        value = getattr(self, name)
        object.__delattr__(self, name)
        if isinstance(value, Layer) and value in self._layers:
            self._layers.remove(value)

    def _track(self, value: Any) -> None:
        if "_variables" not in self.__dict__:
            if isinstance(value, (Variable, Layer)):
                raise RuntimeError(f"Call super().__init__() first in {type(self).__name__}.__init__, before setting "
                                   "attributes.")
            return
        for leaf in nest.flatten(value):
            if isinstance(leaf, Variable) and leaf not in self._variables and leaf not in self._states:
                self._variables.append(leaf)
            elif isinstance(leaf, Layer) and leaf is not self and leaf not in self._layers:
                self._layers.append(leaf)

    def _children(self) -> list[Layer]:
        """Layers inside this one; lists and dicts are looked through again, since they may have grown."""
        for container in self._containers.values():
            self._track(container)
        return self._layers

    # ---- weights

    def add_weight(self, shape: Any = None, initializer: Any = None, dtype: Any = None, trainable: bool = True,
                   regularizer: Any = None, constraint: Any = None, name: str | None = None, **_: Any) -> Variable:
        """Create a weight of the layer.

        Args:
            shape: tuple of sizes; None for a scalar.
            initializer: name, config or object; 'glorot_uniform' if None.
            dtype: default the layer's.
            trainable: False for states such as moving averages.
            regularizer, constraint: names, configs or objects.
            name: short name; also the name in saved files.
        """
        if isinstance(shape, str):  # Keras 2 put the name first
            raise TypeError(f"add_weight takes `shape` first. Received {shape!r}; pass name={shape!r}.")
        shape = (shape,) if isinstance(shape, int) else tuple(shape or ())
        if any(size is None for size in shape):
            raise ValueError(f"The weight '{name}' of layer '{self.name}' needs known sizes. Received shape {shape}. "
                             "Give the input shape, at least on the axes that weights depend on.")
        make = initializers.get(initializer if initializer is not None else "glorot_uniform")
        assert make is not None
        value = make(shape, dtype_name(dtype) or self.dtype)
        variable = Variable(np.asarray(value), name or "variable", trainable, regularizers.get(regularizer),
                            constraints.get(constraint), path=f"{self.name}/{name or 'variable'}")
        self._track(variable)
        return variable

    def add_own_weight(self, name: str, shape: Any, kind: str | None = None, trainable: bool = True) -> Variable:
        """`add_weight` with the layer's settings `<kind>_initializer`, `<kind>_regularizer` and `<kind>_constraint`."""
        kind = kind or name
        return self.add_weight(shape, getattr(self, f"{kind}_initializer"), trainable=trainable, name=name,
                               regularizer=getattr(self, f"{kind}_regularizer", None),
                               constraint=getattr(self, f"{kind}_constraint", None))

    def add_state(self, shape: Sequence[int], name: str) -> Variable:
        """Zeros that calls change in both phases (a stateful RNN): among `variables`, not in `weights` or files."""
        state = Variable(np.zeros(tuple(shape), self.dtype), name, trainable=False, path=f"{self.name}/{name}")
        self._states.append(state)
        return state

    @property
    def trainable(self) -> bool:
        """Whether the optimizer may change this layer; setting it sets the layers inside too."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._trainable = bool(value)
        for layer in self._children():
            layer.trainable = value

    @property
    def weights(self) -> list[Variable]:
        """All weights: the layer's own trainable ones, its own states, then those of the layers in it."""
        inner = [variable for layer in self._children() for variable in layer.weights]
        own = sorted(self._variables, key=lambda variable: not variable.trainable)
        return list(dict.fromkeys(own + inner))

    @property
    def variables(self) -> list[Variable]:
        """All weights, and the states that no file holds."""
        return self.weights + [state for layer in _walk(self) for state in layer._states]

    @property
    def trainable_weights(self) -> list[Variable]:
        """Weights that an optimizer will change."""
        if not self._trainable:
            return []
        inner = [variable for layer in self._children() for variable in layer.trainable_weights]
        own = [variable for variable in self._variables if variable.trainable]
        return list(dict.fromkeys(own + inner))

    trainable_variables = trainable_weights

    @property
    def non_trainable_weights(self) -> list[Variable]:
        """Frozen weights and states."""
        trained = set(self.trainable_weights)
        return [variable for variable in self.weights if variable not in trained]

    @property
    def non_trainable_variables(self) -> list[Variable]:
        """All `variables` that an optimizer must not change."""
        trained = set(self.trainable_weights)
        return [variable for variable in self.variables if variable not in trained]

    def get_weights(self) -> list[np.ndarray]:
        """Copies of all weights, in the order of `weights`."""
        return [variable.numpy() for variable in self.weights]

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Overwrite all weights.

        Raises:
            ValueError: another number of arrays, or a shape differs.
        """
        variables = self.weights
        if len(weights) != len(variables):
            raise ValueError(f"Layer '{self.name}' has {len(variables)} weights. Received {len(weights)} arrays."
                             + ("" if self.built else " The layer is not built yet: call it, or build(input_shape)."))
        for variable, value in zip(variables, weights, strict=True):
            variable.assign(value)

    def count_params(self) -> int:
        """Number of elements of all weights."""
        return sum(int(np.prod(variable.shape, dtype=np.int64)) for variable in self.weights)

    @property
    def losses(self) -> list[Any]:
        """Penalties of the weights' regularizers as they stand, and what `add_loss` was given in an eager call."""
        penalties = [variable.regularizer(variable.value) for variable in self.trainable_weights
                     if variable.regularizer]
        return penalties + [loss for layer in _walk(self) for loss in layer._added_losses]

    def add_loss(self, loss: Any) -> None:
        """Add a scalar to the training loss; call it in `call`."""
        trace = current_trace()
        if trace is not None:
            trace.losses.append((loss, False))
        else:
            self._added_losses.append(loss)

    # ---- building

    def build(self, input_shape: Any) -> None:
        """Create the weights; `input_shape` has None on unknown axes, and is a list for several inputs."""
        self.built = True

    def _build_for(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if self.built:
            return
        arguments = bind(self.call, args, kwargs)
        shapes = {name: nest.map_leaves(shape_of, value) for name, value in arguments.items()
                  if any(hasattr(leaf, "shape") for leaf in nest.flatten(value))}
        if not shapes:
            raise ValueError(f"Layer '{self.name}' must be called on a tensor or an array. Received {args!r}.")
        parameters = [name for name, parameter in inspect.signature(self.build).parameters.items()
                      if parameter.kind is parameter.POSITIONAL_OR_KEYWORD]
        with computing():
            if len(parameters) > 1 and all(name.endswith("_shape") for name in parameters):
                self.build(**{name: shapes.get(name.removesuffix("_shape")) for name in parameters})
            else:
                self.build(next(iter(shapes.values())))

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Shape of the output for `input_shape`, found by running `call` symbolically."""
        is_shape = all(size is None or isinstance(size, int) for size in input_shape)
        inputs = (KerasTensor(tuple(input_shape), self._input_dtype()) if is_shape
                  else [KerasTensor(tuple(shape), self._input_dtype()) for shape in input_shape])
        return nest.map_leaves(lambda tensor: tensor.shape, abstract_outputs(self, (inputs,), {}))

    def _input_dtype(self) -> str:
        return self.dtype

    # ---- calling

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """The mathematics, written in ops."""
        raise NotImplementedError(f"{type(self).__name__} must define call(self, inputs).")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        trace = current_trace()
        if trace is None and any(map(is_symbolic, nest.flatten(list(args)) + nest.flatten(kwargs))):
            return self._record(args, kwargs)
        return self._run(trace, args, kwargs)

    def _record(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        outputs = abstract_outputs(self, args, kwargs)
        outputs = nest.map_leaves(lambda leaf: KerasTensor(leaf.shape, leaf.dtype, self.name), outputs)
        self._inbound_nodes.append(Node(self, args, kwargs, outputs))
        return outputs

    def _run(self, trace: Trace | None, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        args = nest.map_leaves(as_value, args)
        self._check_inputs(args)
        self._build_for(args, kwargs)
        kwargs = dict(kwargs)
        kind: Any = type(self)
        names = call_names(kind)
        first, previous_mask = hand_over_masks(bind(self.call, args, kwargs), names, kwargs)
        training = kwargs.get("training")
        with phase_of_call(trace, training) as phase:
            if "training" in names:
                kwargs["training"] = phase
            elif "training" in kwargs and not names["**"]:
                del kwargs["training"]
            if trace is None:
                self._added_losses.clear()
                return self.call(*args, **kwargs)
            with trace.inside(self.name, next(filter(is_symbolic, nest.flatten(first)), None)):
                outputs = self.call(*args, **kwargs)
                attach_masks(self, first, previous_mask, outputs)
                if self.activity_regularizer is not None:
                    penalties = [self._activity_penalty(output, trace) for output in nest.flatten(outputs)]
                    trace.losses.extend((penalty, True) for penalty in penalties)
        return outputs

    def _activity_penalty(self, output: Any, trace: Trace) -> Any:
        """The penalty on an output, to be divided by the rows of the global batch."""
        assert self.activity_regularizer is not None
        penalty = self.activity_regularizer(output)
        summed = self.activity_reduction == "sum" and trace.batch_rows is not None
        return penalty * trace.batch_rows if summed else penalty

    def _check_inputs(self, args: tuple[Any, ...]) -> None:
        if self.input_spec is None or not args:
            return
        specs = nest.flatten(self.input_spec)
        tensors = nest.flatten(args[0])
        if len(specs) != len(tensors) and isinstance(self.input_spec, (list, tuple)):
            raise ValueError(f"Layer '{self.name}' expects {len(specs)} inputs. Received {len(tensors)}.")
        for position, (spec, tensor) in enumerate(zip(specs, tensors, strict=False)):
            spec.check(shape_of(tensor), self.name, position)

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        """Mask of the output: the input's, for layers that keep time steps."""
        return previous_mask

    def latest(self, variable: Variable) -> Any:
        """`variable` as it is after what calls before this one have assigned to it in the same step."""
        trace = current_trace()
        assigned = [] if trace is None else [value for weight, value in trace.updates if weight is variable]
        return assigned[-1] if assigned else variable

    def assign_in_training(self, variable: Variable, value: Any) -> None:
        """Give a state its new value: at once in an eager call, at the end of the step in a compiled one."""
        trace = current_trace()
        if trace is not None:
            trace.updates.append((variable, value))
        else:
            variable.assign(value)

    # ---- description

    @property
    def input(self) -> Any:
        """Input tensors of the layer's only call."""
        return self._only_node("input").args[0]

    @property
    def output(self) -> Any:
        """Output tensors of the layer's only call."""
        return self._only_node("output").outputs

    def _only_node(self, what: str) -> Node:
        if not self._inbound_nodes:
            raise AttributeError(f"Layer '{self.name}' has never been called, so it has no {what}.")
        return self._inbound_nodes[0]

    def get_config(self) -> dict[str, Any]:
        """Plain data from which `from_config` rebuilds the layer.

        Raises:
            NotImplementedError: a subclass whose arguments are not plain data does not define get_config.
        """
        config: dict[str, Any] = {"name": self.name, "trainable": self._trainable, "dtype": self.dtype}
        if self.activity_regularizer is not None:
            config["activity_regularizer"] = regularizers.serialize(self.activity_regularizer)
            if self.activity_reduction != "mean":
                config["activity_reduction"] = self.activity_reduction
        config |= self.kept_config()
        if type(self).get_config is Layer.get_config and not self._rebuilt_from(config):
            config = {key: value for key, value in config.items() if key not in self._settings}
            arguments = {key: value for key, value in getattr(self, "_arguments", {}).items() if key not in config}
            if not all(is_plain(value) for value in arguments.values()):
                raise NotImplementedError(f"{type(self).__name__} takes arguments that are not plain data: define "
                                          "get_config() (and from_config()) so that it can be saved.")
            config |= arguments
        return config

    def kept_config(self) -> dict[str, Any]:
        """What `keep` was given, as plain data."""
        return {name: plain(name, getattr(self, name)) for name in self._settings}

    def _rebuilt_from(self, config: dict[str, Any]) -> bool:
        """Whether the constructor takes exactly what `keep` was given (that of a user's subclass may not)."""
        parameters = list(inspect.signature(type(self).__init__).parameters.values())[1:]
        named = {item.name for item in parameters if item.kind in (item.POSITIONAL_OR_KEYWORD, item.KEYWORD_ONLY)}
        return named <= {*config, "activity_regularizer"} and any(item.kind is item.VAR_KEYWORD for item in parameters)

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Rebuild a layer from what `get_config` answered."""
        try:
            return cls(**config)
        except TypeError as error:
            raise TypeError(f"{cls.__name__} cannot be rebuilt from its config {config}: {error}") from error

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}, built={self.built}>"


def _marking_as_built(build: Callable[..., None]) -> Callable[..., None]:
    """`build` that tells the layer so, also where another layer's `build` calls it."""
    @functools.wraps(build)
    def build_and_mark(layer: Layer, *args: Any, **kwargs: Any) -> None:
        build(layer, *args, **kwargs)
        layer.built = True

    return build_and_mark


def _walk(layer: Layer) -> Iterator[Layer]:
    yield layer
    for inner in layer._children():
        yield from _walk(inner)
