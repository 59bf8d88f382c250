"""What a hash worked on stays for the next one, and goes when there is none."""

import subprocess
import sys

SCRIPT = """
import ctypes, time
from authserver.memory import Kept

SIZE = 19 * 1024 * 1024
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_size_t], [ctypes.c_void_p]

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096

kept = Kept(rest=0.05)
kept.begin()
before = resident()
block = libc.malloc(SIZE)
ctypes.memset(block, 1, SIZE)
libc.free(block)
stays = resident() - before
kept.used()
ends = time.monotonic() + 10
while resident() - before > SIZE // 2 and time.monotonic() < ends:
    time.sleep(0.01)
print(stays > SIZE // 2, resident() - before < SIZE // 2)
"""


def test_a_large_block_is_kept_for_the_next_hash_and_given_back_when_there_is_none() -> None:
    said = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    assert said.stdout.split() == ["True", "True"]
