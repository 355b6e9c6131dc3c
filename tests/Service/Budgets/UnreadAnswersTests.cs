using CocoGuest.Service.Budgets;
using CocoGuest.Tests.Service.Hosting;
using CocoGuest.Tests.Service.Probing;
using CocoGuest.V1;
using Google.Protobuf;

namespace CocoGuest.Tests.Service.Budgets;

/// <summary>Clients that ask for much and read nothing: what they hold is bounded, others are served, and it is given back.</summary>
public sealed class UnreadAnswersTests : ServerTest
{
    private const int Flooders = 4;
    private const int CallsOfEach = 200;
    private const long MostHeld = 256L << 20;

    [Fact]
    public async Task Flood_OfAnswersThatNobodyReads_HoldsWhatTheBudgetAllowsAndIsEnded()
    {
        GuestService.GuestServiceClient owner = Host.Guests();
        AllocateBufferResponse buffer = await owner.AllocateBufferAsync(new() { Heap = "system_cc_shared", Len = 1 << 20 });
        ulong address = (await owner.MmapAsync(new() { Fd = buffer.Fd })).Address;
        byte[] body = Framed(new LoadRequest { Address = address, Length = 1 << 20 });
        long before = GC.GetTotalMemory(forceFullCollection: true);
        AnswerRoom room = Host.Part<AnswerRoom>();
        List<RawHttp2> flooders = [];
        try
        {
            for (int i = 0; i < Flooders; i++)
            {
                var flooder = new RawHttp2(Host.Server.SocketPath, unread: true);
                flooders.Add(flooder);
                for (int call = 0; call < CallsOfEach; call++)
                {
                    flooder.Begin((2 * call) + 1, "/cocoguest.v1.GuestService/Load", "x");
                    flooder.Write((2 * call) + 1, end: true, body);
                }
            }

            Eventually(() => room.InUse == Flooders * AnswerRoom.MostOfOne);
            for (int i = 0; i < 100; i++)
            {
                await owner.ListHeapsAsync(new());
                await owner.LoadAsync(new() { Address = address, Length = 1 << 20 });
            }

            Assert.InRange(GC.GetTotalMemory(forceFullCollection: true) - before, long.MinValue, MostHeld);
            Host.Time.Advance(AnswerRoom.StallLimit);
            Host.Time.Advance(TimeSpan.FromSeconds(1));
            flooders.ForEach(f => f.ReadToEnd());
            Eventually(() => room.InUse == 0);
            Assert.Equal(Flooders, room.Stalled);
        }
        finally
        {
            flooders.ForEach(f => f.Dispose());
        }

        await owner.LoadAsync(new() { Address = address, Length = 1 << 20 });
        Eventually(() => Host.Part<ConnectionBudget>().Open == 1);
    }

    [Fact]
    public async Task Answers_OfAClientThatReads_AllCome()
    {
        GuestService.GuestServiceClient owner = Host.Guests();
        AllocateBufferResponse buffer = await owner.AllocateBufferAsync(new() { Heap = "system_cc_shared", Len = 1 << 20 });
        ulong address = (await owner.MmapAsync(new() { Fd = buffer.Fd })).Address;
        LoadResponse[] answers = await Task.WhenAll(Enumerable.Range(0, CallsOfEach)
            .Select(_ => owner.LoadAsync(new() { Address = address, Length = 1 << 20 }).ResponseAsync));
        Assert.All(answers, a => Assert.Equal(1 << 20, a.Data.Length));
        Assert.Equal(0, Host.Part<AnswerRoom>().Stalled);
    }

    [Fact]
    public async Task Requests_OfAMegabyteEach_AllCome()
    {
        GuestService.GuestServiceClient owner = Host.Guests();
        AllocateBufferResponse buffer = await owner.AllocateBufferAsync(new() { Heap = "system_cc_shared", Len = 1 << 20 });
        ulong address = (await owner.MmapAsync(new() { Fd = buffer.Fd })).Address;
        var data = ByteString.CopyFrom(new byte[1 << 20]);
        await Task.WhenAll(Enumerable.Range(0, CallsOfEach)
            .Select(_ => owner.StoreAsync(new() { Address = address, Data = data }).ResponseAsync)).WaitAsync(Patience);
    }

    [Fact]
    public async Task Calls_ThatWait_LeaveTurnsToThoseThatEndTheWait()
    {
        GuestService.GuestServiceClient owner = Host.Guests();
        var fences = new FenceService.FenceServiceClient(Host.Unix());
        int timeline = (await fences.CreateTimelineAsync(new() { Name = "t" })).Fd;
        int fence = (await fences.CreateFenceAsync(new() { Fd = timeline, Value = 1 })).Fd;
        Task<PollBufferResponse>[] waits = [.. Enumerable.Range(0, 4 * ClientConnection.MostAtWork)
            .Select(_ => fences.PollBufferAsync(new() { Fd = fence, Events = 1 }).ResponseAsync)];
        await fences.SignalTimelineAsync(new() { Fd = timeline });
        Assert.All(await Task.WhenAll(waits).WaitAsync(Patience), w => Assert.Equal(1u, w.Revents));
        await owner.ListHeapsAsync(new());
    }

    private static byte[] Framed(IMessage message)
    {
        byte[] bytes = message.ToByteArray();
        return [0, .. BitConverter.GetBytes(System.Buffers.Binary.BinaryPrimitives.ReverseEndianness(bytes.Length)), .. bytes];
    }
}
