"""The operator as mathematics: pure functions of tensors, from its setting to :func:`converse2d` and its gradients.

What may enter: equations of the paper and their derivatives, transforms, padding, checks of arguments; torch, this
folder, and ``converse.native``, which computes the same where it is built. What never does: layers, parameters, names
of operators or networks, files, the two witnesses (``converse.reference``, ``converse.algorithm1``), which share no
code with what they are witnesses of.
"""
