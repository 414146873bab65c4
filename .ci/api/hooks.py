"""Schemathesis cannot write lines of JSON by itself: a batch is a line, or any text."""

import schemathesis


@schemathesis.serializer("application/x-ndjson")
def ndjson(ctx, value):
    return value if isinstance(value, bytes) else str(value).encode()


@schemathesis.hook
def map_body(ctx, body):
    """A total that is made up is never the sum of the lines, and hides what else the edge does with an order."""
    total = body.get("expected_total") if isinstance(body, dict) else None
    if type(total) is int and 0 <= total < 10**12:
        return {name: value for name, value in body.items() if name != "expected_total"}
    return body
