"""The rival explanations of a current limit or a penetration, one file each, and the evidence for every one of them.

A mechanism is a few closed forms and its predictions for the arguments of :mod:`rampion.mechanisms.argument`;
:mod:`rampion.mechanisms.evidence` holds them against what was measured.
"""
