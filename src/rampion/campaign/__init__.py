"""Many samples → scatter, scaling laws with errors in both axes, collapse, survival with censoring.

Functions of arrays and estimates only: nothing here knows how a sample's numbers were found.
"""
