using CocoGuest.Machine.Files;

namespace CocoGuest.Machine;

/// <summary>From a process to its guest, for who has the process only.</summary>
public static class ProcessGuest
{
    extension(GuestProcess process)
    {
        /// <summary>The guest that the process runs in.</summary>
        public Guest Guest => (Guest)process.Core.Facade!;
    }
}
