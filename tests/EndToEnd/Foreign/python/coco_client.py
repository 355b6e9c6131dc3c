#!/usr/bin/python3
"""A CocoGuest client in Python, with nothing of CocoGuest's own libraries: how to use the server from any language.

It needs Debian's python3-grpcio and python3-protobuf, and stubs made from protos/ by protoc:

    protoc -I protos --python_out=STUBS --grpc_python_out=STUBS \\
        --plugin=protoc-gen-grpc_python=/usr/bin/grpc_python_plugin \\
        protos/cocoguest/v1/*.proto protos/google/rpc/*.proto

Then, with a server running:

    PYTHONPATH=STUBS ./coco_client.py walk unix:/tmp/cocoguest-0/cocoguest.sock     # or: walk 127.0.0.1:7070
    PYTHONPATH=STUBS ./coco_client.py watch 127.0.0.1:7070                          # waits until the server dies

`walk` takes a buffer through its whole life and ends with one line of JSON: what each step saw. `import` is the second
process of the walk, started by it. `nic SOCKET` is a simulated NIC for a program under `coco run --guest`: it takes
the program's dma-buf from that socket, imports it and writes to it by DMA. Every step below says which system call or kernel function it stands for.
"""

import json
import mmap
import os
import socket
import struct
import subprocess
import sys

import grpc
from cocoguest.v1 import device_service_pb2 as device
from cocoguest.v1 import device_service_pb2_grpc as device_grpc
from cocoguest.v1 import dma_pb2 as dma
from cocoguest.v1 import guest_service_pb2 as guest
from cocoguest.v1 import guest_service_pb2_grpc as guest_grpc
from google.rpc import error_details_pb2, status_pb2

SIZE = 64 * 1024


class Broker:
    """The fd broker: a token goes in, a memfd comes out (docs/protocol.md has the two frames byte for byte).

    gRPC cannot carry a file descriptor; a Unix socket can (SCM_RIGHTS), and Python has that as socket.recv_fds.
    """

    MAGIC = 0x31424743
    REQUEST = struct.Struct("<II16s8x")  # magic, operation, token, zero
    ANSWER = struct.Struct("<IIIIQQ16s")  # magic, kind, errno, flags, backing id, size of the memfd, token
    REDEEM, SHARE = 1, 2
    KIND_FD, KIND_ERROR, KIND_REVOKED, KIND_SHARE_TOKEN = 1, 2, 3, 4

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.connect(path)

    def redeem(self, token):
        """Returns (fd, size of the memfd, backing id). A token works once."""
        self.socket.sendall(self.REQUEST.pack(self.MAGIC, self.REDEEM, bytes.fromhex(token)))
        fds, size, backing, answered = self.answer()
        assert answered == bytes.fromhex(token)
        return fds[0], size, backing

    def share(self, fd):
        """A dma-buf's fd from a program under `coco run` becomes a share token for ImportBuffer. Returns (token, size)."""
        socket.send_fds(self.socket, [self.REQUEST.pack(self.MAGIC, self.SHARE, bytes(16))], [fd])
        _, size, _, token = self.answer()
        return token.hex(), size

    def answer(self):
        while True:
            # A frame is small and sent at once; the fd arrives with its first byte.
            frame, fds, flags, _ = socket.recv_fds(self.socket, self.ANSWER.size, 1)
            if not frame:
                raise ConnectionError("the broker hung up: the server is gone")
            while len(frame) < self.ANSWER.size:
                frame += self.socket.recv(self.ANSWER.size - len(frame))
            magic, kind, errno, _, backing, size, answered = self.ANSWER.unpack(frame)
            assert magic == self.MAGIC and not flags & socket.MSG_CTRUNC
            if kind == self.KIND_REVOKED:
                continue  # Some memory was taken back. Not what this call waits for.
            if kind == self.KIND_ERROR:
                raise OSError(errno, os.strerror(errno) + " (the broker)")
            return fds, size, backing, answered

    def map(self, answer, length):
        """Redeems the token of an Mmap or MapDmaBuf answer and maps the memory: real shared memory, no copy."""
        fd, _, backing = self.redeem(answer.fd_token)
        assert backing == answer.backing_id
        memory = mmap.mmap(fd, length, offset=getattr(answer, "fd_offset", 0))
        os.close(fd)  # The mapping keeps the memory.
        return memory


class Process:
    """A process of the guest. The OpenProcess stream is its life: when this program dies, the process dies."""

    def __init__(self, target, name):
        # The Unix socket tells the server who calls, so that it notices this program's death at once, even by kill -9.
        self.channel = grpc.insecure_channel(target)
        self.guest = guest_grpc.GuestServiceStub(self.channel)
        self.device = device_grpc.DeviceServiceStub(self.channel)
        self.stream = self.guest.OpenProcess(guest.OpenProcessRequest(name=name))
        opened = next(self.stream).opened  # Always the first message.
        self.handle = opened.process
        self.broker = Broker(opened.broker_path)

    def exit(self):
        """A clean exit. The stream ends, and all that the process still holds is closed."""
        self.guest.ExitProcess(guest.ExitProcessRequest(process=self.handle))
        for _ in self.stream:
            pass
        self.channel.close()


