"""The single steps and the sub-policies of bank B that a study measures."""

from workflow_scripts.common.errors import InputError
from workflow_scripts.transformations import bank_b
from workflow_scripts.transformations.bank_b import Step, Steps
from workflow_scripts.transformations.entry import MAGNITUDES
from workflow_scripts.transformations.settings import BankB


def singles(bank: BankB) -> tuple[Step, ...]:
    """Single steps of the block: those in its policies and the rescale indices, of its operations; then its own ones.

    Raises `InputError` where nothing is left.
    """
    steps = [step for step in bank_b.singles(bank_b.pool(bank.policies)) if step[0] in bank.operations]
    for name, one in bank.custom.items():
        steps += [(name, index) for index in (range(1, MAGNITUDES) if one.values else [0])]
    if not steps:
        raise InputError("banks.b: none of its operations occurs in its policies; name more of either")
    return tuple(steps)


def subpolicies(bank: BankB) -> tuple[Steps, ...]:
    """Sub-policies of the block, both of whose operations it names; none where it leaves them out."""
    if not bank.subpolicies:
        return ()
    return tuple(s for s in bank_b.pool(bank.policies) if all(operation in bank.operations for operation, _ in s))
