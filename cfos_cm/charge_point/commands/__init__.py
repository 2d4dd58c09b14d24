"""What is done with each request of a backend: one function and one row each."""
