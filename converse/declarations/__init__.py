"""What an operator or a network says about itself, read from its file as a literal: names, roles, options, labels.

What may enter: reading and checking of declarations, and settling a network's options, all without torch, so that a
workflow is planned in milliseconds (:func:`load_operator` alone imports an operator's file, when it is asked to).
What never does: tensors, layers, anything that runs a network.
"""
