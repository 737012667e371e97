"""What an answer that is kept depends on, as tags.

Whoever changes something changes the generation of its tags; an answer is good while the
generations of all its tags are what they were when it was looked for. Readers and writers are
different functions, so what they must agree on is here.
"""

import secrets

GENERATION_SECONDS = 600.0
"""How long a generation is kept: longer than any answer that depends on it, and any computation."""
_GENERATION_BYTES = 8


def new_generation() -> bytes:
    """One that there was never before.

    It is random: were it counted, a counter that got lost could come to a number again for which an
    old answer still lies around.
    """
    return secrets.token_bytes(_GENERATION_BYTES)


def everything(tenant: str) -> str:
    """The list of all interactions."""
    return _tag("all", tenant)


def of_customer(tenant: str, customer_id: str) -> str:
    return _tag("customer", tenant, customer_id)


def of_channel(tenant: str, channel: str) -> str:
    return _tag("channel", tenant, channel)


def of_sentiment(tenant: str, sentiment: str) -> str:
    """Of those with a label, or ``pending``."""
    return _tag("sentiment", tenant, sentiment)


def removals(tenant: str) -> str:
    """All lists: whoever deletes by id does not know which ones hold it."""
    return _tag("removals", tenant)


def analytics(tenant: str) -> str:
    return _tag("analytics", tenant)


def taxonomy(tenant: str) -> str:
    return _tag("taxonomy", tenant)


def of_interaction(tenant: str, customer_id: str, channel: str, sentiment: str) -> frozenset[str]:
    """Everything that an interaction of this image shows in."""
    return frozenset(
        {
            everything(tenant),
            of_customer(tenant, customer_id),
            of_channel(tenant, channel),
            of_sentiment(tenant, sentiment),
            analytics(tenant),
        }
    )


def of_removal(tenant: str) -> frozenset[str]:
    """Everything that an interaction may have shown in of which only the id is known."""
    return frozenset({everything(tenant), removals(tenant), analytics(tenant)})


def of_list(
    tenant: str, *, customer_id: str | None, channel: str | None, sentiment: str | None
) -> tuple[str, ...]:
    """What a list with these filters depends on; the narrowest filter is enough.

    Whatever comes into the list or leaves it has, before or after, all that is filtered by.
    """
    if customer_id is not None:
        narrowest = of_customer(tenant, customer_id)
    elif channel is not None:
        narrowest = of_channel(tenant, channel)
    elif sentiment is not None:
        narrowest = of_sentiment(tenant, sentiment)
    else:
        return (everything(tenant),)
    return (narrowest, removals(tenant))


def _tag(kind: str, tenant: str, value: str = "") -> str:
    # Were two of these ever alike, both would be changed together: more than needed, never less.
    return f"tag:{tenant}:{kind}:{value}"
