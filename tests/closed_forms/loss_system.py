"""Erlang's loss formula and an interval from independent replications, worked out from their definitions."""
import math
import statistics

# B(offered Erlang, doors), as published tables have it.
GOLDEN = {(40, 50): 0.018690671, (70, 79): 0.029547792, (80, 79): 0.091844551, (100, 100): 0.075700453}


def erlang_b(offered, doors):
    """Share of arrivals that find all doors taken, by the recursion over doors."""
    blocked = 1.0
    for door in range(1, doors + 1):
        blocked = offered * blocked / (door + offered * blocked)
    return blocked


def biased_b(offered, doors, bias):
    """The same where that share of those who would find a door is sent away."""
    full = erlang_b((1 - bias) * offered, doors)
    return full + bias * (1 - full)


def student_quantile(probability, freedom):
    """Of Student's distribution, by the expansion around the normal one (Cornish and Fisher); for 30 degrees of freedom and more its
    error is below 0.0005 up to a probability of 0.9999."""
    z = statistics.NormalDist().inv_cdf(probability)
    return (z + (z**3 + z) / (4 * freedom) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)
            + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * freedom**3))


def ratio_interval(parts, wholes, confidence):
    """(sum of parts / sum of wholes, half the width of its interval); each station is one independent replication."""
    count = len(parts)
    ratio = sum(parts) / sum(wholes)
    squares = sum((part - ratio * whole) ** 2 for part, whole in zip(parts, wholes))
    error = math.sqrt(squares / (count * (count - 1))) / (sum(wholes) / count)
    return ratio, student_quantile(0.5 + confidence / 2, count - 1) * error
