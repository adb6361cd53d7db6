"""BigDL 0.x's `Optimizer`: a model, data, a criterion, a method and a trigger that ends it, trained by `optimize()`."""

from __future__ import annotations

from typing import Any

from bigdl_keras.engine.triggers import (
    EveryEpoch,
    MaxEpoch,
    MaxIteration,
    MaxScore,
    MinLoss,
    SeveralIteration,
    Trigger,
    TriggerAnd,
    TriggerOr,
)
from bigdl_keras.keras1.composed_criteria import heads_of
from bigdl_keras.keras1.metrics import AUC, NDCG, HitRatio, Loss, MeanAveragePrecision, TreeNNAccuracy
from bigdl_keras.keras1.metrics import Accuracy as _accuracy
from bigdl_keras.keras1.metrics import Top5Accuracy as _top5
from bigdl_keras.keras1.models import KerasNet
from bigdl_keras.keras1.optim_methods import (
    LBFGS,
    SGD,
    Adadelta,
    Adagrad,
    Adam,
    Adamax,
    Ftrl,
    LarsSGD,
    OptimMethod,
    ParallelAdam,
    RMSprop,
)
from bigdl_keras.keras1.plateau import Plateau, with_plateau
from bigdl_keras.keras1.regularizers import L1L2Regularizer, L1Regularizer, L2Regularizer
from bigdl_keras.metrics import MeanAbsoluteError as MAE
from bigdl_keras.optimizers.schedules import (
    Default,
    EpochSchedule,
    EpochStep,
    Exponential,
    MultiStep,
    NaturalExp,
    Poly,
    SequentialSchedule,
    Step,
    Warmup,
)
from bigdl_keras.summary import TrainSummary, ValidationSummary

_FOREVER = 2**31


def Top1Accuracy() -> Any:
    """Share of rows whose largest output is the right class; classes count from 1."""
    return _accuracy(zero_based_label=False)


def Top5Accuracy() -> Any:
    """Share of rows with the right class among the five largest outputs; classes count from 1."""
    return _top5(zero_based_label=False)


