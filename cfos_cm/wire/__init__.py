"""
Frames and codecs: bytes in, values out.

No sockets and no clocks. Whatever a peer sends, a decoder here either returns a value or raises
L{cfos_cm.errors.RemoteProtocolError}.
"""
