"""What the twins of Molmo-7B-D share: the shapes of its decoder, Qwen2-7B, and how they are timed."""

import statistics
import time

LAYERS, WIDTH, HEADS, KV_HEADS, HEAD, MLP, VOCABULARY = 28, 3584, 28, 4, 128, 18944, 152064


def seconds(run, repetitions):
    """Median of as many calls, after one more."""
    run()
    times = []
    for _ in range(repetitions):
        begin = time.perf_counter()
        run()
        times.append(time.perf_counter() - begin)
    return statistics.median(times)
