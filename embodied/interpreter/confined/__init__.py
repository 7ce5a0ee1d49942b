"""The programs inside the full interpreter's processes, and what host and programs share.

Everything here uses the standard library only and imports its neighbours relatively: the processes
load this folder by its path and never import `embodied`.
"""
