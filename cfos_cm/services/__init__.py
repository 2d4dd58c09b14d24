"""What the program is made of when it runs: its configuration, and the parts that it starts."""
