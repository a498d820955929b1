"""What a campaign's numbers may have to say about themselves."""

from __future__ import annotations

from rampion.estimate import FlagKind, Severity


class CampaignFlag(FlagKind):
    """Findings about replicates, scaling laws and survival."""

    OUTLIER = (
        Severity.WARNING,
        "Sample {index} lies {score:.1f} robust standard deviations from the median of its replicates; it was kept.",
    )
    ONE_PELLET = (
        Severity.WARNING,
        "All samples come from one parent pellet: the interval describes that pellet, not the material.",
    )
    FEW_SAMPLES = (Severity.WARNING, "Only {count} samples: an interval from so few is wide and rests on normality.")
    SINGLE_SAMPLE = (Severity.WARNING, "One sample only: its scatter is not known.")
    ALL_CENSORED = (Severity.NOTE, "No sample of {count} penetrated: only a lower bound can be given.")
    MEDIAN_NOT_REACHED = (
        Severity.NOTE,
        "Fewer than half of the samples penetrated within the range tested: the median is a lower bound.",
    )
    WEIBULL_FEW_EVENTS = (
        Severity.WARNING,
        "The Weibull shape rests on {events} penetrations; with fewer than ten it comes out too large by about "
        "{excess:.0%} on average.",
    )
    CENSORED_MEAN = (
        Severity.WARNING,
        "{censored} of {count} samples did not penetrate: the plain mean of the penetrated ones is biased low; use the "
        "survival curve.",
    )
    SHORT_RANGE = (
        Severity.WARNING,
        "{name} spans a factor of only {ratio:.2g}: an exponent over less than a factor of four is fragile.",
    )
    NOT_SEPARABLE = (
        Severity.INVALID,
        "The design does not separate {names}: they vary together (correlation {correlation:.3f}); add a sample that "
        "breaks the pattern.",
    )
    INTERCEPT = (
        Severity.WARNING,
        "A line forced through the origin does not describe these points: the intercept differs from zero "
        "(p = {p_value:.2g}).",
    )
    POOR_DESCRIPTION = (
        Severity.WARNING,
        "The points scatter {ratio:.1f} times as much as their stated uncertainties; the excess was added to the "
        "errors.",
    )
    CURVED = (
        Severity.WARNING,
        "The points bend away from one power law (p = {p_value:.2g}): the exponent is an average over the range.",
    )
