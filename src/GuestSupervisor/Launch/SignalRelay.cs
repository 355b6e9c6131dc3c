using CocoGuest.Linux;
using CocoGuest.Linux.Processes;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Supervisor.Launch;

/// <summary>
/// Signals that processes send to coco are meant for the program, which decides: its keeper hands them on. What a terminal sends (^C, ^\,
/// a new size) reaches the program anyway, and coco only does not end of it.
/// </summary>
/// <remarks>
/// Not those of faults, which are coco's own, and not those by which the runtime stops its threads (34); SIGTSTP, SIGCONT and their like
/// stop coco and let it go on, and with it the program's next call that concerns the guest. What is taken over stays so until the process
/// ends: a signal that comes when the program has ended already must not hide its status.
/// </remarks>
internal static class SignalRelay
{
    private const int FirstRealTime = 35;
    private const int LastSignal = 64;

    // Hang-up, interrupt, quit, user 1 and 2, alarm, terminate, 16, urgent, virtual alarm, profiling, window, I/O, power.
    private static readonly int[] Signals = [1, 2, 3, 10, 12, Libc.Sigalrm, 15, 16, 23, 26, 27, 28, 29, 30, .. RealTime];

    private static IEnumerable<int> RealTime => Enumerable.Range(FirstRealTime, LastSignal - FirstRealTime + 1);

    /// <summary>Hands them on from now on.</summary>
    /// <param name="handOn">Called on a thread of the relay's.</param>
    public static void Start(Action<SignalNote> handOn)
    {
        SafeFileHandle notes = SignalNotes.Take(Signals);
        new Thread(() =>
        {
            SignalNotes.Unblock(Signals);
            while (SignalNotes.Read(notes, out SignalNote note))
            {
                // An alarm that the caller set goes on over exec, and is the program's.
                if (note.Code <= 0 || note.Signal == Libc.Sigalrm)
                {
                    handOn(note);
                }
            }
        })
        { IsBackground = true, Name = "signals" }.Start();
    }
}
