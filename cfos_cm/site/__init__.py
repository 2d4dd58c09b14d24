"""
What is known about the site: its circuits, its EVSEs, their transactions, and what happened.

Values only. Events come in, L{cfos_cm.site.state.fold} makes the next state of them; nothing in
here reads a clock or talks to anybody.
"""
