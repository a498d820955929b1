"""One trace to findings: ohmic line, peak, penetration, shorts, contact loss, the verdict, charge and semi-integral."""
