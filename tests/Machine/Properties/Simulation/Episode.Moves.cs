using CocoGuest.Machine.Abi;
using CocoGuest.Machine.DmaBufs;
using CocoGuest.Machine.Fences;
using CocoGuest.Machine.Files;

namespace CocoGuest.Tests.Machine.Properties.Simulation;

/// <content>Buffers that move, dynamic importers and their pins, kernel mappings.</content>
internal sealed partial class Episode
{
    private readonly List<(GuestProcess Process, int Fd)> _movables = [];

    private void AllocateMovable()
    {
        if (_movables.Count >= FewThings)
        {
            CloseOneOf(_movables);
            return;
        }

        GuestProcess process = Somebody();
        Result<BufferHandle> result = _guest.Moves.Allocate(process, Sizes[_dice.Below(Sizes.Length)], 0x80002);
        if (Note(result))
        {
            _movables.Add((process, result.Value.Fd));
            Keep(_fds, (process, result.Value.Fd, result.Value.Size));
        }
    }

    private void AttachDynamic()
    {
        if (_attachments.Count > MostPicks)
        {
            Detach();
        }
        else if (Pick(_movables, out (GuestProcess Process, int Fd) fd))
        {
            var ops = (ImporterOps)_dice.Below(4);
            Result<ImportedBuffer> result = _guest.Importers.Attach(fd.Process, fd.Fd, "", ops);
            if (Note(result))
            {
                _digest.Add(result.Value.Attachment);
                Keep(_attachments, (fd.Process, result.Value.Attachment));
            }
        }
    }

    private void PinBuffer()
    {
        if (Pick(_attachments, out (GuestProcess Process, ulong Id) attachment))
        {
            Note(_guest.Importers.Pin(attachment.Process, attachment.Id));
        }
    }

    private void UnpinBuffer()
    {
        if (Pick(_attachments, out (GuestProcess Process, ulong Id) attachment))
        {
            Note(_guest.Importers.Unpin(attachment.Process, attachment.Id));
        }
    }

    private void Revoke()
    {
        if (Pick(_attachments, out (GuestProcess Process, ulong Id) attachment))
        {
            Note(_guest.Importers.Revoke(attachment.Process, attachment.Id));
        }
    }

    private void Vmap()
    {
        if (Pick(_fds, out (GuestProcess Process, int Fd, ulong) fd))
        {
            Note(_guest.Importers.Vmap(fd.Process, fd.Fd));
        }
    }

    private void Vunmap()
    {
        if (Pick(_fds, out (GuestProcess Process, int Fd, ulong) fd))
        {
            Note(_guest.Importers.Vunmap(fd.Process, fd.Fd));
        }
    }

    private void Migrate()
    {
        if (Pick(_movables, out (GuestProcess Process, int Fd) fd))
        {
            Result<FenceWait?> result = _guest.Moves.Migrate(
                fd.Process, fd.Fd, TimeSpan.FromSeconds(_dice.Below(30) - (_dice.OneIn(20) ? 5 : 0)));
            if (Note(result))
            {
                KeepWait(result.Value);
            }
        }
    }
}
