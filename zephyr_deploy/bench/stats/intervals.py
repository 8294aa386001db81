"""Confidence intervals of means and percentiles, by the closed forms of the bootstrap over requests.

The bootstrap draws requests anew, with replacement, many times. What such draws would say is known without drawing:

- The share of values below a limit has a binomial distribution, if each request has one value. Turned round, it says
  between which of the ordered values a percentile is (Woodruff 1952); that interval holds for any distribution.
- Where a request has many values, the bootstrap over requests says how much that share varies; as many independent
  values as would vary so much take the place of all (Korn and Graubard 1998).
- Of a mean, it is the studentized bootstrap up to its second order, which follows a skewed distribution (Hall 1992,
  "On the removal of skewness by transformation", Journal of the Royal Statistical Society B 54).

Requests that follow each other are alike where a queue builds up or a server stalls; they count for fewer then.
"""

from __future__ import annotations

import math
from functools import lru_cache
from operator import mul
from statistics import NormalDist
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

CONFIDENCE = 0.95
FEWEST = 8
"""Requests below which nothing is said of a mean, and many values of one request count as one."""
FAR = 10
"""Standard deviations from the mean beyond which a binomial probability is nothing."""
LEAST = 0.05
"""Where skewness is so large that Hall's logarithm has no value, that of this is taken."""
LAGS = 64
"""Most lags over which residuals are held against each other one by one."""
NORMAL = NormalDist()


class Shares(NamedTuple):
    """How many values of each request are below a limit, of how many."""

    below: Sequence[int]
    sizes: Sequence[int]

    def effective(self, confidence: float) -> int:
        """As many independent values would know the share as well as these do; never more than there are."""
        total, requests = sum(self.sizes), len(self.sizes)
        if requests < FEWEST:  # how much requests differ cannot be told from so few, however many values each has
            return min(total, requests)
        share = sum(self.below) / total
        alone = total * share * (1 - share)
        if alone <= 0:  # all are below the limit: they have one value
            return total
        residuals = [below - share * size for below, size in zip(self.below, self.sizes, strict=True)]
        together = math.fsum(map(mul, residuals, residuals)) * inflation(residuals)
        if total > requests:
            # How much the requests differ is known from themselves alone; a binomial's variance is known anyway.
            z = NORMAL.inv_cdf((1 + confidence) / 2)
            together *= requests / (requests - 1) * (student(requests - 1, confidence) / z) ** 2
        return min(total, int(total * alone / together + 1e-9)) if together > 0 else total


def inflation(residuals: Sequence[float]) -> float:
    """By how much the variance of a sum grows because successive residuals are alike; 1.0: they are not.

    ``1 + 2 (r1 + r2 + ...)`` of their autocorrelations, as far as these are beyond chance (twice their standard error).
    Where they are so over many lags, as if a queue grows all the time, sums of neighbours take the place of the
    residuals: each lag reaches twice as far then, and the time that this takes grows with their number alone.
    """
    whole = power = math.fsum(map(mul, residuals, residuals))
    if whole <= 0:
        return 1.0
    while (factor := _alike(residuals, power)) is None:
        residuals = [a + b for a, b in zip(residuals[::2], residuals[1::2], strict=False)]
        power = math.fsum(map(mul, residuals, residuals))
    return factor * power / whole


