"""A garage with its cars, house and wires, second by second, around the real control loop."""
