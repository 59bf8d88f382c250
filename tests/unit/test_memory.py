"""What a hash works on lies in huge pages, stays for the next one, and goes when there is none."""

import subprocess
import sys
from pathlib import Path

HUGE_PAGES = Path("/sys/kernel/mm/transparent_hugepage/enabled")
SCRIPT = """
import ctypes, time
from authserver.memory import Kept

SIZE = 19 * 1024 * 1024
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_size_t], [ctypes.c_void_p]

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096

def flags_at(address):
    flags, here = [], False
    for line in open("/proc/self/smaps"):
        name, _, rest = line.partition(" ")
        if not name.endswith(":"):
            begin, end = (int(part, 16) for part in name.split("-"))
            here = begin <= address < end
        elif here and name == "VmFlags:":
            flags = rest.split()
    return flags

kept = Kept(rest=0.05)
kept.begin()
before = resident()
kept.wanted(SIZE)
block = libc.malloc(SIZE)
ctypes.memset(block, 1, SIZE)
libc.free(block)
stays = resident() - before
kept.used()
ends = time.monotonic() + 10
while resident() - before > SIZE // 2 and time.monotonic() < ends:
    time.sleep(0.01)
goes = resident() - before < SIZE // 2
kept.wanted(SIZE)
block = libc.malloc(SIZE)
print(stays > SIZE // 2, goes, "hg" in flags_at(block + SIZE // 2))
"""


def test_a_large_block_is_kept_for_the_next_hash_and_given_back_when_there_is_none() -> None:
    """And the next one lies in huge pages, where the kernel has any: also after everything was given back."""
    said = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    assert said.stdout.split() == ["True", "True", str(HUGE_PAGES.exists())]
