"""What Schemathesis has to know to write our bodies: SDP is text."""

import schemathesis


@schemathesis.serializer("application/sdp", "application/trickle-ice-sdpfrag")
def text(_, value):
    return value if isinstance(value, bytes) else str(value).encode()