class Optimizer:
    """Trains a model on an RDD of `Sample`, an RDD of tuples, or a pair of arrays.

    Args:
        model: any model of ours; `keras1.models` have BigDL's other methods too.
        training_rdd: the data.
        criterion: loss, of `keras1.criterion` or of ours.
        end_trigger: when to end.
        batch_size: rows of a global batch.
        optim_method: one of this module or of ours; SGD() if None.
        bigdl_type: accepted for BigDL's signature.

    Example:
        >>> import numpy as np, bigdl_keras as bk
        >>> x = np.linspace(-1, 1, 64)[:, None]
        >>> model = bk.Sequential([bk.Input((1,)), bk.layers.Dense(1)])
        >>> trained = Optimizer(model, (x, 3 * x), "mse", MaxEpoch(40), 16, SGD(learningrate=0.3)).optimize()
        >>> float(trained.layers[0].kernel.value.round(1).item())
        3.0
    """

    def __init__(self, model: Any, training_rdd: Any, criterion: Any, end_trigger: Any = None, batch_size: int = 32,
                 optim_method: Any = None, bigdl_type: str = "float") -> None:
        self.model = model
        self.training_rdd = training_rdd
        self.criterion = criterion
        self.end_trigger = MaxEpoch(1) if end_trigger is None else end_trigger
        self.batch_size = batch_size
        self.optim_method = SGD() if optim_method is None else optim_method
        self._validation: tuple[int, Any, Any, list[Any]] | None = None

    @staticmethod
    def create(model: Any, training_set: Any, criterion: Any, end_trigger: Any = None, batch_size: int = 32,
               optim_method: Any = None, cores: int | None = None, bigdl_type: str = "float") -> Optimizer:
        """BigDL's other way to make one."""
        return Optimizer(model, training_set, criterion, end_trigger, batch_size, optim_method)

    def set_validation(self, batch_size: int, val_rdd: Any, trigger: Any = None, val_method: Any = None) -> None:
        """Measure other data while training.

        Args:
            batch_size: rows of a batch.
            val_rdd: data like `training_rdd`.
            trigger: when; EveryEpoch() by default.
            val_method: list of metrics, such as [Top1Accuracy()].
        """
        methods = list(val_method) if isinstance(val_method, (list, tuple)) else [val_method]
        self._validation = (batch_size, val_rdd, trigger, [item for item in methods if item not in (None, "loss")])

    def set_checkpoint(self, checkpoint_trigger: Any, checkpoint_path: str, isOverWrite: bool = True) -> None:
        """Write a checkpoint whenever the trigger fires."""
        self.model.set_checkpoint(checkpoint_path, checkpoint_trigger, over_write=isOverWrite)

    def set_gradclip_const(self, min_value: float, max_value: float) -> None:
        """Clip each element of the gradient."""
        self.model.set_constant_gradient_clipping(min_value, max_value)

    def set_gradclip_l2norm(self, clip_norm: float) -> None:
        """Scale the gradient down to this norm."""
        self.model.set_gradient_clipping_by_l2_norm(clip_norm)

    def disable_gradclip(self) -> None:
        """Clip no more."""
        self.model.clear_gradient_clipping()

    def set_drop_module_property(self, drop_percentage: float, max_drop_percentage: float, batchsize: int = 100,
                                 warmup_iteration: int = 200) -> None:
        """Let slow workers leave out their part of a batch, as the Scala optimizer's setDropModuleProperty does."""
        self.model.set_drop_module_property(drop_percentage, max_drop_percentage, batchsize, warmup_iteration)

    def set_train_summary(self, summary: TrainSummary) -> None:
        """Write curves for TensorBoard where this summary points to; validation goes there too."""
        self.model.set_tensorboard(summary.log_dir, summary.app_name)

    set_val_summary = set_train_summary

    def set_model(self, model: Any) -> None:
        """Train another model."""
        self.model = model

    def set_criterion(self, criterion: Any) -> None:
        """Train for another loss."""
        self.criterion = criterion

    def set_end_when(self, end_when: Any) -> None:
        """End by another trigger."""
        self.end_trigger = end_when

    def optimize(self) -> Any:
        """Train until the trigger fires; returns the trained model, which is the one given."""
        methods = [] if self._validation is None else self._validation[3]
        loss, weights = heads_of(self.criterion, None)
        self.model.compile(self.optim_method, loss, loss_weights=weights, metrics=methods)
        rows = {"batch_size": self.batch_size, "verbose": 0, "epochs": _FOREVER, "end_trigger": self.end_trigger}
        if isinstance(self.end_trigger, MaxEpoch):
            rows["epochs"] = self.end_trigger.maximum
        if self._validation is not None:
            batch_size, data, trigger, _ = self._validation
            rows |= {"validation_data": data, "validation_batch_size": batch_size, "validation_trigger": trigger}
        if not isinstance(self.model, KerasNet):  # whose fit does so itself
            rows["callbacks"] = with_plateau(None, self.optim_method)
        features, labels = self.training_rdd if isinstance(self.training_rdd, tuple) else (self.training_rdd, None)
        self.model.fit(features, labels, **rows)
        return self.model


DistriOptimizer = LocalOptimizer = Optimizer

__all__ = [
    "AUC", "LBFGS", "MAE", "NDCG", "SGD", "Adadelta", "Adagrad", "Adam", "Adamax", "Default", "DistriOptimizer",
    "EpochSchedule", "EpochStep", "EveryEpoch", "Exponential", "Ftrl", "HitRatio", "L1L2Regularizer", "L1Regularizer",
    "L2Regularizer", "LarsSGD", "LocalOptimizer", "Loss", "MaxEpoch", "MaxIteration", "MaxScore",
    "MeanAveragePrecision", "MinLoss", "MultiStep", "NaturalExp", "OptimMethod", "Optimizer", "ParallelAdam", "Plateau",
    "Poly", "RMSprop", "SequentialSchedule", "SeveralIteration", "Step", "Top1Accuracy", "Top5Accuracy", "TrainSummary",
    "TreeNNAccuracy", "Trigger", "TriggerAnd", "TriggerOr", "ValidationSummary", "Warmup",
]