def _alike(residuals: Sequence[float], power: float) -> float | None:
    """That sum for residuals of which ``power`` is the sum of squares; None: it takes more than `LAGS` lags."""
    count = len(residuals)
    chance, factor = 2 / math.sqrt(count), 1.0
    for lag in range(1, count // 4 + 1):
        if lag > LAGS:
            return None
        alike = sum(map(mul, residuals, residuals[lag:])) / power
        if alike <= chance:
            break
        factor += 2 * alike
    return factor


@lru_cache(maxsize=256)
def ranks(values: int, share: float, confidence: float) -> tuple[float, float] | None:
    """Between which shares of ``values`` independent ordered values the percentile of ``share`` is.

    The bounds are the shares of two values that were measured, the first being ``1 / values``. None: there are too few,
    for the percentile may be beyond the largest or below the smallest.
    """
    aside = (1 - confidence) / 2
    low = high = 0
    for count, upto in _binomial(values, share):
        if upto <= aside:
            low = count + 1
        if 1 - upto <= aside:
            high = count + 1
            break
    return (low / values, high / values) if low and 0 < high <= values else None


def _binomial(trials: int, share: float) -> list[tuple[int, float]]:
    """The probabilities of at most so many successes, where they are neither 0 nor 1 to a double's precision."""
    middle, reach = trials * share, FAR * math.sqrt(trials * share * (1 - share)) + FAR
    first, last = max(0, math.floor(middle - reach)), min(trials, math.ceil(middle + reach))
    log = math.lgamma(trials + 1) - math.lgamma(first + 1) - math.lgamma(trials - first + 1)
    chance = math.exp(log + first * math.log(share) + (trials - first) * math.log1p(-share))
    upto, found = 0.0, []
    for count in range(first, last + 1):
        upto += chance
        found.append((count, upto))
        chance *= (trials - count) / (count + 1) * share / (1 - share)
    return found


def interval_of_mean(
    sums: Sequence[float], sizes: Sequence[float], confidence: float = CONFIDENCE
) -> tuple[float, float] | None:
    """Between which values ``sum(sums) / sum(sizes)`` is; None: there are too few requests.

    Args:
        sums: Of each request, or of each piece of time.
        sizes: How many values are in each of the sums.
        confidence: How often such an interval holds the true mean.
    """
    count, total = len(sums), math.fsum(sizes)
    if count < FEWEST or total <= 0:
        return None
    mean = math.fsum(sums) / total
    residuals = [value - mean * size for value, size in zip(sums, sizes, strict=True)]
    squares = math.fsum(map(mul, residuals, residuals))
    factor = inflation(residuals)
    error = math.sqrt(squares * factor * count / (count - 1)) / total
    if error <= 1e-12 * abs(mean):
        return mean, mean
    skew = math.fsum(r**3 for r in residuals) / count / (squares / count) ** 1.5 / math.sqrt(count / factor)
    quantile = student(count - 1, confidence)
    low, high = (mean - error * _unskewed(side, skew) for side in (quantile, -quantile))
    return min(low, mean), max(high, mean)


def _unskewed(quantile: float, skew: float) -> float:
    """The studentized mean's quantile where the normal distribution's is ``quantile``: Hall's second transformation.

    ``skew`` is the skewness over the root of the number of values.
    """
    if abs(skew) < 1e-6:  # noqa: PLR2004 - what follows has no digits left; the limit is the quantile itself
        return quantile
    inner = 1 + 2 / 3 * skew * (quantile - skew / 6)
    return 1.5 / skew * math.log(max(inner, LEAST))


@lru_cache(maxsize=256)
def student(freedom: int, confidence: float) -> float:
    """Student's t, two-sided, by the expansion of Abramowitz and Stegun 26.7.5; off by < 0.5 % from 4 degrees on."""
    z = NORMAL.inv_cdf((1 + confidence) / 2)
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + first / freedom + second / freedom**2 + third / freedom**3


def interval_of_share(hits: Sequence[bool], confidence: float = CONFIDENCE) -> tuple[float, float] | None:
    """Between which values the share of hits is, of requests in their order; None: there are too few."""
    if len(hits) < FEWEST:
        return None
    share = sum(hits) / len(hits)
    return wilson(share, len(hits) / inflation([hit - share for hit in hits]), confidence)


def wilson(share: float, count: float, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Between which values a share of ``count`` independent requests is (Wilson 1927); all or none is not certain."""
    z = NORMAL.inv_cdf((1 + confidence) / 2)
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    reach = z / (1 + z * z / count) * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    return max(0.0, min(middle - reach, share)), min(1.0, max(middle + reach, share))
