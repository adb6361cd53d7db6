"""Layers that run another layer: over time steps, or in both directions."""

from __future__ import annotations

from typing import Any

from bigdl_keras import ops
from bigdl_keras.graph import nest
from bigdl_keras.graph.trace import apply
from bigdl_keras.layers.base import Layer
from bigdl_keras.layers.calling import call_names
from bigdl_keras.layers.lookup import layer_from_config, layer_to_config
from bigdl_keras.layers.normalization import BatchNormalization
from bigdl_keras.layers.recurrent import RNN, halves
from bigdl_keras.registry import register


class Wrapper(Layer):
    """Base of layers around another one.

    Args:
        layer: the layer inside, or its config.
    """

    def __init__(self, layer: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.layer = layer_from_config(layer)
        if not isinstance(self.layer, Layer):
            raise TypeError(f"{type(self).__name__} takes a layer. Received {layer!r}.")

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "layer": layer_to_config(self.layer)}


@register("layer")
class TimeDistributed(Wrapper):
    """One layer for each time step: (batch, time, ...) gives (batch, time, ...).

    Steps are treated as rows. A layer that normalizes by the batch is called step after step, as in Keras 3, where the
    number of steps is known: each step has its own mean and variance, and moves the averages.

    Args:
        layer: the layer for a step.
        steps_together: let such a layer, too, see all steps at once, as Keras before 3 does.
    """

    def __init__(self, layer: Any, steps_together: bool = False, **kwargs: Any) -> None:
        super().__init__(layer, **kwargs)
        self.steps_together = steps_together
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        if len(input_shape) < 3:
            raise ValueError(f"Layer '{self.name}' (TimeDistributed) needs an input (batch, time, ...). "
                             f"Received shape {tuple(input_shape)}.")
        if not self.layer.built:
            self.layer.build((None, *input_shape[2:]))

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        arguments: dict[str, Any] = {}
        kind: Any = type(self.layer)
        takes_mask = "mask" in call_names(kind) and not isinstance(self.layer, RNN)
        if not self.steps_together and inputs.shape[1] is not None and _normalizes_by_the_batch(self.layer):
            return self._step_after_step(inputs, training, mask if takes_mask else None)
        if mask is not None and (takes_mask or len(mask.shape) > 2):
            arguments["mask"] = apply("fold_time", mask)
        outputs = self.layer(apply("fold_time", inputs), training=training, **arguments)
        like = apply("stop_gradient", inputs)
        return nest.map_leaves(lambda output: apply("unfold_time", output, like), outputs)

    def _step_after_step(self, inputs: Any, training: bool | None, mask: Any) -> Any:
        outputs = []
        for step in range(inputs.shape[1]):
            masked = {} if mask is None else {"mask": mask[:, step]}
            outputs.append(self.layer(inputs[:, step], training=training, **masked))
        by_place = zip(*map(nest.flatten, outputs), strict=True)
        return nest.pack(outputs[0], [ops.stack(list(steps), axis=1) for steps in by_place])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "steps_together": True} if self.steps_together else super().get_config()


def _normalizes_by_the_batch(layer: Any) -> bool:
    return isinstance(layer, BatchNormalization) or any(map(_normalizes_by_the_batch, layer._children()))


