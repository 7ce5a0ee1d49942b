"""The Python that Monty runs as CPython does; code beyond it is refused before any of it runs.

`constructs` holds what is refused for its form, `surface` the names and methods that mean the same,
`patterns` the regular expressions, `callbacks` where the robot cannot be called.
"""
