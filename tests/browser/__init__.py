"""The page in a real browser, before a manager that runs as a process of its own."""
