"""Experiments as data: ``config/`` read, validated and resolved to runs with an identity; every path of the project.

Imports no torch, so that the workflow's graph is known in a blink. What is not in a file of ``config/`` or
``datasets.yaml`` is not decided here.
"""
