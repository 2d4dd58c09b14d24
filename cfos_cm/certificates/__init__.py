"""Certificates and keys: read, made, signed and judged. No files, no sockets, no clock."""