def error_info(error):
    """The google.rpc.ErrorInfo of a failed call: the errno's name and where it came from."""
    for key, value in error.trailing_metadata():
        if key == "grpc-status-details-bin":
            info = error_details_pb2.ErrorInfo()
            assert status_pb2.Status.FromString(value).details[0].Unpack(info)
            return {"reason": info.reason, "code": error.code().name, "sentence": error.details(), **info.metadata}
    return {"reason": None, "code": error.code().name, "sentence": error.details()}


def walk(target):
    seen = {"target": target.split(":")[0]}
    app = Process(target, "python")
    on = {"process": app.handle}  # Goes into every request; `guest` stays empty, which is "default".

    # A simulated device of this process. MAPPED: MapDmaBuf gives it an fd token too, so that its bytes need no server.
    app.device.RegisterDevice(device.RegisterDeviceRequest(name="python0", kind="rdma", mode=dma.MAPPED, **on))

    # open("/dev/dma_heap/system_cc_shared") and DMA_HEAP_IOCTL_ALLOC: pages that the guest shares with its host.
    buffer = app.guest.AllocateBuffer(guest.AllocateBufferRequest(heap="system_cc_shared", len=SIZE, **on))
    seen["size"], seen["host_visible"] = buffer.size, buffer.host_visible

    # mmap of the dma-buf, in two steps: the guest's side by gRPC, this program's side by the broker.
    mapped = app.guest.Mmap(guest.MmapRequest(fd=buffer.fd, **on))
    memory = app.broker.map(mapped, mapped.length)
    memory[0:16] = b"written by CPU  "

    # A token works once.
    try:
        app.broker.redeem(mapped.fd_token)
        seen["second_redeem"] = 0
    except OSError as refused:
        seen["second_redeem"] = refused.errno

    # dma_buf_attach and dma_buf_map_attachment: the addresses that the device puts on the bus.
    attached = app.guest.Attach(guest.AttachRequest(fd=buffer.fd, device="python0", **on))
    dma_map = app.guest.MapDmaBuf(guest.MapDmaBufRequest(attachment=attached.attachment, direction=dma.DMA_BIDIRECTIONAL, **on))
    seen["bounced"] = dma_map.bounced
    seen["segment_bytes"] = sum(segment.length for segment in dma_map.segments)
    address = dma_map.segments[0].dma_address

    # The device reads what the CPU wrote, and the CPU sees what the device writes: by DMA through the server ...
    read = app.device.DmaRead(device.DmaReadRequest(device="python0", dma_address=address, length=16, **on))
    seen["dma_read"] = read.data.decode()
    app.device.DmaWrite(device.DmaWriteRequest(device="python0", dma_address=address + 4096, data=b"written by DMA  ", **on))
    seen["after_dma_write"] = memory[4096:4112].decode()

    # ... and by the device's own mapping of the same memory, with no server between.
    device_memory = app.broker.map(dma_map, attached.size)
    device_memory[8192:8208] = b"by mapped device"
    seen["after_mapped_write"] = memory[8192:8208].decode()

    # sendmsg(SCM_RIGHTS) of the dma-buf to another process. The share token stands for the fd in flight.
    exported = app.guest.ExportBuffer(guest.ExportBufferRequest(fd=buffer.fd, **on))
    other = subprocess.run([sys.executable, __file__, "import", target, exported.share_token], stdout=subprocess.PIPE, check=True)
    seen["other_process"] = json.loads(other.stdout)
    seen["after_other_process"] = memory[12288:12304].decode()
    stat = app.guest.StatBuffer(guest.StatBufferRequest(fd=buffer.fd, **on))
    seen["same_inode"] = stat.ino == buffer.ino == seen["other_process"]["ino"]

    # Everything is undone in the opposite order. dma_buf_detach of a mapped attachment is refused: EBUSY.
    try:
        app.guest.Detach(guest.DetachRequest(attachment=attached.attachment, **on))
    except grpc.RpcError as refused:
        seen["early_detach"] = error_info(refused)
    device_memory.close()
    app.guest.UnmapDmaBuf(guest.UnmapDmaBufRequest(attachment=attached.attachment, **on))
    app.guest.Detach(guest.DetachRequest(attachment=attached.attachment, **on))
    app.device.UnregisterDevice(device.UnregisterDeviceRequest(device="python0", **on))

    # close of the fd. The mapping still holds the buffer, so its bytes are still there; munmap lets go of the last reference.
    app.guest.Release(guest.ReleaseRequest(fd=buffer.fd, **on))
    seen["after_close"] = memory[0:16].decode()
    memory.close()
    app.guest.Munmap(guest.MunmapRequest(address=mapped.address, **on))
    try:
        app.guest.StatBuffer(guest.StatBufferRequest(fd=buffer.fd, **on))
    except grpc.RpcError as refused:
        seen["stat_of_closed_fd"] = error_info(refused)
    app.exit()
    print(json.dumps(seen))


