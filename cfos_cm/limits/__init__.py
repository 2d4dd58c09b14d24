"""
How much current each EVSE may offer, and why.

Pure decisions: rules give ceilings (L{cfos_cm.limits.catalog} lists them), what is left of each
circuit is shared (L{cfos_cm.limits.share}), and what may be ordered right now follows from what
may still be in force (L{cfos_cm.limits.transition}).
"""