@register("layer")
class Bidirectional(Layer):
    """A recurrent layer run forwards, and another one like it run backwards (Schuster and Paliwal, 1997).

    Args:
        layer: the forward layer, LSTM, GRU, SimpleRNN or RNN; it is copied.
        merge_mode: how the two outputs become one: "concat", "sum", "mul", "ave"; None answers with both.
        backward_layer: the backward layer, where it differs.
        zero_masked_outputs: give outputs of masked steps the value 0 where all outputs are returned; False repeats the
            output before them, as Keras before 2.3 did.

    Raises:
        ValueError: an unknown merge mode, or layers that do not fit each other.
    """

    def __init__(self, layer: Any, merge_mode: str | None = "concat", weights: Any = None, backward_layer: Any = None,
                 zero_masked_outputs: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if merge_mode not in ("concat", "sum", "mul", "ave", None):
            raise ValueError("`merge_mode` of Bidirectional must be 'concat', 'sum', 'mul', 'ave' or None. "
                             f"Received {merge_mode!r}.")
        layer = layer_from_config(layer)
        if not hasattr(layer, "return_sequences"):
            raise ValueError(f"Bidirectional takes a recurrent layer. Received {layer!r}.")
        self.merge_mode = merge_mode
        self.forward_layer = _renamed(layer, "forward_")
        if backward_layer is None:
            self.backward_layer = _renamed(layer, "backward_", go_backwards=not layer.go_backwards)
        else:
            self.backward_layer = _renamed(layer_from_config(backward_layer), "backward_")
        for name in ("return_sequences", "return_state", "stateful"):
            if getattr(self.forward_layer, name) != getattr(self.backward_layer, name):
                raise ValueError(f"The two layers of Bidirectional must have the same `{name}`.")
        if self.forward_layer.go_backwards == self.backward_layer.go_backwards:
            raise ValueError("The two layers of Bidirectional must have different `go_backwards`.")
        self.zero_masked_outputs = zero_masked_outputs
        for inner in (self.forward_layer, self.backward_layer):
            inner.zero_output_for_mask = zero_masked_outputs and inner.return_sequences
        self.return_sequences = self.forward_layer.return_sequences
        self.return_state = self.forward_layer.return_state
        self.stateful = self.forward_layer.stateful
        self.supports_masking = True
        self._initial_weights = weights

    def build(self, input_shape: Any) -> None:
        for layer in (self.forward_layer, self.backward_layer):
            if not layer.built:
                layer.build(input_shape)
        if self._initial_weights is not None:
            self.set_weights(self._initial_weights)

    def call(self, inputs: Any, initial_state: Any = None, mask: Any = None, training: bool | None = None) -> Any:
        if isinstance(inputs, (list, tuple)):
            inputs, *states = inputs
            initial_state = states if states and initial_state is None else initial_state
            mask = mask[0] if isinstance(mask, (list, tuple)) else mask
        forward, backward = (None, None) if initial_state is None else halves(nest.flatten(initial_state))
        y_forward = self.forward_layer(inputs, initial_state=forward, mask=mask, training=training)
        y_backward = self.backward_layer(inputs, initial_state=backward, mask=mask, training=training)
        states = []
        if self.return_state:
            states = [*y_forward[1:], *y_backward[1:]]
            y_forward, y_backward = y_forward[0], y_backward[0]
        if self.return_sequences:
            y_backward = ops.flip(y_backward, axis=1)
        merged = self._merge(y_forward, y_backward)
        return (*merged, *states) if states or self.merge_mode is None else merged[0]

    def _merge(self, forward: Any, backward: Any) -> tuple[Any, ...]:
        if self.merge_mode is None:
            return forward, backward
        if self.merge_mode == "concat":
            return (ops.concatenate([forward, backward], axis=-1),)
        if self.merge_mode == "mul":
            return (forward * backward,)
        total = forward + backward
        return (total if self.merge_mode == "sum" else total / 2.0,)

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        """That of the input for outputs of each step; states have none."""
        mask = previous_mask[0] if isinstance(previous_mask, (list, tuple)) else previous_mask
        outputs = [mask if self.return_sequences else None] * (2 if self.merge_mode is None else 1)
        states = 2 * len(nest.flatten(self.forward_layer.cell.state_size)) if self.return_state else 0
        return [*outputs, *[None] * states]

    def reset_states(self) -> None:
        """Start the next batch in zeros again."""
        self.forward_layer.reset_states()
        self.backward_layer.reset_states()

    reset_state = reset_states

    def get_config(self) -> dict[str, Any]:
        config = {**super().get_config(), "merge_mode": self.merge_mode, "layer": layer_to_config(self.forward_layer),
                  "backward_layer": layer_to_config(self.backward_layer)}
        return config if self.zero_masked_outputs else {**config, "zero_masked_outputs": False}


def _renamed(layer: Any, prefix: str, **changes: Any) -> Any:
    """A copy of a layer, without its weights, under a prefixed name."""
    config = {**layer.get_config(), **changes}
    config["name"] = prefix + layer.name.removeprefix(prefix)
    return type(layer).from_config(config)
