"""What a brake reaches: the words of the contract in terms of the one who carries it out."""

from __future__ import annotations

from engine.api import Scope, ScopeKind
from engine.execution.kill import Reach
from engine.risk.brakes import Brake


def reach_of(scope: Scope) -> Reach:
    """What a command of this scope reaches."""
    match scope.kind:
        case ScopeKind.STRATEGY:
            return Reach(strategy=scope.name)
        case ScopeKind.SYMBOL:
            return Reach(key=scope.name)
        case ScopeKind.ACCOUNT:
            return Reach()


def reach_of_brake(brake: Brake) -> Reach:
    """What a brake reaches."""
    return reach_of(Scope(ScopeKind(brake.scope.value), brake.name))
