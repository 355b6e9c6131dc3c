using CocoGuest.Machine;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Profiles;
using CocoGuest.Service.Errors;
using CocoGuest.V1;
using Grpc.Core;
using GuestShape = CocoGuest.Machine.Profiles.GuestShape;
using WireShape = CocoGuest.V1.GuestShape;

namespace CocoGuest.Service.Services;

/// <summary>HostService: life of guests.</summary>
internal sealed class HostCalls(GuestRegistry host, CallEntry entry, GuestInfoWriter writer) : HostService.HostServiceBase
{
    /// <inheritdoc/>
    public override Task<CreateGuestResponse> CreateGuest(CreateGuestRequest request, ServerCallContext context)
    {
        CallEntry.CheckWanted(context);
        GuestShape shape = ShapeOf(request.Shape ?? new WireShape());
        return Task.FromResult(new CreateGuestResponse { Guest = writer.Write(host.Create(shape).OrThrow()) });
    }

    /// <inheritdoc/>
    public override Task<GetGuestResponse> GetGuest(GetGuestRequest request, ServerCallContext context) =>
        Task.FromResult(new GetGuestResponse { Guest = writer.Write(entry.Guest(context, request.Guest)) });

    /// <inheritdoc/>
    public override Task<ListGuestsResponse> ListGuests(ListGuestsRequest request, ServerCallContext context)
    {
        CallEntry.CheckWanted(context);
        var response = new ListGuestsResponse();
        response.Guests.AddRange(host.List().Select(writer.Write));
        return Task.FromResult(response);
    }

    /// <inheritdoc/>
    public override Task<DestroyGuestResponse> DestroyGuest(DestroyGuestRequest request, ServerCallContext context)
    {
        CallEntry.CheckWanted(context);
        host.Destroy(request.Guest).ThrowIfFailed();
        return Task.FromResult(new DestroyGuestResponse());
    }

    private static GuestShape ShapeOf(WireShape wire) => new()
    {
        Name = wire.Name,
        Platform = PlatformOf(wire.Platform),
        Kernel = KernelOf(wire.Kernel),
        MemoryBytes = wire.MemoryBytes,
        Cpus = wire.Cpus,
        Swiotlb = wire.Swiotlb,
        Cma = wire.Cma,
        CBitPosition = wire.CBitPosition,
        GpaWidth = wire.GpaWidth,
        Heaps = [.. wire.Heaps],
        Fragmentation = wire.Fragmentation is { } policy
            ? new FragmentationPolicy(policy.Order8FailsFrom, policy.Order4FailsFrom)
            : FragmentationPolicy.Default,
        Seed = wire.Seed,
    };

    private static Platform PlatformOf(string word)
    {
        if (!ShapeWords.TryParsePlatform(word, out Platform platform))
        {
            GrpcErrors.Throw(Wrong("platform", word, ShapeWords.Platforms));
        }

        return platform;
    }

    private static KernelVersion KernelOf(string word)
    {
        if (!ShapeWords.TryParseKernel(word, out KernelVersion kernel))
        {
            GrpcErrors.Throw(Wrong("kernel", word, ShapeWords.Kernels));
        }

        return kernel;
    }

    private static Failure Wrong(string field, string word, string known) => new(Errno.EINVAL, "create_guest", "check shape",
        $"{field} '{(word.Length <= 64 ? word : word[..64] + "…")}' is not one of {known}.", field);
}
