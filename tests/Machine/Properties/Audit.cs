using CocoGuest.Machine;
using CocoGuest.Machine.DmaBufs;
using CocoGuest.Machine.Drm;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Mappings;
using CocoGuest.Machine.Memory.Frames;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Tests.Machine.Properties;

/// <summary>
/// Checks a guest against itself, without a model beside it: everything is walked from its roots (fds, mappings, importers, kernel
/// mappings, moves, polls, tokens, pins, memory regions), and what is found there has to explain every reference, every frame, every
/// shared page, every bounce slot, every pin, and every fence that has not signalled.
/// Does not check: contents, and whether an answer was the right one; the reference model does (<see cref="Census"/>).
/// </summary>
internal sealed partial class Audit
{
    private readonly Guest _guest;
    private readonly bool _faulty;
    private readonly bool _statesAreClaims;
    private readonly Dictionary<GuestFile, int> _references = [];
    private readonly Queue<GuestFile> _found = new();
    private readonly Dictionary<DmaBuf, int> _attachments = [];
    private readonly HashSet<OwnPage> _ownPages = [];
    private readonly HashSet<ShmemPage> _shmemPages = [];
    private readonly Kind[] _frames;

    /// <param name="guest">The guest.</param>
    /// <param name="faulty">Faults were injected: guest and host may disagree, and memory may leak.</param>
    public Audit(Guest guest, bool faulty = false)
    {
        _guest = guest;
        _faulty = faulty;

        // A plain guest has no page states, and the recordings' laboratory converts nothing while it claims nothing.
        _statesAreClaims = !guest.Platform.Encrypted || guest.Shape.Platform == Platform.Lab;
        _frames = new Kind[Page.FrameOf(guest.Memory.Layout.EndAddress)];
    }

    /// <summary>Checks everything; throws <see cref="Violation"/>.</summary>
    public void Check()
    {
        using (_guest.Core.Gate.Hold())
        {
            Clear();
            Walk();
            CheckReferences();
            CheckAttachments();
            Occupy();
            CheckFrames();
            CheckSlots();
            CheckPages();
            CheckCounts();
            CheckObjects();
            CheckRegions();
            CheckFences();
        }
    }

    /// <summary>Frames that are neither free nor anybody's.</summary>
    public IReadOnlyList<ulong> Leaked()
    {
        using (_guest.Core.Gate.Hold())
        {
            Clear();
            Walk();
            Occupy();
            var leaked = new List<ulong>();
            foreach (FrameRange ram in _guest.Memory.Layout.Ranges)
            {
                for (ulong frame = ram.First; frame < ram.End; frame++)
                {
                    if (_frames[frame] == Kind.Nobody && !_guest.Frames.IsFree(frame))
                    {
                        leaked.Add(frame);
                    }
                }
            }

            return leaked;
        }
    }

    /// <summary>One check of a guest.</summary>
    public static void Check(Guest guest, bool faulty = false) => new Audit(guest, faulty).Check();

    private void Clear()
    {
        _references.Clear();
        _attachments.Clear();
        _ownPages.Clear();
        _shmemPages.Clear();
        Array.Clear(_frames);
    }

    private void Walk()
    {
        foreach (GuestProcess process in _guest.Processes.All)
        {
            Violation.Unless(process.Alive, $"process {process.Pid} is listed and dead");
            foreach (int fd in process.Fds.OpenFds())
            {
                Hold(process.Fds.Find(fd)!);
            }

            foreach (Vma vma in process.Addresses.Ascending())
            {
                _ = vma.File is { } file && Hold(file);
            }

            foreach (Attachment attachment in process.Attachments.Values)
            {
                Hold(attachment);
            }

            foreach ((DmaBuf buffer, uint users) in process.Vmaps)
            {
                for (uint user = 0; user < users; user++)
                {
                    Hold(buffer);
                }
            }
        }

        // A buffer lives at least as long as its move and the callbacks of polls.
        foreach (DmaBuf buffer in _guest.Buffers.All)
        {
            for (int holder = buffer.PollsQueued + (buffer.Move is null ? 0 : 1); holder > 0; holder--)
            {
                Hold(buffer);
            }
        }

        foreach (GuestFile file in _guest.Files.InFlight.Concat(_guest.Natives.Held.Select(n => n.File)))
        {
            Hold(file);
        }

        while (_found.TryDequeue(out GuestFile? file))
        {
            FollowFrom(file);
        }
    }

    private bool Hold(GuestFile file)
    {
        if (!_references.TryAdd(file, 1))
        {
            _references[file]++;
            return true;
        }

        _found.Enqueue(file);
        return true;
    }

    private void Hold(Attachment attachment)
    {
        Hold(attachment.Buffer);
        _attachments[attachment.Buffer] = _attachments.GetValueOrDefault(attachment.Buffer) + 1;
        Violation.Unless(
            attachment.Buffer.Attachments.Contains(attachment),
            $"attachment {attachment.Id} is not on the list of buffer {attachment.Buffer.Inode}");
    }

    // Files that hold files.
    private void FollowFrom(GuestFile file)
    {
        switch (file)
        {
            case DrmFile client:
                foreach (uint handle in client.Handles)
                {
                    Hold(client.Find(handle)!);
                    _ = client.CachedBuffer(handle) is { } cached && Hold(cached);
                }

                break;
            case GemObject gem:
                _ = gem.DmaBuf is { } exported && Hold(exported);
                if (gem.Import is { } import)
                {
                    Hold(import);
                }

                break;
            case DmaBuf { Exporter: GemExporter exporter } buffer:
                _ = exporter.Find(buffer) is { } shown && Hold(shown);
                break;
            default:
                break;
        }
    }

    // Each reference has a holder, and nothing without a holder is alive.
    private void CheckReferences()
    {
        int buffers = 0;
        foreach ((GuestFile file, int references) in _references)
        {
            buffers += file is DmaBuf ? 1 : 0;
            Violation.Unless(
                file.References == references,
                $"{file.Kind} {file.Inode} has {file.References} references, but {references} holders were found");
        }

        Violation.Unless(_guest.Buffers.Live == buffers, $"{_guest.Buffers.Live} buffers are alive, but {buffers} can be reached");
    }

    private void CheckAttachments()
    {
        foreach (GuestFile file in _references.Keys)
        {
            if (file is DmaBuf buffer)
            {
                int held = _attachments.GetValueOrDefault(buffer);
                Violation.Unless(
                    buffer.Attachments.Count == held,
                    $"buffer {buffer.Inode} lists {buffer.Attachments.Count} attachments, importers hold {held}");
            }
        }
    }
}
