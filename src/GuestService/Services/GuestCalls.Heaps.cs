using CocoGuest.Machine.Abi;
using CocoGuest.Service.Errors;
using CocoGuest.V1;
using Grpc.Core;
using HeapUse = CocoGuest.V1.HeapUse;
using MachineHeap = CocoGuest.Machine.Heaps.HeapInfo;
using MachineUse = CocoGuest.Machine.Heaps.HeapUse;

namespace CocoGuest.Service.Services;

/// <summary>GuestService: heaps, and which of them a use gets.</summary>
internal sealed partial class GuestCalls
{
    /// <inheritdoc/>
    public override Task<ListHeapsResponse> ListHeaps(ListHeapsRequest request, ServerCallContext context)
    {
        var response = new ListHeapsResponse();
        foreach (MachineHeap heap in entry.Guest(context, request.Guest).HeapNodes)
        {
            response.Heaps.Add(new Heap { Name = heap.Name, Minor = heap.Minor, ValidHeapFlags = heap.ValidHeapFlags });
        }

        return Task.FromResult(response);
    }

    /// <inheritdoc/>
    public override Task<ListHeapUsesResponse> ListHeapUses(ListHeapUsesRequest request, ServerCallContext context)
    {
        var response = new ListHeapUsesResponse();
        foreach (MachineUse use in entry.Guest(context, request.Guest).Heaps.Uses)
        {
            response.Uses.Add(new HeapUse { Use = use.Use, Heap = use.Heap, HeapFlags = use.HeapFlags, IsDefault = use.IsDefault });
        }

        return Task.FromResult(response);
    }

    /// <inheritdoc/>
    public override Task<SetHeapUseResponse> SetHeapUse(SetHeapUseRequest request, ServerCallContext context)
    {
        entry.Guest(context, request.Guest).Heaps.SetUse(request.Use, request.Heap, request.HeapFlags).ThrowIfFailed();
        return Task.FromResult(new SetHeapUseResponse());
    }

    // Heap and flags come from the use's row; a request that has its own says two things.
    private static void CheckUseAlone(AllocateBufferRequest request)
    {
        if (request.Use.Length != 0 && (request.Heap.Length != 0 || request.HeapFlags != 0))
        {
            string field = request.Heap.Length != 0 ? "heap" : "heap_flags";
            GrpcErrors.Throw(new Failure(Errno.EINVAL, "allocate_buffer", "check use",
                $"A use stands for a heap and its flags: give either use or {field}.", field));
        }
    }
}
