"""
Wallboxes with the oddities of real ones, to be played against any Central System.

Each persona is one entry of the catalogue: who it is, where it was seen, and a script that does
over a real socket what that wallbox does. What the Central System made of it is the verdict.
"""
