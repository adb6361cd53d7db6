"""Errors of our own; everything else is ValueError, TypeError or RuntimeError with a message that says what to do."""


class WorkerLost(RuntimeError):
    """A worker of the training team stopped answering; the fit may be retried from its last snapshot."""


class WorkerSilent(WorkerLost):
    """A worker did not answer before the deadline, though its connection stands."""


class RowsLost(RuntimeError):
    """A worker's rows are not on the machine where its task runs; they must be written there anew."""


class PartsLost(RuntimeError):
    """A part of the training state is nowhere to be found any more; the fit may be retried from its last snapshot."""


def add_place(error: BaseException, place: str) -> BaseException:
    """Append where the error happened to its message, so that it survives pickling and Spark's wrapping."""
    if error.args and isinstance(error.args[0], str):
        error.args = (f"{error.args[0]} ({place})", *error.args[1:])
    else:
        error.args = (*error.args, place)
    return error
