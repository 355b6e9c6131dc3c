using CocoGuest.Machine.Files;

namespace CocoGuest.Machine.DmaBufs;

/// <summary>What this room keeps of a process.</summary>
internal static class ProcessBuffers
{
    private static readonly ProcessState<Dictionary<ulong, Attachment>> AttachmentsSlot = new(static _ => []);
    private static readonly ProcessState<Dictionary<DmaBuf, uint>> VmapsSlot = new(static _ => []);

    extension(GuestProcess process)
    {
        /// <summary>Its attachments by id, which rises with time.</summary>
        internal Dictionary<ulong, Attachment> Attachments => AttachmentsSlot.Of(process);

        /// <summary>Kernel mappings made for it, by buffer.</summary>
        internal Dictionary<DmaBuf, uint> Vmaps => VmapsSlot.Of(process);
    }
}
