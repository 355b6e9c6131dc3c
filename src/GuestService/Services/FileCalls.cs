using CocoGuest.Machine;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Files;
using CocoGuest.Service.Requests;
using CocoGuest.Service.Errors;
using CocoGuest.V1;
using Google.Protobuf;
using Grpc.Core;

namespace CocoGuest.Service.Services;

/// <summary>FileService: raw open and ioctl.</summary>
internal sealed class FileCalls(CallEntry entry) : FileService.FileServiceBase
{
    private const uint ReadOnlyCloseOnExec = 0x80000;

    /// <summary>What the 14 bits of a command's size can say.</summary>
    private const int MostData = 16383;

    /// <inheritdoc/>
    public override Task<OpenFileResponse> OpenFile(OpenFileRequest request, ServerCallContext context)
    {
        GuestProcess process = entry.Process(context, request.Guest, request.Process).Process;
        uint flags = request.HasFlags ? request.Flags : ReadOnlyCloseOnExec;
        return Task.FromResult(new OpenFileResponse { Fd = process.Guest.Tree.Open(process, request.Path, flags).OrThrow() });
    }

    /// <inheritdoc/>
    public override async Task<IoctlResponse> Ioctl(IoctlRequest request, ServerCallContext context)
    {
        GuestProcess process = entry.Process(context, request.Guest, request.Process).Process;
        if (request.Data.Length > MostData)
        {
            GrpcErrors.Throw(new Failure(Errno.EINVAL, "ioctl", "check data",
                $"data has {request.Data.Length} bytes; a command's size is at most {MostData}.", "data"));
        }

        byte[] data = request.Data.ToByteArray();
        var memory = new ArgumentMemory(ArgumentMemory.DefaultAddress, data, !request.DataReadOnly);
        ulong argument = request.HasArgument ? request.Argument : memory.Address;
        IoctlOutcome outcome = process.Guest.Files.Ioctl(process, request.Fd, request.Command, argument, memory).OrThrow();
        await outcome.Wait.EndAsync(process.Guest, context.CancellationToken);
        return new IoctlResponse { Value = outcome.Value, Data = UnsafeByteOperations.UnsafeWrap(data) };
    }
}
