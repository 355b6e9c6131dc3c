using System.Text;
using CocoGuest.Supervisor.Launch;
using CocoGuest.Supervisor.Seccomp;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Tests.Benchmarks.Supervisor;

/// <summary>
/// The floor: a supervisor that answers without a thought. A SYNC ioctl succeeds, every other call goes on in the kernel. Same filter, same
/// channel, same waking; one RECV and one SEND a call.
/// </summary>
internal static class NullSupervisor
{
    /// <summary>The reserved range of its programs.</summary>
    public static readonly FdRange Range = FdRange.Choose();

    /// <summary>Runs a program to its end.</summary>
    public static void Run(string path, IReadOnlyList<string> program)
    {
        using var keepers = Keepers.Take();
        byte[][] words = [.. program.Select(word => Encoding.UTF8.GetBytes(word))];
        keepers.Start(words, Encoding.UTF8.GetBytes(path), Range, FilterRules.For(strict: false), traceable: false);
        SafeFileHandle listener = keepers.ReceiveListener() ?? throw new InvalidOperationException("No filter could be installed here.");
        using var channel = new NotifyChannel(listener);
        keepers.Go();
        Serve(channel);
        _ = keepers.WaitForEnd();
    }

    // Until the first thread of the program ends it.
    private static void Serve(NotifyChannel channel)
    {
        int root = 0;
        while (channel.TryReceive(out Notification call))
        {
            root = root == 0 ? call.Tid : root;
            if (call.Call == SystemCall.Ioctl && call.UInt(1) == (uint)Kernel.BufferSync)
            {
                channel.Return(call.Id, 0);
            }
            else
            {
                channel.Continue(call.Id);
            }

            if (call.Call == SystemCall.ExitGroup && call.Tid == root)
            {
                return;
            }
        }
    }
}
