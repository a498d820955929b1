"""A law → diffusivity, conductivity, transference number, carrier concentration, limiting current.

Every number comes with its uncertainty, what its method assumes, and whether that holds for these data.
"""
