"""
What has to outlive the process: transactions, tags, and what Charge Points said of themselves.

One thread writes. What it is asked for at the same time is committed together, and nobody is
answered before that commit is on disk.
"""
