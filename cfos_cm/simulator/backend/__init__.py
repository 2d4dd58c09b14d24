"""
A virtual billing backend: a Central System of its own, in a process of its own.

It knows nothing of the site: whoever connects is taken for a Charge Point, and gets a line for
each transaction that it has told of from its start to its end.
"""
