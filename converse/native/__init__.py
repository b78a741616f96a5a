"""Operator and block compiled: one C++ source, built once by an explicit step, used for eager CPU tensors where it is.

``source/`` holds the C++ (no Python, no ATen: plain pointers); ``build`` compiles it, ``loading`` finds, tests
and loads what was built, ``serving`` answers the one question whether a call can be served, with its reason,
``operator`` and ``upsampler`` are what :mod:`converse.mathematics` calls, ``block`` what :mod:`converse.assembly`
calls. Without a compiler none of it is needed: the torch path computes the same.
"""
