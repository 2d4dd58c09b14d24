"""
What an operator can have a Charge Point do: every action that a Central System sends.

L{cfos_cm.central_system.commands.operator.Operator} is the way in. What it sends has passed the
rules of L{cfos_cm.central_system.commands.objections}; what needs more than one message, or has
to be remembered, has a module of its own.
"""
