using CocoGuest.Machine;
using CocoGuest.Machine.Files;
using CocoGuest.Service.Errors;
using CocoGuest.Service.Requests;
using CocoGuest.V1;
using Grpc.Core;
using MachineDirection = CocoGuest.Machine.Memory.ConversionDirection;
using MachineGuest = CocoGuest.Machine.Guest;
using MachineOutcome = CocoGuest.Machine.Host.ConversionOutcome;

namespace CocoGuest.Service.Services;

/// <summary>ConversionService: set_memory_decrypted and set_memory_encrypted.</summary>
internal sealed class ConversionCalls(CallEntry entry) : ConversionService.ConversionServiceBase
{
    private const string Operation = "convert_pages";

    /// <inheritdoc/>
    public override Task<ConvertPagesResponse> ConvertPages(ConvertPagesRequest request, ServerCallContext context)
    {
        MachineGuest guest = entry.Guest(context, request.Guest);
        MachineDirection direction = RequestFields.Direction(request.Direction, Operation);
        MachineOutcome outcome = guest.Conversions.Convert(request.Address, request.Pages, direction, request.Cpu).OrThrow();
        return Task.FromResult(new ConvertPagesResponse { Outcome = Write(outcome) });
    }

    /// <inheritdoc/>
    public override Task<ConvertBufferResponse> ConvertBuffer(ConvertBufferRequest request, ServerCallContext context)
    {
        GuestProcess process = entry.Process(context, request.Guest, request.Process).Process;
        MachineDirection direction = RequestFields.Direction(request.Direction, Operation);
        MachineOutcome outcome = process.Guest.Conversions.ConvertBuffer(
            process, request.Fd, request.Offset, request.Length, direction, request.Cpu).OrThrow();
        return Task.FromResult(new ConvertBufferResponse { Outcome = Write(outcome) });
    }

    private static ConversionOutcome Write(MachineOutcome outcome) => new()
    {
        Errno = outcome.Failure?.Errno.ToString() ?? "",
        ErrnoNumber = (uint)(outcome.Failure?.Errno ?? 0),
        Sentence = outcome.Failure?.Sentence ?? "",
        Calls = (uint)outcome.Calls,
        SharedPages = outcome.SharedPages,
        StaleDeviceMappings = (uint)outcome.StaleDeviceMappings,
        Cost = GuestInfoWriter.Conversions(outcome.Cost),
    };
}
