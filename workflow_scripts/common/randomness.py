"""Random numbers that are functions of seeds and counters, whatever the batches, workers and ranks."""

import hashlib
import struct

import torch


def stream(*counters: int) -> int:
    """Seed that mixes several counters (64-bit integers), so that neighbours share nothing."""
    packed = struct.pack(f"<{len(counters)}q", *counters)
    return int.from_bytes(hashlib.blake2b(packed, digest_size=8).digest(), "little")


def item_generator(seed: int, epoch: int, image_id: int) -> torch.Generator:
    """Random numbers of one image in one epoch, whatever the batch size, the workers and the ranks.

    torch's CPU generator keeps 32 bits of a seed, so two items in four thousand million share a stream.
    """
    return torch.Generator().manual_seed(stream(seed, epoch, image_id))


def uniform(low: float, high: float, generator: torch.Generator) -> float:
    """Draw from U(low, high) in double precision."""
    return low + (high - low) * float(torch.rand((), generator=generator, dtype=torch.float64))


def integer(largest: int, generator: torch.Generator) -> int:
    """Draw one of 0, ..., `largest`, all equally likely."""
    return int(torch.randint(largest + 1, (), generator=generator))
