using System.Security.Cryptography;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.DmaBufs;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Host;
using CocoGuest.Machine.Memory;
using CocoGuest.Machine.Profiles;
using CocoGuest.Tests.Machine.Guests;
using CocoGuest.Tests.Machine.Platforms;

namespace CocoGuest.Tests.Machine.Natives;

/// <summary>
/// One story of a private buffer, told by all its views: the guest's, the host's, a device's. The stores are a native process' or the
/// machine's; nothing that is told may depend on that.
/// </summary>
internal sealed class MappedViews : IDisposable
{
    private const int Bytes = 139264;
    private const int Middle = 69632;
    private readonly PlatformGuest _test;
    private readonly List<string> _told;
    private readonly ulong _map;
    private readonly ulong _phys;
    private readonly int _fd;
    private readonly FileStream? _memory;

    private MappedViews(Platform platform, bool native, List<string> told)
    {
        _told = told;
        _test = new PlatformGuest(platform, KernelVersion.V72);
        (_fd, _map, _phys) = _test.Filled(TestGuest.Private, Bytes);
        Tell("filled");
        if (native)
        {
            NativeFile file = _test.Guest.Natives.Adopt(_test.Init, _fd).Value;
            _memory = _test.Guest.OpenFile(file);
            _test.Guest.Natives.Closed(file);
        }
    }

    public static void Run(Platform platform, bool native, List<string> told, bool planted = false)
    {
        using var views = new MappedViews(platform, native, told);
        views.Tell("opened");
        views.Store("first"u8, 3);
        views.Store(PlatformGuest.Pattern(5000), Middle - 100);
        views.Tell("stored");
        if (planted)
        {
            views._memory!.Write("planted"u8, 64);
        }

        views.HostWrites(0x40, "host"u8);
        views.Tell("host wrote");
        views.Convert(ConversionDirection.ToShared, 4096, 8192);
        views.Convert(ConversionDirection.ToShared, 65536, 65536);
        views.Tell("to shared");
        views.HostWrites(4096 + 100, "shared"u8);
        views.Tell("host wrote shared");
        views.Convert(ConversionDirection.ToPrivate, 4096, 4096);
        views.Tell("one page back");
        views.Store("between"u8, 4096);
        views.Convert(ConversionDirection.ToPrivate, 0, Bytes);
        views.Tell("all back");
        views.Remap();
        views.Tell("remapped");
        views.Bounce();
        views.Tell("bounced");
        views.Release();
        views.Tell("released");
    }

    public void Dispose()
    {
        _memory?.Dispose();
        _test.Dispose();
    }

    private void Store(ReadOnlySpan<byte> bytes, int offset)
    {
        if (_test.Guest.EndReason is not null)
        {
            return;
        }

        if (_memory is not null)
        {
            _memory.Write(bytes, offset);
        }
        else
        {
            _test.Guest.Mappings.Store(_test.Init, _map + (ulong)offset, bytes);
        }
    }

    private void Convert(ConversionDirection direction, ulong offset, ulong length)
    {
        Result<ConversionOutcome> outcome = _test.Guest.Conversions.ConvertBuffer(_test.Init, _fd, offset, length, direction, 0);
        _told.Add($"{direction} {outcome.Failure?.Errno} {(outcome.Ok ? outcome.Value.SharedPages : 0)}");
    }

    private void HostWrites(ulong offset, ReadOnlySpan<byte> bytes) =>
        _told.Add($"host write {_test.Guest.HostView.Write(_phys + offset, bytes)?.Errno}");

    private void Remap() => _told.Add($"remap {_test.Guest.Vmm.Remap(_phys, _phys + 8192)?.Errno}");

    private void Bounce()
    {
        Result<ImportedBuffer> attached = _test.Guest.Importers.Attach(_test.Init, _fd, "");
        if (!attached.Ok)
        {
            _told.Add($"attach {attached.Failure.Errno}");
            return;
        }

        ulong attachment = attached.Value.Attachment;
        Result<DmaMapping> map = _test.Guest.Importers.Map(_test.Init, attachment, CocoGuest.Machine.Abi.DmaDirection.Bidirectional, 0);
        _told.Add($"map {map.Failure?.Errno}");
        if (map.Ok)
        {
            byte[] seen = new byte[4096];
            _told.Add($"device {_test.Guest.Devices.DmaRead(_test.Init, "", map.Value.AddressOf(0), seen)?.Errno} {Hash(seen)}");
            _told.Add($"device {_test.Guest.Devices.DmaWrite(_test.Init, "", map.Value.AddressOf(0) + 4, "device"u8)?.Errno}");
            _told.Add($"unmap {_test.Guest.Importers.Unmap(_test.Init, attachment)?.Errno}");
        }

        _told.Add($"detach {_test.Guest.Importers.Detach(_test.Init, attachment)?.Errno}");
    }

    private void Release()
    {
        _test.Guest.Mappings.Munmap(_test.Init, _map);
        _told.Add($"release {_test.Guest.Buffers.Release(_test.Init, _fd)?.Errno}");
    }

    // Page by page, since each may have its own answer.
    private void Tell(string when)
    {
        var text = new List<string>();
        for (ulong at = 0; at < Bytes; at += 4096)
        {
            text.Add(View(_test.Load(_map + at, 4096)) + View(_test.HostRead(_phys + at, 4096)) + View(_test.DmaRead(_phys + at, 4096)));
        }

        text.AddRange(_test.Faults.Select(f => f.ToString()));
        _told.Add($"{when} {_test.Guest.EndReason} {string.Join('\n', text)}");
    }

    private static string View(Result<byte[]> seen) => seen.Ok ? Hash(seen.Value) : seen.Failure.Errno.ToString();

    private static string Hash(byte[] bytes) => System.Convert.ToHexString(SHA256.HashData(bytes)[..8]) + " ";
}
