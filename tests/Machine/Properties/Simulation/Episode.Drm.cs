using CocoGuest.Machine.Abi;
using CocoGuest.Machine.DmaBufs;
using CocoGuest.Machine.Drm;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Mappings;

namespace CocoGuest.Tests.Machine.Properties.Simulation;

/// <content>DRM: nodes, dumb buffers, PRIME both ways, GEM close, vgem fences.</content>
internal sealed partial class Episode
{
    private readonly List<(GuestProcess Process, int Fd)> _nodes = [];
    private readonly List<(GuestProcess Process, int Fd, uint Handle)> _handles = [];
    private readonly List<(GuestProcess Process, int Fd, uint Fence)> _nodeFences = [];

    private void OpenNode()
    {
        if (_nodes.Count >= FewThings)
        {
            CloseOneOf(_nodes);
            return;
        }

        GuestProcess process = Somebody();
        Result<int> result = _guest.Drm.Open(process, _dice.OneIn(20) ? "amdgpu" : _dice.OneIn(2) ? "vgem" : "vkms", _dice.OneIn(4));
        if (Note(result))
        {
            _digest.Add((uint)result.Value);
            _nodes.Add((process, result.Value));
        }
    }

    private void CreateDumb()
    {
        if (_handles.Count > MostPicks)
        {
            CloseHandle();
        }
        else if (Pick(_nodes, out (GuestProcess Process, int Fd) node))
        {
            uint width = _dice.OneIn(40) ? (uint)_dice.Bits() : 1 + (uint)_dice.Below(64);
            Result<DumbBuffer> result = _guest.Drm.CreateDumb(
                node.Process, node.Fd, width, (uint)_dice.Below(32), _dice.OneIn(8) ? 0 : 32u);
            if (Note(result))
            {
                _digest.Add(result.Value.Handle);
                Keep(_handles, (node.Process, node.Fd, result.Value.Handle));
            }
        }
    }

    private void MapDumb()
    {
        if (_vmas.Count > MostPicks || !Pick(_handles, out (GuestProcess Process, int Fd, uint Handle) handle))
        {
            Munmap();
            return;
        }

        Result<ulong> offset = _guest.Drm.MapDumb(handle.Process, handle.Fd, handle.Handle);
        if (!Note(offset))
        {
            return;
        }

        ulong length = 4096UL << (_dice.OneIn(4) ? 1 : 0);
        Result<MmapResult> result = _guest.Mappings.Mmap(handle.Process, handle.Fd, offset.Value, length, null, MapFlags.Shared);
        if (Note(result))
        {
            _digest.Add(result.Value.Address);
            Keep(_vmas, (handle.Process, result.Value.Address, result.Value.Length));
        }
    }

    private void CloseHandle()
    {
        if (Take(_handles, out (GuestProcess Process, int Fd, uint Handle) handle))
        {
            Note(_guest.Drm.GemClose(handle.Process, handle.Fd, handle.Handle));
        }
    }

    private void HandleToFd()
    {
        if (Pick(_handles, out (GuestProcess Process, int Fd, uint Handle) handle))
        {
            uint flags = _dice.OneIn(30) ? (uint)_dice.Bits() : _dice.OneIn(4) ? 0u : 0x80002;
            Result<BufferHandle> result = _guest.Drm.HandleToFd(handle.Process, handle.Fd, handle.Handle, flags);
            if (Note(result))
            {
                _digest.Add(result.Value.Inode);
                Keep(_fds, (handle.Process, result.Value.Fd, result.Value.Size));
            }
        }
    }

    // A buffer of the node's process, mostly.
    private void FdToHandle()
    {
        if (Pick(_nodes, out (GuestProcess Process, int Fd) node)
            && (PickOf(node.Process, _fds, f => f.Process, out (GuestProcess Process, int Fd, ulong) fd) || Pick(_fds, out fd)))
        {
            Result<uint> result = _guest.Drm.FdToHandle(node.Process, node.Fd, fd.Fd);
            if (Note(result))
            {
                _digest.Add(result.Value);
                Keep(_handles, (node.Process, node.Fd, result.Value));
            }
        }
    }

    private void AttachFenceToObject()
    {
        if (Pick(_handles, out (GuestProcess Process, int Fd, uint Handle) handle))
        {
            uint flags = _dice.OneIn(30) ? (uint)_dice.Bits() : (uint)_dice.Below(2);
            Result<uint> result = _guest.Drm.AttachFence(handle.Process, handle.Fd, handle.Handle, flags);
            if (Note(result))
            {
                Keep(_nodeFences, (handle.Process, handle.Fd, result.Value));
            }
        }
    }

    private void SignalFenceOfNode()
    {
        if (Take(_nodeFences, out (GuestProcess Process, int Fd, uint Fence) fence))
        {
            Note(_guest.Drm.SignalFence(fence.Process, fence.Fd, fence.Fence));
        }
    }

    private void CloseOneOf(List<(GuestProcess Process, int Fd)> list)
    {
        if (Take(list, out (GuestProcess Process, int Fd) file))
        {
            Note(_guest.Files.Close(file.Process, file.Fd));
        }
    }
}
