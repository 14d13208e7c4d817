"""Heads of one encoder on Ray Serve: each replica can answer all of them, and questions go where one is warm.

A head is a few kilobytes on an encoder that every replica has anyway, so multiplexing here decides nothing
about where a head *can* be answered. It tells Serve which heads a replica was asked for, and Serve prefers
that replica, so that heads beyond the budget of memory are not read anew at every turn. A model's own head
stays in memory everywhere and is asked without; a release without heads is not multiplexed at all.
Leaves to others: reading heads and letting them go (`bundle.trunk`).
Always: an answer is the same wherever a head is asked.
"""

from __future__ import annotations

from smallcraft.serve.ray.replica import ReleaseReplica

# Serve keeps names only; what heads take of memory is the trunk's to bound.
_MOST_NAMES = 256


def replica_class(*, has_heads: bool) -> type[ReleaseReplica]:
    """The class of a release's replicas.

    Args:
        has_heads: Whether it answers for other heads than its own.
    """
    if not has_heads:
        return ReleaseReplica
    from ray import serve

    take = serve.multiplexed(max_num_models_per_replica=_MOST_NAMES)(ReleaseReplica.take_head)
    return type("MultiplexedReplica", (ReleaseReplica,), {"take_head": take})
