"""The mathematics of the operator: from feature map, kernel and lambda to the answer of Eq. (4), and its gradients.

Functions of tensors, no module and no name of a network. The two witnesses that this is tested against,
:mod:`converse.reference` and :mod:`converse.algorithm1`, share no code with it and stand beside it.
"""