def import_buffer(target, share_token):
    """The second process: recvmsg(SCM_RIGHTS), mmap, read, write."""
    peer = Process(target, "python-peer")
    on = {"process": peer.handle}
    buffer = peer.guest.ImportBuffer(guest.ImportBufferRequest(share_token=share_token, **on))
    mapped = peer.guest.Mmap(guest.MmapRequest(fd=buffer.fd, **on))
    memory = peer.broker.map(mapped, mapped.length)
    read = memory[0:16].decode()
    memory[12288:12304] = b"by other process"
    memory.close()
    peer.guest.Release(guest.ReleaseRequest(fd=buffer.fd, **on))
    peer.exit()
    print(json.dumps({"ino": buffer.ino, "read": read}))


def nic(target, path):
    """A simulated NIC for a program that knows nothing of it: ibv_reg_dmabuf_mr of the fd that the program sent."""
    program = socket.socket(socket.AF_UNIX)
    program.connect(path)
    peer = Process(target, "nic")
    on = {"process": peer.handle}
    _, fds, _, _ = socket.recv_fds(program, 1, 1)
    token, size = peer.broker.share(fds[0])
    os.close(fds[0])
    seen = {"size": size}
    for wrong in (lambda: peer.broker.share(program.fileno()), lambda: peer.guest.ImportBuffer(guest.ImportBufferRequest(share_token=token[::-1], **on))):
        try:
            wrong()
        except OSError as refused:
            seen["share_of_a_socket"] = refused.errno
        except grpc.RpcError as refused:
            seen["import_of_no_token"] = error_info(refused)["reason"]
    buffer = peer.guest.ImportBuffer(guest.ImportBufferRequest(share_token=token, **on))
    peer.device.RegisterDevice(device.RegisterDeviceRequest(name="nic0", kind="rdma", mode=dma.MEDIATED, **on))
    attached = peer.guest.Attach(guest.AttachRequest(fd=buffer.fd, device="nic0", **on))
    dma_map = peer.guest.MapDmaBuf(guest.MapDmaBufRequest(attachment=attached.attachment, direction=dma.DMA_BIDIRECTIONAL, **on))
    address = dma_map.segments[0].dma_address
    seen["dma_read"] = peer.device.DmaRead(device.DmaReadRequest(device="nic0", dma_address=address, length=5, **on)).data.decode()
    peer.device.DmaWrite(device.DmaWriteRequest(device="nic0", dma_address=address + 4096, data=b"by DMA", **on))
    program.send(b"x")  # The completion.
    program.recv(1)  # The program is gone; the NIC still has its pages.
    seen["dma_read_after_exit"] = peer.device.DmaRead(device.DmaReadRequest(device="nic0", dma_address=address, length=5, **on)).data.decode()
    peer.guest.UnmapDmaBuf(guest.UnmapDmaBufRequest(attachment=attached.attachment, **on))
    peer.exit()
    print(json.dumps(seen))


def watch(target):
    """Holds a mapped buffer until the server is gone, and says how it learned of it."""
    app = Process(target, "python-watch")
    buffer = app.guest.AllocateBuffer(guest.AllocateBufferRequest(heap="system_cc_shared", len=SIZE, process=app.handle))
    mapped = app.guest.Mmap(guest.MmapRequest(fd=buffer.fd, process=app.handle))
    memory = app.broker.map(mapped, mapped.length)
    print("ready", flush=True)
    try:
        for _ in app.stream:
            pass
        ended = {"code": "OK", "sentence": "the server ended the stream"}
    except grpc.RpcError as broken:
        ended = {"code": broken.code().name, "sentence": broken.details()}
    # The broker's connection says the same in its way: it ends.
    ended["broker_end"] = len(app.broker.socket.recv(Broker.ANSWER.size))
    # And so does the next call: an error, not a wait.
    try:
        app.guest.StatBuffer(guest.StatBufferRequest(fd=buffer.fd, process=app.handle))
    except grpc.RpcError as refused:
        ended["next_call"] = refused.code().name
    # The memory is still mapped; touching it is harmless, but nobody is at the other end any more.
    ended["memory"] = memory[0]
    print(json.dumps(ended), flush=True)


if __name__ == "__main__":
    {"walk": walk, "import": import_buffer, "nic": nic, "watch": watch}[sys.argv[1]](*sys.argv[2:])
