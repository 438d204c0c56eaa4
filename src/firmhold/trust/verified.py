"""`Verified[T]` is a value that only a verifier can make.

A function that needs trust says so in its signature: it takes `Verified[Targets]`, not `Targets`.
There is no flag to forget and no way to build the value from the outside without naming the seal.

A discipline, not a jail: Python cannot stop a determined caller. A test lists the modules that
name `seal`, so that a new one is seen in review.
"""

from typing import Generic, NoReturn, TypeVar, final

from firmhold.trust.errors import Code, Misuse, UsageFault

T_co = TypeVar("T_co", covariant=True)
T = TypeVar("T")

_SEAL = object()


@final
class Verified(Generic[T_co]):
    """A value whose verification is finished; `value` gives it back."""

    __slots__ = ("_value",)

    _value: T_co

    def __init__(self, value: T_co, by: object = None) -> None:
        if by is not _SEAL:
            raise Misuse(UsageFault(code=Code.MISUSE, what="Verified is made by a verifier only"))
        object.__setattr__(self, "_value", value)

    @property
    def value(self) -> T_co:
        """What was verified."""
        return self._value

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise Misuse(UsageFault(code=Code.MISUSE, what=f"Verified does not change: {name}"))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Verified) and self._value == other.value

    def __hash__(self) -> int:
        return hash((Verified, self._value))

    def __repr__(self) -> str:
        return f"Verified({self._value!r})"


def seal(value: T) -> Verified[T]:
    """Return `value` as verified. To be called at the end of a verification, nowhere else."""
    return Verified(value, by=_SEAL)
