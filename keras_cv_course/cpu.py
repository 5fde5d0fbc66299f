"""What the processor can do, without importing anything heavy."""

from pathlib import Path


def cpu_flags() -> frozenset[str]:
    """Give the CPU's feature flags, as Linux names them; empty where they cannot be read."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return frozenset()
    flags = next((line for line in lines if line.startswith(("flags", "Features"))), "")
    return frozenset(flags.partition(":")[2].split())


def cpu_has_bfloat16() -> bool:
    """Tell whether the CPU multiplies bfloat16 numbers itself (AVX-512 BF16, AMX, or Arm's BF16)."""
    return bool(cpu_flags() & {"avx512_bf16", "amx_bf16", "bf16"})
