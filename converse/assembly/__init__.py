"""What is built with the operator: blocks, networks by name, released weights, layers swapped in a user's network.

What may enter: modules made of operators and torch layers, and whatever puts them together or takes them apart. What
never does: the operator's arithmetic (``converse.mathematics``), or the name of a single network
(``converse.models``), which is data here.
"""
