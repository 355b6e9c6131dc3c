using System.Buffers.Binary;
using CocoGuest.Machine;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.DmaBufs;
using CocoGuest.Machine.Files;
using CocoGuest.Tests.Machine.Guests;

namespace CocoGuest.Tests.Machine.Properties.Linearizability;

/// <summary>The guest's side of <see cref="Spec"/>: a process of its own for each history, with a private buffer that bounces.</summary>
internal sealed class Subject
{
    private const ulong Size = 4096;
    private const ulong SyncRead = 1;
    private const ulong SyncWriteEnd = 6;
    private readonly Guest _guest;
    private readonly ulong _address;
    private readonly ulong _attachment;
    private readonly ulong _slot;
    private readonly Handle128 _token;

    public Subject(TestGuest test, string device)
    {
        _guest = test.Guest;
        Process = test.Open();
        test.Register(Process, device);
        int fd = _guest.Heaps.Allocate(Process, TestGuest.Private, Size, 2, 0).Value.Fd;
        _address = _guest.Mappings.Mmap(Process, fd, 0, null, null, MapFlags.Shared).Value.Address;
        _attachment = _guest.Importers.Attach(Process, fd, device).Value.Attachment;
        DmaMapping mapping = _guest.Importers.Map(Process, _attachment, DmaDirection.Bidirectional, 0).Value;
        Violation.Unless(mapping.Bounced && fd == Spec.FirstFd, $"fd {fd}, bounced {mapping.Bounced}");
        _slot = mapping.AddressOf(0);
        _token = _guest.Buffers.Export(Process, fd, null, TimeSpan.Zero).Value;
    }

    /// <summary>Its process.</summary>
    public GuestProcess Process { get; }

    /// <summary>Instead of the machine's Import, for tests that plant a bug.</summary>
    public Func<Handle128, Answer>? ImportInstead { get; init; }

    /// <summary>Makes one call.</summary>
    public Answer Make(Act act)
    {
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        return act.Kind switch
        {
            ActKind.Store => Write(bytes, act.Value, b => _guest.Mappings.Store(Process, _address, b)),
            ActKind.DmaWrite => Write(bytes, act.Value, b => _guest.Devices.DmaWrite(Process, "", _slot, b)),
            ActKind.Load => Read(bytes, b => _guest.Mappings.Load(Process, _address, b)),
            ActKind.DmaRead => Read(bytes, b => _guest.Devices.DmaRead(Process, "", _slot, b)),
            ActKind.SyncBegin => AnswerOf(_guest.Importers.Sync(Process, Spec.FirstFd, SyncRead).Failure),
            ActKind.SyncEnd => AnswerOf(_guest.Importers.Sync(Process, Spec.FirstFd, SyncWriteEnd).Failure),
            ActKind.Unmap => AnswerOf(_guest.Importers.Unmap(Process, _attachment)),
            ActKind.Detach => AnswerOf(_guest.Importers.Detach(Process, _attachment)),
            ActKind.Release => AnswerOf(_guest.Buffers.Release(Process, Spec.FirstFd)),
            ActKind.Allocate => FdOf(_guest.Heaps.Allocate(Process, TestGuest.Private, Size, 2, 0)),
            _ => ImportInstead is null ? FdOf(_guest.Buffers.Import(Process, _token)) : ImportInstead(_token),
        };
    }

    /// <summary>What a call that gives a fd answered.</summary>
    public static Answer FdOf(Result<BufferHandle> result) =>
        result.Ok ? new Answer(Errno.None, (ulong)result.Value.Fd) : AnswerOf(result.Failure);

    private static Answer AnswerOf(Failure? failure) => failure?.Errno ?? Errno.None;

    private static Answer Write(Span<byte> bytes, ulong value, WriteCall call)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        return AnswerOf(call(bytes));
    }

    private static Answer Read(Span<byte> bytes, ReadCall call) =>
        call(bytes) is { } failure ? AnswerOf(failure) : new Answer(Errno.None, BinaryPrimitives.ReadUInt64LittleEndian(bytes));

    private delegate Failure? WriteCall(ReadOnlySpan<byte> bytes);

    private delegate Failure? ReadCall(Span<byte> bytes);
}
