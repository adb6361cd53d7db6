"""Every kernel of the table passes every check that applies to it."""

from __future__ import annotations

import pytest

from bigdl_keras.kernels import KERNELS
from tests.kernels import kernel_checks as checks
from tests.kernels.case_tables import CASES
from tests.kernels.kernel_checks import Case

every_case = pytest.mark.parametrize("case", CASES, ids=str)


def test_every_kernel_has_a_case() -> None:
    assert set(KERNELS) == {case.kernel for case in CASES}


@pytest.mark.parametrize("case", [case for case in CASES if case.reference is not None], ids=str)
def test_forward_equals_the_formula(case: Case) -> None:
    checks.check_reference(case)


@pytest.mark.parametrize("case", [case for case in CASES if KERNELS[case.kernel].gradient is not None], ids=str)
def test_gradient_equals_central_differences(case: Case) -> None:
    checks.check_gradient(case)


@pytest.mark.parametrize(
    "case", [case for case in CASES if KERNELS[case.kernel].several and KERNELS[case.kernel].gradient], ids=str
)
def test_each_output_alone_may_flow_back(case: Case) -> None:
    checks.check_silent_outputs(case)


@every_case
def test_inputs_stay_untouched(case: Case) -> None:
    checks.check_inputs_untouched(case)


@every_case
def test_buffers_change_nothing(case: Case) -> None:
    checks.check_buffers(case)


@every_case
def test_shape_rule_equals_the_arrays(case: Case) -> None:
    checks.check_shapes(case)


@every_case
def test_single_precision_stays(case: Case) -> None:
    checks.check_single_precision(case)


@pytest.mark.parametrize("case", [case for case in CASES if case.batched], ids=str)
def test_no_rows(case: Case) -> None:
    checks.check_no_rows(case)
