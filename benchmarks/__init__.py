"""Load benchmarks: what a change costs, and what it would cost at the least.

`python -m benchmarks` runs all cases; docs/performance.md says what is compared and why.
"""
