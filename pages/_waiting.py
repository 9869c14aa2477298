"""Words for those who wait for their turn."""


def describe_waiting(num_ahead: int | None, thing: str) -> str:
    """Return one's place in the queue in words.

    Args:
        num_ahead: how many turns come before, None while that is unknown.
        thing: what is waited for: "video" or "picture".
    """
    if not num_ahead:
        return f"Waiting: the next free place on this server is for this {thing} …"
    things = thing if num_ahead == 1 else f"{thing}s"
    verb = "comes" if num_ahead == 1 else "come"
    return f"Waiting: {num_ahead} {things} {verb} before this one on this server …"
