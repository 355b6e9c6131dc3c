using System.Runtime.CompilerServices;

namespace CocoGuest.Tests.Machine.Properties.Simulation;

/// <content>Which operation comes next: a wheel of weighted operations. Their order is part of what a seed means.</content>
internal sealed partial class Episode
{
    private static readonly (int Weight, Action<Episode> Do, string Name)[] Operations =
    [
        Of(90, e => e.Allocate()), Of(90, e => e.Release()), Of(70, e => e.Mmap()), Of(70, e => e.Munmap()),
        Of(140, e => e.Store()), Of(120, e => e.Load()),
        Of(60, e => e.Attach()), Of(70, e => e.Map()), Of(70, e => e.Unmap()), Of(60, e => e.Detach()), Of(40, e => e.Sync()),
        Of(60, e => e.Dma(write: true)), Of(60, e => e.Dma(write: false)),
        Of(20, e => e.Wild(write: true)), Of(20, e => e.Wild(write: false)),
        Of(30, e => e.HostRead()), Of(30, e => e.Export()), Of(30, e => e.Import()), Of(10, e => e.Advance()),
        Of(10, e => e.Open()), Of(10, e => e.End()),
        Of(10, e => e.Register()), Of(10, e => e.Unregister()), Of(4, e => e.Stat()), Of(4, e => e.Name()),
        Of(8, e => e.Pin()), Of(8, e => e.Unpin()),
        Of(4, e => e.Protect()), Of(4, e => e.Touch()), Of(2, e => e.Exec()), Of(6, e => e.Fault()),
        Of(10, e => e.OpenNode()), Of(24, e => e.CreateDumb()), Of(16, e => e.MapDumb()), Of(24, e => e.CloseHandle()),
        Of(20, e => e.HandleToFd()),
        Of(20, e => e.FdToHandle()), Of(12, e => e.AttachFenceToObject()), Of(12, e => e.SignalFenceOfNode()),
        Of(6, e => e.CreateTimeline()), Of(16, e => e.CreateFence()), Of(10, e => e.AdvanceTimeline()), Of(16, e => e.ExportSyncFile()),
        Of(16, e => e.ImportSyncFile()), Of(8, e => e.MergeSyncFiles()), Of(6, e => e.ShareSyncFile()), Of(6, e => e.ReceiveSyncFile()),
        Of(8, e => e.AttachFence()), Of(8, e => e.SignalFence()), Of(4, e => e.InterruptWait()), Of(4, e => e.AskFences()),
        Of(12, e => e.CreateMemfd()), Of(12, e => e.ChangeMemfd()), Of(16, e => e.WriteMemfd()), Of(12, e => e.ReadMemfd()),
        Of(16, e => e.CreateUdmabuf()),
        Of(10, e => e.AllocateMovable()), Of(16, e => e.AttachDynamic()), Of(6, e => e.PinBuffer()), Of(6, e => e.UnpinBuffer()),
        Of(2, e => e.Revoke()),
        Of(6, e => e.Vmap()), Of(6, e => e.Vunmap()), Of(10, e => e.Migrate()),
        Of(2, e => e.AddRdmaDevice()), Of(4, e => e.AllocPd()), Of(2, e => e.DeallocPd()), Of(12, e => e.RegisterMr()),
        Of(12, e => e.RegisterDmaBufMr()), Of(16, e => e.DeregisterMr()),
        Of(8, e => e.WalkPath()), Of(6, e => e.CallFile()), Of(8, e => e.Advise()), Of(6, e => e.GiveAnyFd()),
        Of(4, e => e.ExportOfTimelines()), Of(4, e => e.AdvanceFar()), Of(4, e => e.SealMemfd()), Of(6, e => e.LackFds()),
        Of(4, e => e.AllocateDma()),
    ];

    private static readonly byte[] Wheel = [.. Operations.SelectMany((o, i) => Enumerable.Repeat((byte)i, o.Weight))];
    private static readonly ulong[] Sizes = [4096, 4096, 4096, 4096, 8192, 8192, 12288, 20480, 65536, 69632];
    private static readonly ulong[] Odd =
        [0, 1, 4095, 4097, 1UL << 31, 1UL << 32, 1UL << 52, 1UL << 63, ulong.MaxValue, ulong.MaxValue - 4095];

    private byte _last;

    /// <summary>The operation that ran last.</summary>
    public string Last => Operations[_last].Name;

    /// <summary>One operation.</summary>
    public void Step()
    {
        byte operation = Wheel[_dice.Below(Wheel.Length)];
        _digest.Add(operation);
        _last = operation;
        Operations[operation].Do(this);
    }

    private static (int Weight, Action<Episode> Do, string Name) Of(
        int weight, Action<Episode> operation, [CallerArgumentExpression(nameof(operation))] string name = "") =>
        (weight, operation, name["e => e.".Length..]);
}
