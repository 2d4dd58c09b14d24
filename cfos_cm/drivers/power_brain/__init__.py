"""The cFos Power Brain: its registers, and how it is steered by them."""
