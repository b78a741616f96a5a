"""What is built with the operators: blocks, networks by name, released weights, replacement of layers, frozen filters.

Parameters and state dicts live here, in ``converse/operators`` and in ``converse/models``; formulas do not.
"""
