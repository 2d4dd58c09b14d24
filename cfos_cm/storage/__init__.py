"""
What has to outlive the process: transactions, what backends are owed, tags, reservations, what
Charge Points said of themselves, and what they were given.

One thread writes. What it is asked for at the same time is committed together, and nobody is
answered before that commit is on disk.
"""
