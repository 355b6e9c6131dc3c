#!/usr/bin/env python3
"""A buffer from Python: os.open, fcntl.ioctl, mmap. Prints what it saw, one `name value` a line."""

import fcntl
import mmap
import os
import struct

ALLOC = 0xC0184800  # DMA_HEAP_IOCTL_ALLOC
SYNC = 0x40086200  # DMA_BUF_IOCTL_SYNC
SET_NAME = 0x40086201  # DMA_BUF_SET_NAME_B
READ, WRITE, END = 1, 2, 4
LENGTH = 65536


def bufinfo_total():
    with open("/sys/kernel/debug/dma_buf/bufinfo", encoding="ascii") as file:
        return file.read().rsplit("\n\nTotal ", 1)[1].split()[0]


def main():
    print("heaps", ",".join(sorted(os.listdir("/dev/dma_heap"))))
    heap = os.open("/dev/dma_heap/system", os.O_RDWR | os.O_CLOEXEC)
    argument = bytearray(struct.pack("=QIIQ", LENGTH, 0, os.O_RDWR | os.O_CLOEXEC, 0))
    fcntl.ioctl(heap, ALLOC, argument)
    os.close(heap)
    fd = struct.unpack("=QIIQ", argument)[1]
    print("size", os.lseek(fd, 0, os.SEEK_END))
    fcntl.ioctl(fd, SET_NAME, b"from-python\0")
    print("link", os.readlink(f"/proc/self/fd/{fd}"))
    with mmap.mmap(fd, LENGTH, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE) as one:
        fcntl.ioctl(fd, SYNC, struct.pack("=Q", WRITE))
        one[:6] = b"python"
        fcntl.ioctl(fd, SYNC, struct.pack("=Q", WRITE | END))
        # mmap duplicates the descriptor: a second one sees the same memory.
        with mmap.mmap(fd, LENGTH, mmap.MAP_SHARED, mmap.PROT_READ) as other:
            print("read", other[:6].decode())
        print("total", bufinfo_total())
    os.close(fd)
    print("left", bufinfo_total())
    try:
        os.open("/dev/dma_heap/nothing", os.O_RDWR)
    except OSError as error:
        print("missing", type(error).__name__)


main()
